/* SPDX-License-Identifier: Apache-2.0 */
/* The functions: Go's own and docker's helpers. `and` and `or` stop early: template_eval.c. */
#include "cli/template_funcs.h"

#include "base/utf8.h"

#include <string.h>

static int func_bool(struct template_eval *t, bool v, js **ret) {
    return template_make(t, js_new_bool(v), 16, ret);
}

/* What a helper works on: strings as they are, other values as they would be printed. */
static int func_text(struct template_eval *t, const js *v, struct str *out) {
    return js_type(v) == JS_NULL || value_print(v, out) == 0 ? 0 : template_fail(t, "too long");
}

static int func_string(struct template_eval *t, const js *v, const char **ret) {
    *ret = js_str(v);
    return *ret ? 0 : template_fail(t, "expected string; found %s", value_type(v));
}

static int func_int(struct template_eval *t, const js *v, int64_t *ret) {
    if (js_type(v) != JS_INT || js_is_unsigned(v))
        return template_fail(t, "expected integer; found %s", value_type(v));
    *ret = js_i64(v, 0);
    return 0;
}

/* --- comparison ------------------------------------------------------------------------------ */

static int func_compare(struct template_eval *t, const js *a, const js *b, bool order, int *ret) {
    int r = value_compare(a, b, ret);
    if (r == -EINVAL && (js_type(a) == JS_ARRAY || js_type(a) == JS_OBJECT))
        return template_fail(t, "error calling comparison: non-comparable type %s", value_type(a));
    if (r == -EINVAL)
        return template_fail(t, "error calling comparison: incompatible types for comparison");
    if (r == -ERANGE && order)
        return template_fail(t, "error calling comparison: invalid type for comparison");
    return 0;
}

static int func_eq(struct template_eval *t, js **args, size_t n, js **ret) {
    for (size_t i = 1; i < n; i++) {
        int order = 0;
        int r = func_compare(t, args[0], args[i], false, &order);
        if (r < 0)
            return r;
        if (order == 0)
            return func_bool(t, true, ret);
    }
    return func_bool(t, false, ret);
}

static int func_ne(struct template_eval *t, js **args, size_t n, js **ret) {
    int order = 0;
    int r = func_compare(t, args[0], args[1], false, &order);
    return r < 0 ? r : func_bool(t, order != 0, ret);
}

#define FUNC_ORDER(name, test)                                                                     \
    static int func_##name(struct template_eval *t, js **args, size_t n, js **ret) {               \
        int order = 0;                                                                             \
        int r = func_compare(t, args[0], args[1], true, &order);                                   \
        return r < 0 ? r : func_bool(t, order test 0, ret);                                        \
    }
FUNC_ORDER(lt, <)
FUNC_ORDER(le, <=)
FUNC_ORDER(gt, >)
FUNC_ORDER(ge, >=)

static int func_not(struct template_eval *t, js **args, size_t n, js **ret) {
    return func_bool(t, !value_true(args[0]), ret);
}

/* Never called: template_eval.c evaluates their arguments one by one. */
static int func_lazy(struct template_eval *t, js **args, size_t n, js **ret) {
    *ret = n ? args[n - 1] : NULL;
    return 0;
}

/* --- parts of values ------------------------------------------------------------------------- */

static int func_len(struct template_eval *t, js **args, size_t n, js **ret) {
    enum js_type type = js_type(args[0]);
    if (type == JS_STRING)
        return template_make(t, js_new_u64(value_strlen(args[0])), 16, ret);
    if (type == JS_ARRAY || type == JS_OBJECT)
        return template_make(t, js_new_u64(js_len(args[0])), 16, ret);
    if (type == JS_NULL) /* an empty list is often written as null */
        return template_make(t, js_new_u64(0), 16, ret);
    return template_fail(t, "error calling len: len of type %s", value_type(args[0]));
}

static int func_index(struct template_eval *t, js **args, size_t n, js **ret) {
    js *v = args[0];
    for (size_t i = 1; i < n; i++) {
        const char *key = js_str(args[i]);
        int64_t at = 0;
        if (key && (js_type(v) == JS_OBJECT || js_type(v) == JS_NULL)) {
            js *member = js_type(v) == JS_OBJECT ? js_get(v, key) : NULL;
            if (!member) /* a map of strings gives "" for what it has not */
                return template_make(t, js_new_str(""), 16, ret);
            v = member;
            continue;
        }
        if (js_type(v) != JS_ARRAY)
            return template_fail(t, "error calling index: can't index item of type %s",
                                 value_type(v));
        int r = func_int(t, args[i], &at);
        if (r < 0)
            return r;
        if (at < 0 || (uint64_t)at >= js_len(v))
            return template_fail(t, "error calling index: index out of range: %lld", (long long)at);
        v = js_at(v, (size_t)at);
    }
    *ret = v;
    return 0;
}

