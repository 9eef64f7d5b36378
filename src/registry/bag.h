/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files by name: a directory, or a tar archive that is indexed once and then read at random.
 *
 * An archive that cannot be read at random (a pipe, or compressed: gzip, zstd, xz, bzip2) is
 * first written out to a nameless file in the store's tmp/. Links inside an archive lead to other
 * entries of it and nowhere else; a directory is read without following any.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define BAG_MAX_ENTRIES 200000
#define BAG_MAX_BYTES ((uint64_t)256 << 30)

struct bag; /* opaque, arena-owned; several threads may read */

/* `path` or, when NULL, what `fd` gives (borrowed). `tmpfd`: directory for nameless files. */
int bag_open(const char *path, int fd, int tmpfd, struct arena *a, struct bag **ret, struct err *e);
void bag_close(struct bag *b);
const char *bag_shown(const struct bag *b);

struct bag_file {
    int fd;
    bool owned;
    uint64_t at, size;
};
/* -ENOENT without an error filled. */
int bag_find(struct bag *b, const char *name, struct bag_file *ret, struct err *e);
void bag_file_close(struct bag_file *f);
/* Up to n bytes from here on; 0 at the end. */
ssize_t bag_file_read(struct bag_file *f, void *p, size_t n);
/* A whole document; `text` bounds it. -ENOENT without an error filled. */
int bag_read(struct bag *b, const char *name, struct str *text, struct err *e);
bool bag_has(struct bag *b, const char *name);
