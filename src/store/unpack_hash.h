/* SPDX-License-Identifier: Apache-2.0 */
/* Content digests of streams, by OpenSSL. */
#pragma once

#include "base/err.h"
#include "spec/digest.h"

struct unpack_hash {
    void *ctx; /* EVP_MD_CTX */
    bool sha512;
};

/* The algorithm of `like`; sha256 when that is "". */
int unpack_hash_init(struct unpack_hash *h, const struct digest *like, struct err *e);
int unpack_hash_add(struct unpack_hash *h, const void *p, size_t n); /* 0 or -EIO */
int unpack_hash_get(struct unpack_hash *h, struct digest *ret, struct err *e);
void unpack_hash_done(struct unpack_hash *h);
/* Of a whole document. */
int unpack_hash_bytes(const void *p, size_t n, const struct digest *like, struct digest *ret,
                      struct err *e);