static int func_slice(struct template_eval *t, js **args, size_t n, js **ret) {
    bool string = js_type(args[0]) == JS_STRING;
    if (!string && js_type(args[0]) != JS_ARRAY)
        return template_fail(t, "error calling slice: can't slice item of type %s",
                             value_type(args[0]));
    int64_t len = (int64_t)(string ? value_strlen(args[0]) : js_len(args[0])), from = 0, to = len;
    int r = n > 1 ? func_int(t, args[1], &from) : 0;
    if (r == 0 && n > 2)
        r = func_int(t, args[2], &to);
    if (r < 0)
        return r;
    if (from < 0 || to > len || from > to)
        return template_fail(t, "error calling slice: index out of range: %lld",
                             (long long)(from < 0 || from > len ? from : to));
    if (string) {
        js *part = js_new_strn(js_str(args[0]) + from, (size_t)(to - from));
        return template_make(t, part, (size_t)(to - from), ret);
    }
    js *list = js_new_array();
    for (int64_t i = from; list && i < to; i++)
        js_push(list, js_ref(js_at(args[0], (size_t)i)));
    return template_make(t, list, (size_t)(to - from) * 16, ret);
}

/* --- printing -------------------------------------------------------------------------------- */

/* Go's Sprint puts a blank between two operands that are both no strings; Sprintln between all. */
static int func_print_all(struct template_eval *t, js **args, size_t n, bool line, js **ret) {
    AUTO_STR struct str b = STR_INIT(0);
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        if (i && (line || (js_type(args[i]) != JS_STRING && js_type(args[i - 1]) != JS_STRING)))
            r = str_addc(&b, ' ');
        if (r == 0)
            r = value_print(args[i], &b);
    }
    if (line && r == 0)
        r = str_addc(&b, '\n');
    return r < 0 ? template_fail(t, "too long") : template_make_str(t, &b, ret);
}

static int func_print(struct template_eval *t, js **args, size_t n, js **ret) {
    return func_print_all(t, args, n, false, ret);
}

static int func_println(struct template_eval *t, js **args, size_t n, js **ret) {
    return func_print_all(t, args, n, true, ret);
}

static int func_printf(struct template_eval *t, js **args, size_t n, js **ret) {
    AUTO_STR struct str b = STR_INIT(0);
    const char *format = "";
    int r = func_string(t, args[0], &format);
    if (r < 0)
        return r;
    return printf_go(format, args + 1, n - 1, &b) < 0 ? template_fail(t, "too long")
                                                      : template_make_str(t, &b, ret);
}

/* --- docker's helpers ------------------------------------------------------------------------ */

static int func_json(struct template_eval *t, js **args, size_t n, js **ret) {
    AUTO_STR struct str b = STR_INIT(0);
    return js_print(args[0], JS_COMPACT, &b) < 0 ? template_fail(t, "too long")
                                                 : template_make_str(t, &b, ret);
}

static int func_join(struct template_eval *t, js **args, size_t n, js **ret) {
    AUTO_STR struct str b = STR_INIT(0);
    const char *separator = "";
    int r = func_string(t, args[1], &separator);
    if (r < 0)
        return r;
    if (js_type(args[0]) != JS_ARRAY && js_type(args[0]) != JS_NULL)
        return template_fail(t, "error calling join: can't join %s", value_type(args[0]));
    for (size_t i = 0; i < js_len(args[0]) && r == 0; i++) {
        r = i ? str_add(&b, separator) : 0;
        if (r == 0)
            r = value_print(js_at(args[0], i), &b);
    }
    return r < 0 ? template_fail(t, "too long") : template_make_str(t, &b, ret);
}

static int func_split(struct template_eval *t, js **args, size_t n, js **ret) {
    const char *s = "", *separator = "";
    int r = func_string(t, args[0], &s);
    if (r == 0)
        r = func_string(t, args[1], &separator);
    if (r < 0)
        return r;
    js *list = js_new_array();
    size_t width = strlen(separator), bytes = 16;
    while (list) {
        const char *next = width ? strstr(s, separator) : NULL;
        size_t len = next ? (size_t)(next - s) : strlen(s);
        if (!width && *s) { /* every character by itself */
            len = utf8_next(s, len, NULL);
            len = MAX_OF(len, (size_t)1);
            next = s + len;
        }
        if (width || len)
            js_push(list, js_new_strn(s, len));
        bytes += len + 32;
        if (!next || (!width && !*next))
            break;
        s = next + width;
    }
    return template_make(t, list, bytes, ret);
}

