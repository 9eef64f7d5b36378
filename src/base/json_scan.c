/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_scan.h"

#include "base/utf8.h"

#include <string.h>

/* What one value costs the library, rounded up (json-c 0.16, 64 bit). */
#define COST_VALUE 72
#define COST_OBJECT 900
#define COST_KEY 130

#define MAX_NUMBER 1024  /* characters */
#define MAX_EXPONENT 308 /* 1e308 is the last power of ten a double holds */

struct scan {
    const char *start;
    const char *p;
    const char *end;
    const char *why;
    size_t cost;
    unsigned depth;
    uint64_t objects; /* bit d: the container at depth d is an object */
};

static int fail(struct scan *s, const char *why) {
    if (!s->why)
        s->why = why;
    return -EBADMSG;
}

static bool at(const struct scan *s, char c) {
    return s->p < s->end && *s->p == c;
}

static bool is_digit(const struct scan *s) {
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static void blanks(struct scan *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static int spend(struct scan *s, size_t cost) {
    s->cost += cost;
    return s->cost > JSON_SCAN_MEMORY ? fail(s, "too many values") : 0;
}

/* Four hex digits at p, or -1. */
static int hex4(const struct scan *s) {
    int v = 0;

    if (s->end - s->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = s->p[i];
        int d;
        if (c >= '0' && c <= '9')
            d = c - '0';
        else if (c >= 'a' && c <= 'f')
            d = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            d = c - 'A' + 10;
        else
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* Behind "\u": one code point, as one escape or a pair of surrogates. */
static int unicode_escape(struct scan *s) {
    int hi = hex4(s);

    if (hi < 0)
        return fail(s, "\\u wants four hexadecimal digits");
    s->p += 4;
    if (hi == 0)
        return fail(s, "NUL in a string");
    if (hi < 0xd800 || hi > 0xdfff)
        return 0;
    if (hi <= 0xdbff && s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u') {
        s->p += 2;
        int lo = hex4(s);
        if (lo >= 0xdc00 && lo <= 0xdfff) {
            s->p += 4;
            return 0;
        }
    }
    return fail(s, "half a surrogate pair");
}

static int escape(struct scan *s) {
    if (s->p == s->end)
        return fail(s, "string without end");
    char c = *s->p++;
    if (c == 'u')
        return unicode_escape(s);
    if (c == '\0' || !strchr("\"\\/bfnrt", c))
        return fail(s, "unknown escape in a string");
    return 0;
}

static int string(struct scan *s) {
    const char *from = ++s->p; /* behind the quote */

    while (s->p < s->end) {
        unsigned char c = (unsigned char)*s->p;
        if (c == '"') {
            s->p++;
            return spend(s, (size_t)(s->p - from));
        }
        if (c < 0x20)
            return fail(s, "control character in a string");
        if (c == '\\') {
            s->p++;
            int r = escape(s);
            if (r < 0)
                return r;
        } else if (c < 0x80) {
            s->p++;
        } else {
            size_t n = utf8_next(s->p, (size_t)(s->end - s->p), NULL);
            if (n == 0)
                return fail(s, "bytes that are not UTF-8");
            s->p += n;
        }
    }
    return fail(s, "string without end");
}

/* The digits at p; their number. */
static size_t digits(struct scan *s) {
    const char *from = s->p;
    while (is_digit(s))
        s->p++;
    return (size_t)(s->p - from);
}

static int check_integer(struct scan *s, const char *from, size_t n, bool minus) {
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(from[i] - '0'), &v))
            return fail(s, "integer beyond 64 bits");
    if (minus && v > (uint64_t)1 << 63)
        return fail(s, "integer beyond 64 bits");
    return 0;
}

/* "e", a sign and digits. The value saturates: it is only compared. */
static int exponent(struct scan *s, int *ret) {
    int v = 0;
    bool minus = false;

    s->p++;
    if (at(s, '+') || at(s, '-'))
        minus = *s->p++ == '-';
    if (!is_digit(s))
        return fail(s, "exponent without digits");
    for (; is_digit(s); s->p++)
        if (v < 100000)
            v = v * 10 + (*s->p - '0');
    *ret = minus ? -v : v;
    return 0;
}

static int number(struct scan *s) {
    const char *start = s->p;
    bool minus = at(s, '-');
    int exp = 0;

    if (minus)
        s->p++;
    const char *whole = s->p;
    size_t n = digits(s);
    if (n == 0)
        return fail(s, "unexpected character");
    if (*whole == '0' && n > 1)
        return fail(s, "number with a leading zero");
    bool integer = true;
    if (at(s, '.')) {
        integer = false;
        s->p++;
        if (digits(s) == 0)
            return fail(s, "number without digits after the point");
    }
    if (at(s, 'e') || at(s, 'E')) {
        integer = false;
        if (exponent(s, &exp) < 0)
            return -EBADMSG;
    }
    if (s->p - start > MAX_NUMBER)
        return fail(s, "number too long");
    if (integer)
        return check_integer(s, whole, n, minus);
    return exp + (int)n - 1 >= MAX_EXPONENT ? fail(s, "number too large") : 0;
}

static int word(struct scan *s, const char *w) {
    size_t n = strlen(w);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, w, n) != 0)
        return fail(s, "unexpected character");
    s->p += n;
    return 0;
}

