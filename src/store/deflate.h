/* SPDX-License-Identifier: Apache-2.0 */
/* Push-fed compression: gzip by ISA-L, zstd on both processors, or none. */
#pragma once

#include "base/err.h"

enum deflate_kind { DEFLATE_GZIP, DEFLATE_ZSTD, DEFLATE_NONE };

struct deflate;

struct deflate_sink {
    int (*take)(void *data, const void *p, size_t n, struct err *e);
    void *data;
};

int deflate_new(enum deflate_kind kind, int level, const struct deflate_sink *sink,
                struct deflate **ret, struct err *e);
int deflate_feed(struct deflate *d, const void *p, size_t n, struct err *e);
int deflate_end(struct deflate *d, struct err *e);
void deflate_free(struct deflate *d); /* NULL is fine */
