/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, the standard alphabet). */
#pragma once

#include "base/str.h"

/* Append the bytes that the text stands for. Padded or not; white space is skipped. 0, -EINVAL for
 * what is no base64, -ENOMEM, -EOVERFLOW. */
int base64_decode(const char *text, size_t len, struct str *out);
/* Append the text for n bytes, padded, in one line. */
int base64_encode(const void *p, size_t n, struct str *out);
