/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/utf8.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PRINT_DEPTH 128 /* documents we build are ours; this only stops a cycle */

int js_parse(const char *text, size_t len, const char *what, js **ret, struct err *e) {
    struct json_fault fault;

    if (len > JS_MAX_BYTES)
        return err_set(e, ERR_CORRUPT, -EFBIG, "%s: %zu bytes of JSON, at most %zu are read", what,
                       len, JS_MAX_BYTES);
    if (json_scan(text, len, &fault) < 0)
        return err_set(e, ERR_CORRUPT, -EBADMSG, "%s: invalid JSON at byte %zu: %s", what,
                       fault.offset, fault.why);
    struct json_tokener *tok = json_tokener_new_ex(JSON_SCAN_DEPTH + 2);
    if (!tok)
        return err_oom(e);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    js *v = json_tokener_parse_ex(tok, text, (int)len);
    if (json_tokener_get_error(tok) == json_tokener_continue)
        v = json_tokener_parse_ex(tok, "", 1); /* the NUL ends a bare number */
    enum json_tokener_error why = json_tokener_get_error(tok);
    json_tokener_free(tok);
    if (why != json_tokener_success) {
        json_object_put(v);
        return err_set(e, ERR_CORRUPT, -EBADMSG, "%s: invalid JSON: %s", what,
                       json_tokener_error_desc(why));
    }
    *ret = v; /* NULL is JSON null */
    return 0;
}

void js_free(js *v) {
    json_object_put(v);
}

void js_freep(js **v) {
    json_object_put(*v);
    *v = NULL;
}

js *js_ref(js *v) {
    return json_object_get(v);
}

enum js_type js_type(const js *v) {
    switch (json_object_get_type(v)) {
    case json_type_boolean:
        return JS_BOOL;
    case json_type_double:
        return JS_DOUBLE;
    case json_type_int:
        return JS_INT;
    case json_type_object:
        return JS_OBJECT;
    case json_type_array:
        return JS_ARRAY;
    case json_type_string:
        return JS_STRING;
    case json_type_null:
    default:
        return JS_NULL;
    }
}

/* --- looking up ------------------------------------------------------------------------------ */

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool same_but_case(const char *a, const char *b) {
    for (; *a && lower(*a) == lower(*b); a++, b++)
        ;
    return *a == *b;
}

js *js_get(const js *obj, const char *key) {
    js *v = NULL;

    if (js_type(obj) != JS_OBJECT)
        return NULL;
    if (json_object_object_get_ex(obj, key, &v))
        return v;
    struct js_iter it = js_iter(obj);
    while (js_next(&it))
        if (same_but_case(it.key, key))
            v = it.value; /* of several the last, as Go's decoder */
    return v;
}

js *js_path(const js *obj, const char *dotted) {
    js *v = NULL;

    for (const char *p = dotted;; obj = v) {
        char key[128];
        size_t n = strcspn(p, ".");
        if (n >= sizeof(key))
            return NULL;
        memcpy(key, p, n);
        key[n] = '\0';
        v = js_get(obj, key);
        if (!v || p[n] == '\0')
            return v;
        p += n + 1;
    }
}

size_t js_len(const js *v) {
    if (js_type(v) == JS_ARRAY)
        return json_object_array_length(v);
    return js_type(v) == JS_OBJECT ? (size_t)json_object_object_length(v) : 0;
}

js *js_at(const js *arr, size_t i) {
    return js_type(arr) == JS_ARRAY ? json_object_array_get_idx(arr, i) : NULL;
}

/* Reading a string is const in all but the library's signature. */
static js *unconst(const js *v) {
    return (js *)v;
}

const char *js_str(const js *v) {
    return js_type(v) == JS_STRING ? json_object_get_string(unconst(v)) : NULL;
}

bool js_bool(const js *v, bool dflt) {
    return js_type(v) == JS_BOOL ? json_object_get_boolean(v) != 0 : dflt;
}

bool js_is_unsigned(const js *v) {
    return js_type(v) == JS_INT && json_object_get_uint64(v) > INT64_MAX;
}

/* 1e6 and 10.0 are integers to most writers: whole doubles count while they are exact. */
static bool whole_double(const js *v, int64_t *ret) {
    if (js_type(v) != JS_DOUBLE)
        return false;
    double d = json_object_get_double(v);
    if (!(fabs(d) <= 9007199254740992.0) || d != (double)(int64_t)d)
        return false;
    *ret = (int64_t)d;
    return true;
}

