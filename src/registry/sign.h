/* SPDX-License-Identifier: Apache-2.0 */
/* Sign an image of a registry by sigstore's scheme: a signature by a key in PEM, put beside the
 * image as an artifact (trust.h). Signatures that are there already stay. */
#pragma once

#include "registry/registry.h"

#define SIGN_MAX 2

struct sign_request {
    const struct ref *ref;
    struct registry_access access;
    const char *key; /* text of the private key, PEM */
    size_t key_len;
    const char *passphrase;            /* NULL = none */
    struct digest manifests[SIGN_MAX]; /* "" = none */
};

int sign_image(const struct sign_request *rq, struct err *e);
