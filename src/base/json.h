/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON facade: the only door to the JSON library (json-c; see docs/dependencies.md).
 *
 * Parsing is strict where foreign documents bite: size cap, depth 64, no NaN/Infinity, no NUL in
 * strings or keys, valid UTF-8, nothing after the value. Numbers keep all 64 bits, signed or
 * unsigned. Lookup is exact first, then case-insensitive, as Go's encoding/json does.
 *
 * Ownership: js_parse/js_new_* return a reference the caller frees with js_free(). js_get/js_at/
 * iteration give borrowed values that live as long as their parent. js_set/js_push take the
 * child's reference, also on failure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

typedef struct json_object js; /* opaque outside json.c */

enum js_type { JS_NULL, JS_BOOL, JS_INT, JS_DOUBLE, JS_STRING, JS_ARRAY, JS_OBJECT };

#define JS_MAX_BYTES ((size_t)8 << 20)

/* `what` names the document in errors ("manifest of debian:12"). ERR_CORRUPT on bad input. */
int js_parse(const char *text, size_t len, const char *what, js **ret, struct err *e);
void js_free(js *v);
void js_freep(js **v);
#define AUTO_JS CLEANUP(js_freep)

enum js_type js_type(const js *v);              /* NULL pointer → JS_NULL */
js *js_get(const js *obj, const char *key);     /* NULL when missing, null, or obj no object */
js *js_path(const js *obj, const char *dotted); /* "config.Env": nested js_get */
size_t js_len(const js *arr_or_obj);
js *js_at(const js *arr, size_t i);
const char *js_str(const js *v);                        /* NULL unless a string */
const char *js_get_str(const js *obj, const char *key); /* NULL unless a string */
const char *js_get_str_or(const js *obj, const char *key, const char *dflt);
bool js_bool(const js *v, bool dflt);
int64_t js_i64(const js *v, int64_t dflt);
uint64_t js_u64(const js *v, uint64_t dflt);
double js_double(const js *v, double dflt);
bool js_get_bool(const js *obj, const char *key, bool dflt);
int64_t js_get_i64(const js *obj, const char *key, int64_t dflt);
uint64_t js_get_u64(const js *obj, const char *key, uint64_t dflt);
bool js_is_unsigned(const js *v); /* integer above INT64_MAX */

/* Iterate an object in document order: `struct js_iter it = js_iter(obj); while (js_next(&it))` */
struct js_iter {
    const char *key;
    js *value;
    void *next_;
};
struct js_iter js_iter(const js *obj);
bool js_next(struct js_iter *it);

js *js_new_object(void);
js *js_new_array(void);
js *js_new_str(const char *s); /* NULL → JSON null */
js *js_new_strn(const char *s, size_t n);
js *js_new_i64(int64_t v);
js *js_new_u64(uint64_t v);
js *js_new_double(double v);
js *js_new_bool(bool v);
js *js_ref(js *v);                                       /* another reference */
int js_set(js *obj, const char *key, js *take);          /* 0 or -ENOMEM; NULL value sets null */
int js_set_str(js *obj, const char *key, const char *s); /* NULL: key is left out */
int js_set_i64(js *obj, const char *key, int64_t v);
int js_set_u64(js *obj, const char *key, uint64_t v);
int js_set_bool(js *obj, const char *key, bool v);
int js_push(js *arr, js *take);
int js_push_str(js *arr, const char *s);
void js_del(js *obj, const char *key);

enum { JS_COMPACT = 0, JS_PRETTY = 1 }; /* PRETTY: 4 spaces as docker inspect */
/* Append the text to b (no trailing newline; "/" is not escaped). 0 or -errno. */
int js_print(const js *v, int style, struct str *b);
