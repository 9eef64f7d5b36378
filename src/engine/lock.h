/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lock files: the same name is the same image next year (spec/lockfile.h). A run or pull obeys the
 * file it is given, else the configuration's "lock", else hako.lock in the working directory;
 * `hako pull --lock` writes it.
 */
#pragma once

#include "engine/engine.h"

/* The file to obey; NULL = none. `given` "" = none whatever there is. */
int lock_path(hako_engine *g, const char *given, struct arena *a, const char **ret, struct err *e);
/* What the name means there, for this platform. A name with a digest needs no lock: "" then.
 * ERR_NOT_FOUND says which of name and platform is missing, and what adds it. */
int lock_digest(const char *path, const struct ref *ref, const struct platform *platform,
                struct arena *a, struct digest *ret, struct err *e);
/* Write down what a pull has found. */
int lock_update(const char *path, const struct ref *ref, const struct platform *platform,
                const struct digest *manifest, struct arena *a, struct err *e);
