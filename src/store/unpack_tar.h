/* SPDX-License-Identifier: Apache-2.0 */
/* The second thread's work: tar bytes out of a pipe into a directory, hashed on the way. */
#pragma once

#include "store/unpack_hash.h"
#include "store/unpack_pipe.h"
#include "store/want.h"

struct unpack_tar {
    const struct unpack_want *want;
    struct unpack_pipe *pipe;
    struct unpack_hash hash;     /* of the tar */
    uint64_t bytes;              /* of the tar */
    bool cancelled;              /* the writer of the pipe gave up */
    struct unpack_result result; /* size, entries, skipped */
};

/* Reads the pipe to its end even when the archive ends before. */
int unpack_tar_run(struct unpack_tar *t, struct err *e);
