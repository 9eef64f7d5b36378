/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer of the store as a blob: packed on one thread, compressed and hashed on another, kept in a
 * nameless file. The same layer with the same words gives the same blob.
 */
#pragma once

#include "registry/job.h"

struct blob_want {
    struct job *job;
    const struct store *store;
    const struct digest *diff_id;
    enum blob_kind kind; /* ANY: gzip */
    int level;           /* as gzip's 1 to 9 or zstd's 1 to 22; 0 = default */
};

struct blob {
    int fd; /* of the whole file; owned */
    struct digest digest;
    uint64_t size;
};

int blob_make(const struct blob_want *w, struct blob *ret, struct err *e);
/* The tar as it is, piece by piece. */
int blob_plain(const struct blob_want *w,
               int (*take)(void *data, const void *p, size_t n, struct err *e), void *data,
               struct err *e);
/* What a blob of this media type is; ANY = nothing that is known. */
enum blob_kind blob_kind_of(const char *media_type);
/* The media type of a layer. */
const char *blob_type(enum blob_kind kind, bool docker);
