/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_hash.h"

#include "base/str.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static int hash_fail(struct err *e) {
    return err_set(e, ERR_INTERNAL, -EIO, "OpenSSL cannot compute a digest");
}

int unpack_hash_init(struct unpack_hash *h, const struct digest *like, struct err *e) {
    struct unpack_hash made = {EVP_MD_CTX_new(), strcmp(digest_algo(like), "sha512") == 0};
    if (!made.ctx)
        return err_oom(e);
    if (EVP_DigestInit_ex(made.ctx, made.sha512 ? EVP_sha512() : EVP_sha256(), NULL) != 1) {
        unpack_hash_done(&made);
        return hash_fail(e);
    }
    *h = made;
    return 0;
}

int unpack_hash_add(struct unpack_hash *h, const void *p, size_t n) {
    return EVP_DigestUpdate(h->ctx, p, n) == 1 ? 0 : -EIO;
}

int unpack_hash_get(struct unpack_hash *h, struct digest *ret, struct err *e) {
    unsigned char raw[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(h->ctx, raw, &n) != 1)
        return hash_fail(e);
    str_hex(raw, n, hex);
    snprintf(ret->s, sizeof(ret->s), "%s:%s", h->sha512 ? "sha512" : "sha256", hex);
    return 0;
}

void unpack_hash_done(struct unpack_hash *h) {
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

int unpack_hash_bytes(const void *p, size_t n, const struct digest *like, struct digest *ret,
                      struct err *e) {
    struct unpack_hash h = {NULL, false};
    int r = unpack_hash_init(&h, like, e);
    if (r == 0 && unpack_hash_add(&h, p, n) < 0)
        r = hash_fail(e);
    if (r == 0)
        r = unpack_hash_get(&h, ret, e);
    unpack_hash_done(&h);
    return r;
}
