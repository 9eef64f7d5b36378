/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from one thread to another, in a fixed number of chunks that are filled in place. */
#pragma once

#include "base/c.h"

#include <pthread.h>

#define UNPACK_CHUNK ((size_t)256 << 10)
#define UNPACK_CHUNKS 4

struct unpack_pipe {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned char *chunk[UNPACK_CHUNKS];
    size_t len[UNPACK_CHUNKS];
    unsigned written, read; /* chunks, counted up for ever */
    bool taken;             /* chunk[read] is in the reader's hands */
    bool ended;             /* writer: nothing more will come */
    bool broken;            /* writer: what came is not all */
    bool stopped;           /* reader: I do not want more */
};

int unpack_pipe_init(struct unpack_pipe *p); /* 0 or -errno */
void unpack_pipe_done(struct unpack_pipe *p);
/* Writer: UNPACK_CHUNK bytes to fill, or NULL when the reader has stopped. Blocks. */
void *unpack_pipe_room(struct unpack_pipe *p);
void unpack_pipe_put(struct unpack_pipe *p, size_t n);
void unpack_pipe_end(struct unpack_pipe *p, bool broken);
/* Reader: the next chunk, valid until the next call. Its length, 0 at the end, -ECANCELED when the
 * writer gave up. Blocks. */
ssize_t unpack_pipe_get(struct unpack_pipe *p, const void **ret);
void unpack_pipe_stop(struct unpack_pipe *p);
