/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_MAX ((size_t)16 << 20)

void str_free(struct str *b) {
    free(b->s);
    b->s = NULL;
    b->len = 0;
    b->cap = 0;
}

void str_clear(struct str *b) {
    b->len = 0;
    if (b->s)
        b->s[0] = '\0';
}

/* Room for n more bytes and the NUL. */
static int reserve(struct str *b, size_t n) {
    size_t max = b->max ? b->max : DEFAULT_MAX;

    if (b->len > max || n > max - b->len)
        return -EOVERFLOW;
    size_t need = b->len + n + 1;
    if (b->s && need <= b->cap)
        return 0;
    size_t cap = MAX_OF(b->cap + b->cap / 2, (size_t)64);
    if (cap > max)
        cap = max + 1; /* never more than the bound asks for */
    cap = MAX_OF(cap, need);
    char *s = realloc(b->s, cap);
    if (!s)
        return -ENOMEM;
    if (!b->s)
        s[0] = '\0';
    b->s = s;
    b->cap = cap;
    return 0;
}

int str_addn(struct str *b, const void *p, size_t n) {
    const char *from = p;
    size_t self = SIZE_MAX; /* offset, when p points into b: reserve() may move it */

    if (n == 0)
        return 0;
    if (b->s && (uintptr_t)from >= (uintptr_t)b->s && (uintptr_t)from < (uintptr_t)b->s + b->cap)
        self = (size_t)(from - b->s);
    int r = reserve(b, n);
    if (r < 0)
        return r;
    memmove(b->s + b->len, self == SIZE_MAX ? from : b->s + self, n);
    b->len += n;
    b->s[b->len] = '\0';
    return 0;
}

int str_add(struct str *b, const char *s) {
    return str_addn(b, s, strlen(s));
}

int str_addc(struct str *b, char c) {
    return str_addn(b, &c, 1);
}

int str_vaddf(struct str *b, const char *fmt, va_list ap) {
    char small[256];
    va_list again;
    int r = 0;

    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n < 0) {
        r = -EINVAL;
    } else if ((size_t)n < sizeof(small)) {
        r = str_addn(b, small, (size_t)n);
    } else {
        /* through a copy of its own: the arguments may point into b */
        struct str tmp = STR_INIT((size_t)n);
        r = reserve(&tmp, (size_t)n);
        if (r == 0) {
            vsnprintf(tmp.s, (size_t)n + 1, fmt, again);
            r = str_addn(b, tmp.s, (size_t)n);
        }
        str_free(&tmp);
    }
    va_end(again);
    return r;
}

int str_addf(struct str *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int r = str_vaddf(b, fmt, ap);
    va_end(ap);
    return r;
}

const char *str_c(const struct str *b) {
    return b->s ? b->s : "";
}

char *str_take(struct str *b) {
    if (!b->s && reserve(b, 0) < 0)
        return NULL;
    char *s = b->s;
    b->s = NULL;
    b->len = 0;
    b->cap = 0;
    return s;
}

bool str_starts(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix) {
    size_t n = strlen(s);
    size_t k = strlen(suffix);
    return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

bool str_eq(const char *a, const char *b) {
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool str_empty(const char *s) {
    return !s || !*s;
}

bool str_copy(char *dst, size_t size, const char *src) {
    if (size == 0)
        return false;
    size_t n = strnlen(src, size);
    bool whole = n < size;
    if (!whole)
        n = size - 1;
    memmove(dst, src, n);
    dst[n] = '\0';
    return whole;
}

void str_hex(const void *p, size_t n, char *out) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *c = p;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[c[i] >> 4];
        out[2 * i + 1] = digits[c[i] & 15];
    }
    out[2 * n] = '\0';
}