static int push(struct scan *s, bool object) {
    if (s->depth == JSON_SCAN_DEPTH)
        return fail(s, "nested deeper than 64 levels");
    uint64_t bit = (uint64_t)1 << s->depth++;
    s->objects = object ? s->objects | bit : s->objects & ~bit;
    s->p++;
    return spend(s, object ? COST_OBJECT : 0);
}

static bool in_object(const struct scan *s) {
    return s->depth > 0 && (s->objects >> (s->depth - 1) & 1);
}

static int key(struct scan *s) {
    blanks(s);
    if (!at(s, '"'))
        return fail(s, "a key in quotes expected");
    int r = string(s);
    if (r < 0)
        return r;
    blanks(s);
    if (!at(s, ':'))
        return fail(s, "':' expected");
    s->p++;
    return spend(s, COST_KEY);
}

/* A value or the opening of one. 1: a container was opened and is not empty; 0: value is whole. */
static int value(struct scan *s) {
    blanks(s);
    if (s->p == s->end)
        return fail(s, "unexpected end");
    int r = spend(s, COST_VALUE);
    if (r < 0)
        return r;
    switch (*s->p) {
    case '{':
    case '[': {
        char close = *s->p == '{' ? '}' : ']';
        r = push(s, close == '}');
        if (r < 0)
            return r;
        blanks(s);
        if (!at(s, close))
            return 1;
        s->p++;
        s->depth--;
        return 0;
    }
    case '"':
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

/* Behind a whole value: close containers until a comma asks for more. 1: more, 0: done. */
static int after_value(struct scan *s) {
    while (s->depth > 0) {
        blanks(s);
        if (at(s, ',')) {
            s->p++;
            return 1;
        }
        if (!at(s, in_object(s) ? '}' : ']'))
            return fail(s,
                        s->p == s->end ? "unexpected end" : "',' or the closing bracket expected");
        s->p++;
        s->depth--;
    }
    return 0;
}

static int document(struct scan *s) {
    for (;;) {
        int r = in_object(s) ? key(s) : 0;
        if (r == 0)
            r = value(s);
        if (r == 0)
            r = after_value(s);
        if (r < 0)
            return r;
        if (r == 0)
            break;
    }
    blanks(s);
    return s->p == s->end ? 0 : fail(s, "something behind the document");
}

int json_scan(const char *text, size_t len, struct json_fault *fault) {
    struct scan s = {.start = text, .p = text, .end = text + len};
    int r = document(&s);
    if (r < 0)
        *fault = (struct json_fault){.offset = (size_t)(s.p - s.start), .why = s.why};
    return r;
}
