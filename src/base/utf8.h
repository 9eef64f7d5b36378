/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#pragma once

#include "base/c.h"

/* Length (1..4) of the character at s, 0 when the bytes there are no valid one. `cp` may be NULL.
 */
size_t utf8_next(const char *s, size_t n, uint32_t *cp);
/* Append a code point to out (≥ 4 bytes, not terminated). Its length. */
size_t utf8_put(uint32_t cp, char out[static 4]);
/* Columns on a terminal: 0 combining, 2 wide, else 1; needs no locale. */
int utf8_width(uint32_t cp);
