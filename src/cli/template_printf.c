/* SPDX-License-Identifier: Apache-2.0 */
/* Go's Printf: its verbs, its flags, and what it prints when they do not fit. */
#include "cli/template_funcs.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PRINTF_WIDEST 1000

struct verb {
    bool left, plus, zero, sharp, space;
    int width, precision; /* -1 = none */
    char letter;
};

/* Digits, or "*": the next argument. */
static int verb_number(const char **p, js **args, size_t n, size_t *used, int dflt) {
    int v = 0;
    if (**p == '*') {
        (*p)++;
        int64_t given = *used < n ? js_i64(args[(*used)++], dflt) : dflt;
        return given < -PRINTF_WIDEST || given > PRINTF_WIDEST ? PRINTF_WIDEST : (int)given;
    }
    if (**p < '0' || **p > '9')
        return dflt;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        v = MIN_OF(v * 10 + (**p - '0'), PRINTF_WIDEST);
    return v;
}

static const char *verb_read(const char *p, js **args, size_t n, size_t *used, struct verb *v) {
    *v = (struct verb){.precision = -1};
    for (;; p++) {
        if (*p == '-')
            v->left = true;
        else if (*p == '+')
            v->plus = true;
        else if (*p == '0')
            v->zero = true;
        else if (*p == '#')
            v->sharp = true;
        else if (*p == ' ')
            v->space = true;
        else
            break;
    }
    v->width = verb_number(&p, args, n, used, 0);
    if (v->width < 0) {
        v->left = true;
        v->width = -v->width;
    }
    if (*p == '.') {
        p++;
        v->precision = verb_number(&p, args, n, used, 0);
    }
    v->letter = *p;
    return *p ? p + 1 : p;
}

/* Characters, not bytes: %-10s lines up names of any language. */
static size_t verb_columns(const char *s) {
    size_t n = 0;
    while (*s) {
        size_t len = utf8_next(s, strnlen(s, 4), NULL);
        s += MAX_OF(len, (size_t)1);
        n++;
    }
    return n;
}

static int verb_fill(struct str *out, char c, size_t n) {
    int r = 0;
    for (; n > 0 && r == 0; n--)
        r = str_addc(out, c);
    return r;
}

static int verb_pad(const struct verb *v, const char *s, bool number, struct str *out) {
    size_t n = verb_columns(s), pad = (size_t)v->width > n ? (size_t)v->width - n : 0;
    int r = 0;
    if (v->left) {
        r = str_add(out, s);
        return r < 0 ? r : verb_fill(out, ' ', pad);
    }
    bool zeros = v->zero && number;
    if (zeros && (*s == '-' || *s == '+'))
        r = str_addc(out, *s++);
    if (r == 0)
        r = verb_fill(out, zeros ? '0' : ' ', pad);
    return r < 0 ? r : str_add(out, s);
}

/* %!d(string=x) */
static int verb_wrong(const struct verb *v, const js *arg, struct str *out) {
    int r =
        str_addf(out, "%%!%c(%s", v->letter, js_type(arg) == JS_NULL ? "<nil>" : value_type(arg));
    if (r == 0 && js_type(arg) != JS_NULL) {
        r = str_addc(out, '=');
        if (r == 0)
            r = value_print(arg, out);
    }
    return r < 0 ? r : str_addc(out, ')');
}

static int verb_int(const struct verb *v, const js *arg, struct str *out) {
    char text[72], *end = text + sizeof(text) - 1, *p = end;
    static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    bool big = js_is_unsigned(arg);
    int64_t signed_value = big ? 0 : js_i64(arg, 0);
    bool negative = signed_value < 0;
    uint64_t u = big        ? js_u64(arg, 0)
                 : negative ? 0 - (uint64_t)signed_value
                            : (uint64_t)signed_value;
    unsigned base = v->letter == 'd' ? 10 : v->letter == 'o' ? 8 : v->letter == 'b' ? 2 : 16;
    *p = '\0';
    do {
        *--p = (v->letter == 'X' ? upper : digits)[u % base];
        u /= base;
    } while (u > 0);
    if (v->sharp && base == 16) {
        *--p = v->letter;
        *--p = '0';
    }
    if (negative || v->plus || v->space)
        *--p = negative ? '-' : v->plus ? '+' : ' ';
    return verb_pad(v, p, true, out);
}

