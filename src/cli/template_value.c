/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/template_funcs.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool value_true(const js *v) {
    switch (js_type(v)) {
    case JS_NULL:
        return false;
    case JS_BOOL:
        return js_bool(v, false);
    case JS_INT:
    case JS_DOUBLE:
        return fpclassify(js_double(v, 0)) != FP_ZERO;
    case JS_STRING:
        return js_str(v)[0] != '\0';
    case JS_ARRAY:
    case JS_OBJECT:
        return js_len(v) > 0;
    }
    return false;
}

const char *value_type(const js *v) {
    static const char *const names[] = {[JS_NULL] = "nil",
                                        [JS_BOOL] = "bool",
                                        [JS_INT] = "int",
                                        [JS_DOUBLE] = "float64",
                                        [JS_STRING] = "string",
                                        [JS_ARRAY] = "[]interface {}",
                                        [JS_OBJECT] = "map[string]interface {}"};
    return names[js_type(v)];
}

size_t value_strlen(const js *v) {
    const char *s = js_str(v);
    return s ? strlen(s) : 0;
}

bool value_is_number(const js *v) {
    return js_type(v) == JS_INT || js_type(v) == JS_DOUBLE;
}

static int value_order_ints(const js *a, const js *b) {
    bool ua = js_is_unsigned(a), ub = js_is_unsigned(b);
    if (ua != ub)
        return ua ? 1 : -1;
    if (ua) {
        uint64_t x = js_u64(a, 0), y = js_u64(b, 0);
        return (x > y) - (x < y);
    }
    int64_t x = js_i64(a, 0), y = js_i64(b, 0);
    return (x > y) - (x < y);
}

int value_compare(const js *a, const js *b, int *order) {
    enum js_type ta = js_type(a), tb = js_type(b);
    if (ta == JS_NULL || tb == JS_NULL) {
        *order = ta != tb;
        return -ERANGE;
    }
    if (ta == JS_INT && tb == JS_INT) {
        *order = value_order_ints(a, b);
        return 0;
    }
    if (value_is_number(a) && value_is_number(b)) {
        double x = js_double(a, 0), y = js_double(b, 0);
        *order = (x > y) - (x < y);
        return 0;
    }
    if (ta != tb || ta == JS_ARRAY || ta == JS_OBJECT)
        return -EINVAL;
    if (ta == JS_STRING) {
        *order = strcmp(js_str(a), js_str(b));
        return 0;
    }
    *order = js_bool(a, false) - js_bool(b, false);
    return -ERANGE;
}

static int value_by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **value_keys(const js *obj, struct arena *a, size_t *n) {
    *n = js_len(obj);
    const char **v = arena_array(a, *n + 1, const char *);
    size_t i = 0;
    for (struct js_iter it = js_iter(obj); v && i < *n && js_next(&it); i++)
        v[i] = it.key;
    *n = i;
    if (v && i > 1)
        qsort(v, i, sizeof(*v), value_by_name);
    return v;
}

bool value_member(const js *obj, const char *key, js **ret) {
    *ret = js_get(obj, key);
    if (*ret)
        return true;
    for (struct js_iter it = js_iter(obj); js_next(&it);)
        if (strcasecmp(it.key, key) == 0)
            return true; /* it is there, and null */
    return false;
}

/* Go's 'g' with the fewest digits that read back, and an exponent from 1e21 on. */
int value_double(double d, struct str *out) {
    char text[40];
    int digits = 0;
    if (isnan(d) || isinf(d))
        return str_add(out, isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf");
    for (;; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits, d);
        double back = strtod(text, NULL);
        if (digits == 17 || (back <= d && back >= d))
            break;
    }
    const char *e = strchr(text, 'e');
    int exponent = e ? (int)strtol(e + 1, NULL, 10) : 0;
    if (exponent < -4 || exponent >= 21)
        return str_add(out, text);
    return str_addf(out, "%.*f", MAX_OF(digits - exponent, 0), d);
}

int value_quote(const char *s, size_t n, struct str *out) {
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    int r = str_addc(out, '"');
    while (n > 0 && r == 0) {
        uint32_t cp = 0;
        size_t len = utf8_next(s, n, &cp);
        const char *known = *s ? strchr(from, *s) : NULL;
        if (known)
            r = str_addf(out, "\\%c", to[known - from]);
        else if (len == 0 || cp < 0x20 || cp == 0x7f)
            r = str_addf(out, "\\x%02x", (unsigned char)*s);
        else
            r = str_addn(out, s, len);
        len = MAX_OF(len, (size_t)1);
        s += len;
        n -= len;
    }
    return r < 0 ? r : str_addc(out, '"');
}

static int value_print_map(const js *v, struct str *out) {
    AUTO_ARENA struct arena *a = arena_new();
    size_t n = 0;
    const char **keys = a ? value_keys(v, a, &n) : NULL;
    int r = keys ? str_add(out, "map[") : -ENOMEM;
    for (size_t i = 0; i < n && r == 0; i++) {
        r = str_addf(out, "%s%s:", i ? " " : "", keys[i]);
        if (r == 0)
            r = value_print(js_get(v, keys[i]), out);
    }
    return r < 0 ? r : str_addc(out, ']');
}

/* Depth is JSON's, which the facade bounds. */
int value_print(const js *v, struct str *out) {
    int r = 0;
    switch (js_type(v)) {
    case JS_NULL:
        return str_add(out, "<nil>");
    case JS_BOOL:
        return str_add(out, js_bool(v, false) ? "true" : "false");
    case JS_INT:
        return js_is_unsigned(v) ? str_addf(out, "%llu", (unsigned long long)js_u64(v, 0))
                                 : str_addf(out, "%lld", (long long)js_i64(v, 0));
    case JS_DOUBLE:
        return value_double(js_double(v, 0), out);
    case JS_STRING:
        return str_add(out, js_str(v));
    case JS_OBJECT:
        return value_print_map(v, out);
    case JS_ARRAY:
        break;
    }
    r = str_addc(out, '[');
    for (size_t i = 0; i < js_len(v) && r == 0; i++) {
        if (i)
            r = str_addc(out, ' ');
        if (r == 0)
            r = value_print(js_at(v, i), out);
    }
    return r < 0 ? r : str_addc(out, ']');
}
