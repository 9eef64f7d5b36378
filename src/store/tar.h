/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of tar streams: v7, ustar, pax, GNU long names and sparse files (old GNU, pax 0.0, 0.1,
 * 1.0), base-256 numbers. Pull style, one pass, nothing but the current entry in memory.
 *
 * One truth for what a stream means, which is what docker's (Go's) reader and GNU tar agree upon;
 * entries without content by their kind (links, directories, devices, pipes) have no payload
 * whatever their size field says. Concatenated archives end at the first end mark.
 * Every byte taken from the stream is handed to `watch`, in order, told apart into payload of a
 * regular file that the caller reads and everything else: that is what a record is made of.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <time.h>

#define TAR_BLOCK 512
#define TAR_MAX_PAX ((size_t)8 << 20) /* headers of one entry: names, attributes, sparse map */

struct tar_source {
    /* The next bytes, valid until the next call; their number, 0 at the end, -errno. */
    ssize_t (*next)(void *data, const void **ret);
    void *data;
    /* Not NULL: bytes of the stream that are no payload. 0 or -errno. */
    int (*watch)(void *data, const void *p, size_t n);
};

/* Where a tar goes. */
struct tar_sink {
    int (*write)(void *data, const void *p, size_t n, struct err *e);
    void *data;
};

struct tar_extent {
    uint64_t off, len;
};

struct tar_xattr {
    const char *name;
    const void *value;
    size_t size;
};

struct tar_entry {
    char type; /* '0' file, '1' hard link, '2' symlink, '3' '4' devices, '5' directory, '6' pipe;
                  others as they came */
    const char *name, *link; /* NUL-terminated; as in the archive */
    uint32_t mode;
    uint64_t uid, gid;
    uint64_t size;    /* of the file as it will be, holes included */
    uint64_t payload; /* bytes that follow in the stream */
    struct timespec mtime;
    uint32_t major, minor;
    const struct tar_extent *extents; /* sparse: where the payload belongs; NULL = one piece */
    size_t n_extents;
    const struct tar_xattr *xattrs;
    size_t n_xattrs;
};

struct tar;

int tar_new(const struct tar_source *src, struct tar **ret, struct err *e);
void tar_free(struct tar *t); /* NULL is fine */
/* The next entry; what is left of the last one's payload is skipped. 1: *ret is filled, valid until
 * the next call; 0: the end. */
int tar_next(struct tar *t, struct tar_entry *ret, struct err *e);
/* Payload of the current entry: the next piece in place; 0 at its end, -errno (error filled). */
ssize_t tar_data(struct tar *t, const void **ret, struct err *e);
/* After the end: the rest of the stream goes to `watch`. */
int tar_drain(struct tar *t, struct err *e);
