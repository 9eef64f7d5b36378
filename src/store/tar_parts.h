/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the tar reader: tar.c moves bytes, tar_parse.c gives headers their meaning, tar_sparse.c
 * finds the holes. */
#pragma once

#include "store/tar.h"
#include "store/tar_head.h"

#define TAR_MAX_EXTENTS ((size_t)256 << 10)
#define TAR_MAX_XATTRS ((size_t)4096)

struct tar {
    struct tar_source src;
    const unsigned char *p; /* at hand */
    size_t n;
    bool dry, ended;
    uint64_t left, pad; /* of the current entry's payload, and after it */
    struct str pax, name, link;
    struct tar_entry entry;
    struct tar_extent *extents;
    size_t n_extents, cap_extents;
    struct tar_xattr *xattrs;
    size_t n_xattrs, cap_xattrs;
};

/* What pax says of holes, until the map is read. */
struct tar_sparse {
    bool given;        /* a map, or the version with one in the payload */
    int64_t major;     /* 1: the map lies in front of the payload */
    int64_t real_size; /* -1 = not said */
    char *name;        /* NULL = not said */
    char *map;         /* 0.1 */
    int64_t offset;    /* 0.0: waits for its length; -1 = none */
};

/* Copy n bytes that are no payload. Fewer at the end of the stream; -errno. */
ssize_t tar_take(struct tar *t, void *buf, size_t n, struct err *e);
int tar_skip(struct tar *t, uint64_t n, struct err *e);
int tar_damaged(const struct tar *t, const char *why, struct err *e);
/* t->entry, left and pad from the header and what preceded it. 1 or -errno. */
int tar_parse(struct tar *t, const struct tar_head *h, bool long_name, bool long_link,
              struct err *e);

int tar_sparse_add(struct tar *t, int64_t off, int64_t len, struct err *e);
/* One pax record of GNU.sparse.*; `key` is what follows that. */
int tar_sparse_record(struct tar *t, struct tar_sparse *s, const char *key, char *value,
                      struct err *e);
/* The maps that lie beside the header: old GNU's blocks, 0.1's text, 1.0's first blocks. */
int tar_sparse_old(struct tar *t, const struct tar_head *h, int64_t *real_size, struct err *e);
int tar_sparse_pax(struct tar *t, struct tar_sparse *s, struct err *e);
/* Do the extents lie in order inside the file, and is the payload theirs? */
int tar_sparse_check(struct tar *t, struct err *e);
