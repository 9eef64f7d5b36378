/* SPDX-License-Identifier: Apache-2.0 */
/* References as files: refs/<reference with "/" as "+"> holds the id of an image. */
#pragma once

#include "store/store.h"

struct refs_entry {
    char *full; /* "docker.io/library/debian:12" or "docker.io/library/debian@sha256:…" */
    struct digest id;
};

/* 0; -ENOENT without an error filled. */
int refs_get(const struct store *s, const char *full, struct digest *ret, struct err *e);
int refs_set(const struct store *s, const char *full, const struct digest *id, struct err *e);
/* Missing is success. */
int refs_drop(const struct store *s, const char *full, struct err *e);
/* All of them, sorted by name. */
int refs_list(const struct store *s, struct arena *a, struct refs_entry **ret, size_t *n,
              struct err *e);
/* "docker.io/library/debian:12": what a tag is kept under. NULL: out of memory. */
char *refs_tag_name(const struct ref *r, struct arena *a);
/* "docker.io/library/debian@sha256:…" */
char *refs_digest_name(const struct ref *r, const struct digest *d, struct arena *a);
