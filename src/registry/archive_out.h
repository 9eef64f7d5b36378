/* SPDX-License-Identifier: Apache-2.0 */
/* Files into a tar stream or into a directory, under the same calls. Deterministic: no times, no
 * owners. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct archive_out {
    int fd; /* of the stream, or of the directory */
    bool dir;
    int file; /* directory: the one that is open */
    char name[256];
    uint64_t left; /* of it */
    uint64_t size;
};

/* `size` must be known beforehand and come true. */
int archive_out_begin(struct archive_out *o, const char *name, uint64_t size, struct err *e);
int archive_out_write(struct archive_out *o, const void *p, size_t n, struct err *e);
int archive_out_end(struct archive_out *o, struct err *e);
/* A whole document. */
int archive_out_file(struct archive_out *o, const char *name, const void *p, size_t n,
                     struct err *e);
/* From the start of a file. */
int archive_out_copy(struct archive_out *o, const char *name, int fd, uint64_t size, struct err *e);
/* The end mark of a stream. */
int archive_out_finish(struct archive_out *o, struct err *e);
/* After a failure. */
void archive_out_abort(struct archive_out *o);
