/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a signature of an image signs: the "simple signing" document of containers/image, which
 * cosign uses too. Read strictly: what is in "critical" must be understood completely.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "spec/digest.h"

#define SIGNPAYLOAD_MAX ((size_t)1 << 20)
#define SIGNPAYLOAD_GPG "atomic container signature"
#define SIGNPAYLOAD_COSIGN "cosign container image signature"

struct signpayload {
    char *type;
    struct digest manifest;
    char *reference; /* "docker.io/library/debian:12" */
};

int signpayload_parse(const char *text, size_t len, const char *what, struct arena *a,
                      struct signpayload *ret, struct err *e);
/* The document, canonical: the same words give the same bytes. */
int signpayload_print(const struct signpayload *p, struct str *out, struct err *e);
