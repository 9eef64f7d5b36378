/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_digit(char c) {
    const char *p = c ? strchr(base64_digits, c) : NULL;
    return p ? (int)(p - base64_digits) : -1;
}

int base64_decode(const char *text, size_t len, struct str *out) {
    unsigned bits = 0, have = 0;
    size_t digits = 0, padding = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        int v = base64_digit(c);
        if (c == '=' && padding < 2) {
            padding++;
            continue;
        }
        if (v < 0 || padding)
            return -EINVAL;
        digits++;
        bits = (bits << 6 | (unsigned)v) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            int r = str_addc(out, (char)(bits >> have & 0xff));
            if (r < 0)
                return r;
        }
    }
    return digits % 4 == 1 ? -EINVAL : 0;
}

int base64_encode(const void *data, size_t n, struct str *out) {
    const unsigned char *p = data;
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i += 3) {
        unsigned b = (unsigned)p[i] << 16;
        b |= i + 1 < n ? (unsigned)p[i + 1] << 8 : 0;
        b |= i + 2 < n ? (unsigned)p[i + 2] : 0;
        const char quad[4] = {base64_digits[b >> 18], base64_digits[b >> 12 & 63],
                              i + 1 < n ? base64_digits[b >> 6 & 63] : '=',
                              i + 2 < n ? base64_digits[b & 63] : '='};
        r = str_addn(out, quad, sizeof(quad));
    }
    return r;
}
