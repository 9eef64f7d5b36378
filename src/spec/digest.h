/* SPDX-License-Identifier: Apache-2.0 */
/* Content digests, "sha256:<64 hex>" (image-spec descriptor.md). Only sha256 and sha512. */
#pragma once

#include "base/err.h"

struct digest {
    char s[8 + 128 + 1]; /* canonical text "sha256:…", "" = none */
};

/* Refuses other algorithms, wrong lengths and upper case. ERR_CORRUPT naming `what`. */
int digest_parse(const char *text, const char *what, struct digest *ret, struct err *e);
const char *digest_hex(const struct digest *d);  /* after the colon */
const char *digest_algo(const struct digest *d); /* "sha256" or "sha512" */
bool digest_eq(const struct digest *a, const struct digest *b);