static int verb_float(const struct verb *v, const js *arg, struct str *out) {
    AUTO_STR struct str b = STR_INIT(4096);
    double d = js_double(arg, 0);
    int precision = v->precision < 0 ? 6 : v->precision;
    int r = v->plus && d >= 0 ? str_addc(&b, '+') : 0;
    if (r < 0)
        return r;
    if (v->letter == 'e')
        r = str_addf(&b, "%.*e", precision, d);
    else if (v->letter == 'E')
        r = str_addf(&b, "%.*E", precision, d);
    else if (v->letter == 'g' && v->precision >= 0)
        r = str_addf(&b, "%.*g", precision, d);
    else if (v->letter == 'g')
        r = value_double(d, &b);
    else
        r = str_addf(&b, "%.*f", precision, d);
    return r < 0 ? r : verb_pad(v, str_c(&b), true, out);
}

static int verb_hex(const struct verb *v, const char *s, struct str *out) {
    AUTO_STR struct str b = STR_INIT(0);
    int r = 0;
    for (; *s && r == 0; s++)
        r = str_addf(&b, v->letter == 'X' ? "%02X" : "%02x", (unsigned char)*s);
    return r < 0 ? r : verb_pad(v, str_c(&b), false, out);
}

/* The first `precision` characters. */
static void verb_cut(const struct verb *v, struct str *b) {
    size_t at = 0;
    if (v->precision < 0)
        return;
    for (int i = 0; i < v->precision && at < b->len; i++) {
        size_t len = utf8_next(b->s + at, b->len - at, NULL);
        at += MAX_OF(len, (size_t)1);
    }
    if (at < b->len) {
        b->s[at] = '\0';
        b->len = at;
    }
}

/* %v %s %q of anything. */
static int verb_text(const struct verb *v, const js *arg, struct str *out) {
    AUTO_STR struct str plain = STR_INIT(0), quoted = STR_INIT(0);
    int r = value_print(arg, &plain);
    if (r < 0)
        return r;
    if (v->letter != 'v' || js_type(arg) == JS_STRING)
        verb_cut(v, &plain);
    if (v->letter != 'q' && !(v->letter == 'v' && v->sharp && js_type(arg) == JS_STRING))
        return verb_pad(v, str_c(&plain), v->letter == 'v' && value_is_number(arg), out);
    r = value_quote(str_c(&plain), plain.len, &quoted);
    return r < 0 ? r : verb_pad(v, str_c(&quoted), false, out);
}

static int verb_print(const struct verb *v, const js *arg, struct str *out) {
    enum js_type t = js_type(arg);
    char c[5] = {0};
    switch (v->letter) {
    case 'v':
        return verb_text(v, arg, out);
    case 's':
    case 'q':
        if (t == JS_STRING || t == JS_ARRAY || t == JS_OBJECT)
            return verb_text(v, arg, out);
        break;
    case 'd':
    case 'o':
    case 'b':
        if (t == JS_INT)
            return verb_int(v, arg, out);
        break;
    case 'x':
    case 'X':
        if (t == JS_INT || t == JS_STRING)
            return t == JS_INT ? verb_int(v, arg, out) : verb_hex(v, js_str(arg), out);
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (value_is_number(arg)) /* JSON does not tell 1 from 1.0, so neither do we */
            return verb_float(v, arg, out);
        break;
    case 'c':
        if (t == JS_INT && js_i64(arg, -1) > 0 && js_i64(arg, -1) <= 0x10ffff) {
            utf8_put((uint32_t)js_i64(arg, 0), c);
            return verb_pad(v, c, false, out);
        }
        break;
    case 't':
        if (t == JS_BOOL)
            return verb_pad(v, js_bool(arg, false) ? "true" : "false", false, out);
        break;
    case 'T':
        return verb_pad(v, t == JS_NULL ? "<nil>" : value_type(arg), false, out);
    default:
        break;
    }
    return verb_wrong(v, arg, out);
}

int printf_go(const char *format, js **args, size_t n, struct str *out) {
    size_t used = 0;
    int r = 0;
    for (const char *p = format; *p && r == 0;) {
        struct verb v;
        size_t plain = strcspn(p, "%");
        r = str_addn(out, p, plain);
        p += plain;
        if (*p == '\0' || r < 0)
            break;
        p = verb_read(p + 1, args, n, &used, &v);
        if (v.letter == '\0')
            r = str_add(out, "%!(NOVERB)");
        else if (v.letter == '%')
            r = str_addc(out, '%');
        else if (used >= n)
            r = str_addf(out, "%%!%c(MISSING)", v.letter);
        else
            r = verb_print(&v, args[used++], out);
    }
    for (size_t i = used; i < n && r == 0; i++) {
        r = str_addf(out, "%s%s=", i == used ? "%!(EXTRA " : ", ", value_type(args[i]));
        if (r == 0)
            r = value_print(args[i], out);
    }
    if (used < n && r == 0)
        r = str_addc(out, ')');
    return r;
}