int64_t js_i64(const js *v, int64_t dflt) {
    int64_t d;
    if (whole_double(v, &d))
        return d;
    return js_type(v) == JS_INT && !js_is_unsigned(v) ? json_object_get_int64(v) : dflt;
}

uint64_t js_u64(const js *v, uint64_t dflt) {
    int64_t d;
    if (js_is_unsigned(v))
        return json_object_get_uint64(v);
    if (whole_double(v, &d))
        return d < 0 ? dflt : (uint64_t)d;
    d = js_type(v) == JS_INT ? json_object_get_int64(v) : -1;
    return d < 0 ? dflt : (uint64_t)d;
}

double js_double(const js *v, double dflt) {
    if (js_is_unsigned(v))
        return (double)json_object_get_uint64(v);
    if (js_type(v) == JS_INT)
        return (double)json_object_get_int64(v);
    return js_type(v) == JS_DOUBLE ? json_object_get_double(v) : dflt;
}

const char *js_get_str(const js *obj, const char *key) {
    return js_str(js_get(obj, key));
}

const char *js_get_str_or(const js *obj, const char *key, const char *dflt) {
    const char *s = js_get_str(obj, key);
    return s ? s : dflt;
}

bool js_get_bool(const js *obj, const char *key, bool dflt) {
    return js_bool(js_get(obj, key), dflt);
}

int64_t js_get_i64(const js *obj, const char *key, int64_t dflt) {
    return js_i64(js_get(obj, key), dflt);
}

uint64_t js_get_u64(const js *obj, const char *key, uint64_t dflt) {
    return js_u64(js_get(obj, key), dflt);
}

struct js_iter js_iter(const js *obj) {
    struct js_iter it = {0};
    if (js_type(obj) == JS_OBJECT)
        it.next_ = lh_table_head(json_object_get_object(obj));
    return it;
}

bool js_next(struct js_iter *it) {
    struct lh_entry *entry = it->next_;
    if (!entry)
        return false;
    it->key = lh_entry_k(entry);
    it->value = lh_entry_v(entry);
    it->next_ = lh_entry_next(entry);
    return true;
}

/* --- building -------------------------------------------------------------------------------- */

js *js_new_object(void) {
    return json_object_new_object();
}

js *js_new_array(void) {
    return json_object_new_array();
}

js *js_new_str(const char *s) {
    return s ? js_new_strn(s, strlen(s)) : NULL;
}

js *js_new_strn(const char *s, size_t n) {
    return n > INT32_MAX ? NULL : json_object_new_string_len(s, (int)n);
}

js *js_new_i64(int64_t v) {
    return json_object_new_int64(v);
}

js *js_new_u64(uint64_t v) {
    return json_object_new_uint64(v);
}

js *js_new_double(double v) {
    char text[40];

    if (!isfinite(v))
        return NULL; /* JSON has no word for it: null */
    /* the shortest of the forms that read back the same */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    char *comma = strchr(text, ','); /* the host program's locale is not ours to set */
    if (comma)
        *comma = '.';
    return json_object_new_double_s(v, text);
}

js *js_new_bool(bool v) {
    return json_object_new_boolean(v);
}

int js_set(js *obj, const char *key, js *take) {
    if (js_type(obj) != JS_OBJECT || obj == take) {
        json_object_put(take);
        return obj ? -EINVAL : -ENOMEM; /* NULL: js_new_object() had no memory */
    }
    if (json_object_object_add(obj, key, take) < 0) {
        json_object_put(take);
        return -ENOMEM;
    }
    return 0;
}

/* A scalar that could not be made must not turn into null. */
static int set_made(js *obj, const char *key, js *made) {
    return made ? js_set(obj, key, made) : -ENOMEM;
}

int js_set_str(js *obj, const char *key, const char *s) {
    return s ? set_made(obj, key, js_new_str(s)) : 0;
}

int js_set_i64(js *obj, const char *key, int64_t v) {
    return set_made(obj, key, js_new_i64(v));
}

int js_set_u64(js *obj, const char *key, uint64_t v) {
    return set_made(obj, key, js_new_u64(v));
}

int js_set_bool(js *obj, const char *key, bool v) {
    return set_made(obj, key, js_new_bool(v));
}

int js_push(js *arr, js *take) {
    if (js_type(arr) != JS_ARRAY || arr == take) {
        json_object_put(take);
        return arr ? -EINVAL : -ENOMEM;
    }
    if (json_object_array_add(arr, take) < 0) {
        json_object_put(take);
        return -ENOMEM;
    }
    return 0;
}

int js_push_str(js *arr, const char *s) {
    js *v = js_new_str(s);
    return v || !s ? js_push(arr, v) : -ENOMEM;
}

