/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hako.lock: which digest a name means, per platform, so that the same name is the same image next
 * year. Written for people: one object per name, sorted.
 *
 *   {
 *       "version": 1,
 *       "images": {
 *           "docker.io/library/debian:12": {
 *               "linux/amd64": "sha256:…",
 *               "linux/arm64": "sha256:…"
 *           }
 *       }
 *   }
 *
 * The digest is the one of the platform's manifest.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "spec/digest.h"

#define LOCKFILE_NAME "hako.lock"
#define LOCKFILE_MAX_BYTES ((size_t)4 << 20)
#define LOCKFILE_MAX_ENTRIES 65536

struct lockfile_entry {
    const char *name, *platform; /* "docker.io/library/debian:12", "linux/amd64" */
    struct digest digest;
};

struct lockfile {
    struct lockfile_entry *v;
    size_t n, cap;
};

int lockfile_parse(const char *text, size_t len, const char *what, struct arena *a,
                   struct lockfile *ret, struct err *e);
/* Sorted by name and platform, with a newline at the end. */
int lockfile_print(struct lockfile *l, struct str *out, struct err *e);
/* NULL: not there. */
const struct lockfile_entry *lockfile_find(const struct lockfile *l, const char *name,
                                           const char *platform);
bool lockfile_has_name(const struct lockfile *l, const char *name);
/* Adds or replaces. */
int lockfile_set(struct lockfile *l, const char *name, const char *platform, const struct digest *d,
                 struct arena *a, struct err *e);
