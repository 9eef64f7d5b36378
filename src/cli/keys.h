/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that detach from a box, found in what is typed. */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define KEYS_MAX 16

struct keys {
    unsigned char v[KEYS_MAX];
    int n, matched; /* how many of them have just been typed */
};

/* "ctrl-p,ctrl-q" (NULL: those), "a,ctrl-]"; "" = none. ERR_USAGE. */
int keys_parse(const char *text, struct keys *ret, struct err *e);
/* Append to `out` what is for the box; a complete sequence is swallowed, and ends it: true. */
bool keys_filter(struct keys *k, const unsigned char *p, size_t n, struct str *out);