void js_del(js *obj, const char *key) {
    if (js_type(obj) == JS_OBJECT)
        json_object_object_del(obj, key);
}

/* --- printing -------------------------------------------------------------------------------- */

/* The escape of a character that may not stand for itself; NULL when it may. */
static const char *escape_of(uint32_t cp, char buf[static 8]) {
    switch (cp) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if (cp >= 0x20 && cp != 0x2028 && cp != 0x2029) /* Go escapes those two for JavaScript */
        return NULL;
    snprintf(buf, 8, "\\u%04x", (unsigned)cp & 0xffffu);
    return buf;
}

/* Bytes that are not UTF-8 become U+FFFD: what we print, we and others can read again. */
static int print_string(const char *s, size_t n, struct str *b) {
    size_t plain = 0; /* start of the run that needs no change */
    int r = str_addc(b, '"');

    for (size_t i = 0; i < n && r == 0;) {
        uint32_t cp = 0;
        char buf[8];
        size_t k = utf8_next(s + i, n - i, &cp);
        const char *instead = k == 0 ? "\xef\xbf\xbd" : escape_of(cp, buf);
        k = MAX_OF(k, (size_t)1);
        if (instead) {
            r = str_addn(b, s + plain, i - plain);
            if (r == 0)
                r = str_add(b, instead);
            plain = i + k;
        }
        i += k;
    }
    if (r == 0)
        r = str_addn(b, s + plain, n - plain);
    return r < 0 ? r : str_addc(b, '"');
}

struct printer {
    struct str *b;
    bool pretty;
    int depth;
};

static int newline(struct printer *p) {
    int r = p->pretty ? str_addc(p->b, '\n') : 0;
    for (int i = 0; p->pretty && i < p->depth && r == 0; i++)
        r = str_add(p->b, "    ");
    return r;
}

/* What stands before an element: the comma of the last one and the new line. */
static int separate(struct printer *p, bool first) {
    int r = first ? 0 : str_addc(p->b, ',');
    return r < 0 ? r : newline(p);
}

static int print_value(struct printer *p, const js *v);

static int print_members(struct printer *p, const js *v) {
    struct js_iter it = js_iter(v);
    int r = 0;

    for (bool first = true; r == 0 && js_next(&it); first = false) {
        r = separate(p, first);
        if (r == 0)
            r = print_string(it.key, strlen(it.key), p->b);
        if (r == 0)
            r = str_add(p->b, p->pretty ? ": " : ":");
        if (r == 0)
            r = print_value(p, it.value);
    }
    return r;
}

static int print_elements(struct printer *p, const js *v) {
    int r = 0;

    for (size_t i = 0; r == 0 && i < js_len(v); i++) {
        r = separate(p, i == 0);
        if (r == 0)
            r = print_value(p, js_at(v, i));
    }
    return r;
}

static int print_container(struct printer *p, const js *v) {
    bool object = js_type(v) == JS_OBJECT;

    if (js_len(v) == 0)
        return str_add(p->b, object ? "{}" : "[]");
    if (p->depth >= PRINT_DEPTH)
        return -ELOOP;
    p->depth++;
    int r = str_addc(p->b, object ? '{' : '[');
    if (r == 0)
        r = object ? print_members(p, v) : print_elements(p, v);
    p->depth--;
    if (r == 0)
        r = newline(p);
    return r < 0 ? r : str_addc(p->b, object ? '}' : ']');
}

static int print_value(struct printer *p, const js *v) {
    switch (js_type(v)) {
    case JS_BOOL:
        return str_add(p->b, js_bool(v, false) ? "true" : "false");
    case JS_INT:
        if (js_is_unsigned(v))
            return str_addf(p->b, "%llu", (unsigned long long)js_u64(v, 0));
        return str_addf(p->b, "%lld", (long long)js_i64(v, 0));
    case JS_DOUBLE: /* as it was written */
        return str_add(p->b, json_object_to_json_string(unconst(v)));
    case JS_STRING:
        return print_string(json_object_get_string(unconst(v)),
                            (size_t)json_object_get_string_len(v), p->b);
    case JS_ARRAY:
    case JS_OBJECT:
        return print_container(p, v);
    case JS_NULL:
    default:
        return str_add(p->b, "null");
    }
}

int js_print(const js *v, int style, struct str *b) {
    struct printer p = {.b = b, .pretty = style == JS_PRETTY};
    size_t before = b->len;
    int r = print_value(&p, v);
    if (r < 0 && b->s) {
        b->len = before; /* no half documents */
        b->s[before] = '\0';
    }
    return r;
}
