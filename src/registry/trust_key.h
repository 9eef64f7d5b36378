/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys in PEM and what they have signed: ECDSA and RSA over SHA-256, Ed25519. By OpenSSL. */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* 0: the signature is this key's. -EBADMSG: it is not; others: no key. */
int trust_key_verify(const struct str *pem, const void *data, size_t n, const void *sig,
                     size_t nsig, struct err *e);
/* Append the signature. `passphrase` may be NULL. */
int trust_key_sign(const struct str *pem, const char *passphrase, const void *data, size_t n,
                   struct str *sig, struct err *e);
