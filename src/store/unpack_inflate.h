/* SPDX-License-Identifier: Apache-2.0 */
/* Push-fed decompression into an unpack_pipe. The kind is told by the first bytes, as every other
 * engine does: media types lie too often. */
#pragma once

#include "base/err.h"
#include "store/unpack_pipe.h"

struct unpack_inflate;

int unpack_inflate_new(struct unpack_pipe *out, struct unpack_inflate **ret, struct err *e);
void unpack_inflate_free(struct unpack_inflate *x); /* NULL is fine */
/* -EPIPE (no error filled) when the pipe's reader has stopped; ERR_CORRUPT on bad data. */
int unpack_inflate_feed(struct unpack_inflate *x, const void *p, size_t n, struct err *e);
/* Do these first bytes say that nothing is compressed? At least UNPACK_MAGIC of them. */
#define UNPACK_MAGIC 6
bool unpack_inflate_plain(const void *p);
/* No more input: ERR_CORRUPT when the stream is not at an end. */
int unpack_inflate_end(struct unpack_inflate *x, struct err *e);
