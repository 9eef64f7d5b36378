/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a layer's tar held beside its files' content: enough to build the very same tar again.
 *
 *   16 bytes    "hakorec1", the tar's size (64 bits, least significant byte first)
 *   zstd frame  of steps:
 *     'R' n bytes            bytes as they stood in the tar
 *     'F' k path ino off n   n bytes of the file `path` from `off` on; k = 0: the file of the last
 *                            step. A file lost/<ino> goes before the path: a later entry of the
 * same tar has taken the path 'E'                    the end Numbers are base-128, least
 * significant digits first. Paths are those of the unpacked layer, through no symlink.
 *
 * Written while the tar is unpacked, in one go; a writer that has failed stays failed and says so
 * at the end. The reader trusts nothing: a record is a file like others.
 */
#pragma once

#include "base/err.h"

#include <limits.h>
#include <sys/types.h>

#define RECORD_FILE "record"
#define RECORD_LOST "lost"

struct record_writer;

/* Makes the file `record` in dirfd. */
int record_begin(int dirfd, struct record_writer **ret, struct err *e);
int record_raw(struct record_writer *w, const void *p, size_t n); /* 0 or -errno */
int record_file(struct record_writer *w, const char *path, ino_t ino, uint64_t off, uint64_t n);
int record_end(struct record_writer *w, struct err *e);
void record_free(struct record_writer *w); /* NULL is fine */

enum record_kind { RECORD_END, RECORD_RAW, RECORD_PAYLOAD };

struct record_step {
    enum record_kind kind;
    uint64_t n;
    uint64_t off; /* of the file */
    uint64_t ino;
    bool same; /* the file of the last payload step */
    char path[PATH_MAX];
};

struct record_reader;

/* Takes fd. */
int record_open(int fd, struct record_reader **ret, struct err *e);
uint64_t record_size(const struct record_reader *r); /* of the tar */
/* A raw step's bytes must be read before the next step. */
int record_next(struct record_reader *r, struct record_step *ret, struct err *e);
/* Up to n bytes of a raw step. */
int record_bytes(struct record_reader *r, void *buf, size_t n, size_t *got, struct err *e);
void record_close(struct record_reader *r); /* NULL is fine */
