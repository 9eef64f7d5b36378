/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/trust_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

static void key_free(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
}
static void key_ctx_free(EVP_MD_CTX **c) {
    EVP_MD_CTX_free(*c);
}

/* Ed25519 hashes by itself. */
static const EVP_MD *key_hash(const EVP_PKEY *k) {
    return EVP_PKEY_get_base_id(k) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

static int key_kind(const EVP_PKEY *k, struct err *e) {
    switch (EVP_PKEY_get_base_id(k)) {
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
        return 0;
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(k) >= 2048)
            return 0;
        return err_set(e, ERR_USAGE, -EINVAL, "the RSA key has fewer than 2048 bits");
    default:
        return err_set(e, ERR_USAGE, -EINVAL, "the key is none of ECDSA, RSA and Ed25519");
    }
}

int trust_key_verify(const struct str *pem, const void *data, size_t n, const void *sig,
                     size_t nsig, struct err *e) {
    CLEANUP(key_free) EVP_PKEY *k = NULL;
    CLEANUP(key_ctx_free) EVP_MD_CTX *c = EVP_MD_CTX_new();
    BIO *bio = BIO_new_mem_buf(str_c(pem), (int)pem->len);
    k = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!k)
        return err_set(e, ERR_USAGE, -EINVAL, "a key of the policy is no public key in PEM");
    int r = c ? key_kind(k, e) : err_oom(e);
    if (r < 0)
        return r;
    if (EVP_DigestVerifyInit(c, NULL, key_hash(k), NULL, k) != 1)
        return err_set(e, ERR_INTERNAL, -EIO, "OpenSSL cannot verify with this key");
    return EVP_DigestVerify(c, sig, nsig, data, n) == 1
               ? 0
               : err_set(e, ERR_DENIED, -EBADMSG,
                         "a signature is there, but by none of the policy's keys, or is damaged");
}

static int key_passphrase(char *buf, int size, int writing, void *data) {
    const char *p = data;
    size_t n = p ? strlen(p) : 0;
    (void)writing;
    if (size < 0 || n > (size_t)size)
        return -1;
    for (size_t i = 0; i < n; i++) /* OpenSSL wants no NUL */
        buf[i] = p[i];
    return (int)n;
}

int trust_key_sign(const struct str *pem, const char *passphrase, const void *data, size_t n,
                   struct str *sig, struct err *e) {
    CLEANUP(key_free) EVP_PKEY *k = NULL;
    CLEANUP(key_ctx_free) EVP_MD_CTX *c = EVP_MD_CTX_new();
    AUTO_FREE unsigned char *out = NULL;
    size_t len = 0;
    if (strstr(str_c(pem), "SIGSTORE PRIVATE KEY") || strstr(str_c(pem), "COSIGN PRIVATE KEY"))
        return err_set(e, ERR_USAGE, -EOPNOTSUPP,
                       "cosign's own encrypted key format is not supported: use a PEM key made by "
                       "`openssl ecparam -name prime256v1 -genkey`");
    BIO *bio = BIO_new_mem_buf(str_c(pem), (int)pem->len);
    union {
        const char *in;
        void *out;
    } word = {.in = passphrase};
    k = bio ? PEM_read_bio_PrivateKey(bio, NULL, key_passphrase, word.out) : NULL;
    BIO_free(bio);
    if (!k)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "it is no private key in PEM, or the passphrase is wrong");
    int r = c ? key_kind(k, e) : err_oom(e);
    if (r < 0)
        return r;
    if (EVP_DigestSignInit(c, NULL, key_hash(k), NULL, k) != 1 ||
        EVP_DigestSign(c, NULL, &len, data, n) != 1 || !(out = malloc(len)) ||
        EVP_DigestSign(c, out, &len, data, n) != 1)
        return err_set(e, ERR_INTERNAL, -EIO, "OpenSSL cannot sign with this key");
    return str_addn(sig, out, len) < 0 ? err_oom(e) : 0;
}
