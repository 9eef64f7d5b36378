/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reading of JSON text before the library sees it. json-c takes NaN, raw control
 * characters and comments, cuts keys at NUL, clamps integers above 2^64 and lets a small document
 * grow into gigabytes of objects; this scan refuses all of that, so that the library only builds.
 */
#pragma once

#include "base/c.h"

#define JSON_SCAN_DEPTH 64
#define JSON_SCAN_MEMORY ((size_t)256 << 20) /* what the parsed document may take, estimated */

struct json_fault {
    size_t offset;   /* byte where it went wrong */
    const char *why; /* static text */
};

/* 0, or -EBADMSG with the fault. The text is one value with blanks around it, RFC 8259. */
int json_scan(const char *text, size_t len, struct json_fault *fault);