/* `change` gets every byte and whether a word begins with it. */
static int func_map(struct template_eval *t, const js *v, char (*change)(char, bool), js **ret) {
    AUTO_STR struct str b = STR_INIT(0);
    int r = func_text(t, v, &b);
    bool first = true;
    if (r < 0)
        return r;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.s[i];
        b.s[i] = change(c, first);
        first = !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '\'' || (unsigned char)c >= 0x80);
    }
    return template_make_str(t, &b, ret);
}

static char func_to_lower(char c, bool first) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char func_to_upper(char c, bool first) {
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static char func_to_title(char c, bool first) {
    return first ? func_to_upper(c, true) : c;
}

static int func_lower(struct template_eval *t, js **args, size_t n, js **ret) {
    return func_map(t, args[0], func_to_lower, ret);
}

static int func_upper(struct template_eval *t, js **args, size_t n, js **ret) {
    return func_map(t, args[0], func_to_upper, ret);
}

static int func_title(struct template_eval *t, js **args, size_t n, js **ret) {
    return func_map(t, args[0], func_to_title, ret);
}

#define PAD_MOST 1000

static int func_pad(struct template_eval *t, js **args, size_t n, js **ret) {
    AUTO_STR struct str text = STR_INIT(0), b = STR_INIT(0);
    int64_t before = 0, behind = 0;
    int r = func_text(t, args[0], &text);
    if (r == 0)
        r = func_int(t, args[1], &before);
    if (r == 0)
        r = func_int(t, args[2], &behind);
    if (r < 0)
        return r;
    if (before < 0 || before > PAD_MOST || behind < 0 || behind > PAD_MOST)
        return template_fail(t, "error calling pad: 0 to %d blanks", PAD_MOST);
    if (text.len) /* docker pads nothing with nothing */
        r = str_addf(&b, "%*s%s%*s", (int)before, "", str_c(&text), (int)behind, "");
    return r < 0 ? template_fail(t, "too long") : template_make_str(t, &b, ret);
}

static int func_truncate(struct template_eval *t, js **args, size_t n, js **ret) {
    AUTO_STR struct str b = STR_INIT(0);
    int64_t most = 0;
    int r = func_text(t, args[0], &b);
    if (r == 0)
        r = func_int(t, args[1], &most);
    if (r < 0)
        return r;
    if (most < 0)
        return template_fail(t, "error calling truncate: negative length");
    size_t at = 0;
    for (int64_t i = 0; i < most && at < b.len; i++) {
        size_t len = utf8_next(b.s + at, b.len - at, NULL);
        at += MAX_OF(len, (size_t)1);
    }
    return template_make(t, js_new_strn(str_c(&b), MIN_OF(at, b.len)), at, ret);
}

const struct template_func *template_func_find(const char *name) {
    static const struct template_func funcs[] = {
        {"and", 1, SIZE_MAX, false, func_lazy},
        {"eq", 2, SIZE_MAX, false, func_eq},
        {"ge", 2, 2, false, func_ge},
        {"gt", 2, 2, false, func_gt},
        {"index", 1, SIZE_MAX, false, func_index},
        {"join", 2, 2, true, func_join},
        {"json", 1, 1, true, func_json},
        {"le", 2, 2, false, func_le},
        {"len", 1, 1, false, func_len},
        {"lower", 1, 1, true, func_lower},
        {"lt", 2, 2, false, func_lt},
        {"ne", 2, 2, false, func_ne},
        {"not", 1, 1, false, func_not},
        {"or", 1, SIZE_MAX, false, func_lazy},
        {"pad", 3, 3, true, func_pad},
        {"print", 0, SIZE_MAX, false, func_print},
        {"printf", 1, SIZE_MAX, false, func_printf},
        {"println", 0, SIZE_MAX, false, func_println},
        {"slice", 1, 3, false, func_slice},
        {"split", 2, 2, true, func_split},
        {"title", 1, 1, true, func_title},
        {"truncate", 2, 2, true, func_truncate},
        {"upper", 1, 1, true, func_upper},
    };
    for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
        if (strcmp(funcs[i].name, name) == 0)
            return &funcs[i];
    return NULL;
}
