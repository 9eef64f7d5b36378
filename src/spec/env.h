/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Environment lists ("KEY=value") as docker makes them: image, then --env-file, then -e.
 * `host` is the caller's own environ: a bare KEY takes its value from there. NULL = empty.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define ENV_MAX_LINE ((size_t)1 << 20)
#define ENV_MAX_VARS 4096

/* One -e word. A bare KEY that the host does not have stays bare: env_merge() then removes it.
 * ERR_USAGE "invalid environment variable: =x". */
int env_add(const char *word, char *const *host, struct arena *a, struct strlist *list,
            struct err *e);
/* An env-file (or label-file): KEY=value lines taken literally, "#" comments, blank lines, BOM.
 * A bare KEY the host does not have is left out. `what` is the file's name. ERR_USAGE. */
int env_parse_file(const char *text, size_t len, const char *what, char *const *host,
                   struct arena *a, struct strlist *list, struct err *e);
/* `base` with `over` on top: same key replaced in place, new key appended, bare key removed.
 * The last of equal keys wins. `ret` is a new list. */
int env_merge(const struct strlist *base, const struct strlist *over, struct arena *a,
              struct strlist *ret, struct err *e);
/* Value of `key`, or NULL. */
const char *env_get(const struct strlist *list, const char *key);
