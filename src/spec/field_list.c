/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/field_types.h"

#include <string.h>

#define MEMBER(T) (*(T *)field_at(base, f->off))
#define CMEMBER(T) (*(T const *)field_cat(base, f->off))

/* The container has the right type and a bearable size. */
static int read_size(struct field_in *in, const js *v, enum js_type type, size_t *ret) {
    if (js_type(v) != type)
        return field_fail_type(in, type == JS_ARRAY ? "an array" : "an object", v);
    size_t n = js_len(v);
    if (n > FIELD_MAX_ITEMS)
        return field_fail(in, NULL, "%zu entries are more than the %zu allowed", n,
                          FIELD_MAX_ITEMS);
    *ret = n;
    return 0;
}

static void set_count(const struct field *f, void *base, size_t n) {
    *(size_t *)field_at(base, f->count) = n;
}

static bool counted_present(const struct field *f, const void *base) {
    return field_count(f, base) > 0;
}

/* --- lists of strings ---------------------------------------------------------------------- */

static int strlist_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    struct strlist list = {0};
    size_t n = 0;
    int r = read_size(in, v, JS_ARRAY, &n);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const char *s = "";
        field_push_index(in, i);
        r = field_read_str(in, js_at(v, i), f->words, &s);
        if (r == 0 && f->words && !*s)
            r = field_fail(in, NULL, "must not be empty");
        if (r == 0 && strlist_add(in->a, &list, s) < 0)
            r = field_oom(in);
        field_pop(in);
    }
    if (r == 0)
        MEMBER(struct strlist) = list;
    return r;
}

static bool strlist_present(const struct field *f, const void *base) {
    return CMEMBER(struct strlist).n > 0;
}

static int strlist_encode(const struct field *f, const void *base, js **ret) {
    const struct strlist *list = &CMEMBER(struct strlist);
    AUTO_JS js *out = js_new_array();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < list->n; i++) {
        if (js_push_str(out, list->v[i]) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

const struct field_ops field_strlist_ops = {strlist_decode, strlist_present, strlist_encode};

/* --- {"a": {}, "b": {}} -------------------------------------------------------------------- */

static int keys_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    struct strlist list = {0};
    size_t n = 0;
    int r = read_size(in, v, JS_OBJECT, &n);
    if (r < 0)
        return r;
    struct js_iter it = js_iter(v);
    while (js_next(&it)) {
        if (strlist_add(in->a, &list, it.key) < 0)
            return field_oom(in);
    }
    MEMBER(struct strlist) = list;
    return 0;
}

static int keys_encode(const struct field *f, const void *base, js **ret) {
    const struct strlist *list = &CMEMBER(struct strlist);
    AUTO_JS js *out = js_new_object();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < list->n; i++) {
        js *empty = js_new_object();
        if (!empty || js_set(out, list->v[i], empty) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

const struct field_ops field_keys_ops = {keys_decode, strlist_present, keys_encode};

/* --- numbers ------------------------------------------------------------------------------- */

static int u32s_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    size_t n = 0;
    int r = read_size(in, v, JS_ARRAY, &n);
    if (r < 0)
        return r;
    uint32_t *items = arena_array(in->a, n, uint32_t);
    if (!items)
        return field_oom(in);
    for (size_t i = 0; r == 0 && i < n; i++) {
        uint64_t wide = 0;
        field_push_index(in, i);
        r = field_read_u64(in, js_at(v, i), 0, UINT32_MAX, &wide);
        field_pop(in);
        items[i] = (uint32_t)wide;
    }
    if (r < 0)
        return r;
    MEMBER(uint32_t *) = n ? items : NULL;
    set_count(f, base, n);
    return 0;
}

static int u32s_encode(const struct field *f, const void *base, js **ret) {
    const uint32_t *items = CMEMBER(uint32_t *);
    AUTO_JS js *out = js_new_array();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < field_count(f, base); i++) {
        js *n = js_new_u64(items[i]);
        if (!n || js_push(out, n) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

const struct field_ops field_u32s_ops = {u32s_decode, counted_present, u32s_encode};

/* --- maps of strings ----------------------------------------------------------------------- */

static int read_pair(struct field_in *in, const struct js_iter *it, struct rt_kv *ret) {
    const char *s = "";
    if (!*it->key)
        return field_fail(in, NULL, "a key must not be empty");
    field_push_key(in, it->key);
    int r = field_read_str(in, it->value, NULL, &s);
    field_pop(in);
    if (r < 0)
        return r;
    ret->key = arena_strdup(in->a, it->key);
    ret->value = arena_strdup(in->a, s);
    return ret->key && ret->value ? 0 : field_oom(in);
}

static int kvs_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    size_t n = 0;
    size_t i = 0;
    int r = read_size(in, v, JS_OBJECT, &n);
    if (r < 0)
        return r;
    struct rt_kv *items = arena_array(in->a, n, struct rt_kv);
    if (!items)
        return field_oom(in);
    struct js_iter it = js_iter(v);
    while (i < n && js_next(&it)) {
        r = read_pair(in, &it, &items[i]);
        if (r < 0)
            return r;
        i++;
    }
    MEMBER(struct rt_kv *) = i ? items : NULL;
    set_count(f, base, i);
    return 0;
}

static int kvs_encode(const struct field *f, const void *base, js **ret) {
    const struct rt_kv *items = CMEMBER(struct rt_kv *);
    AUTO_JS js *out = js_new_object();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < field_count(f, base); i++) {
        if (js_set_str(out, items[i].key, items[i].value ? items[i].value : "") < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

const struct field_ops field_kvs_ops = {kvs_decode, counted_present, kvs_encode};

/* --- digests ------------------------------------------------------------------------------- */

static int digests_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    const struct field one = {.type = FIELD_DIGEST};
    size_t n = 0;
    int r = read_size(in, v, JS_ARRAY, &n);
    if (r < 0)
        return r;
    struct digest *items = arena_array(in->a, n, struct digest);
    if (!items)
        return field_oom(in);
    for (size_t i = 0; r == 0 && i < n; i++) {
        field_push_index(in, i);
        r = field_digest_ops.decode(in, &one, js_at(v, i), &items[i]);
        field_pop(in);
    }
    if (r < 0)
        return r;
    MEMBER(struct digest *) = n ? items : NULL;
    set_count(f, base, n);
    return 0;
}

static int digests_encode(const struct field *f, const void *base, js **ret) {
    const struct digest *items = CMEMBER(struct digest *);
    AUTO_JS js *out = js_new_array();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < field_count(f, base); i++) {
        if (js_push_str(out, items[i].s) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

const struct field_ops field_digests_ops = {digests_decode, counted_present, digests_encode};

/* --- lists and maps of objects ------------------------------------------------------------- */

static int list_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    size_t n = 0;
    int r = read_size(in, v, JS_ARRAY, &n);
    if (r < 0)
        return r;
    char *items = arena_calloc(in->a, n, f->sub->size);
    if (!items)
        return field_oom(in);
    for (size_t i = 0; r == 0 && i < n; i++) {
        field_push_index(in, i);
        r = field_read_object(in, f->sub, js_at(v, i), items + i * f->sub->size);
        field_pop(in);
    }
    if (r < 0)
        return r;
    field_set_ptr(f, base, n ? items : NULL);
    set_count(f, base, n);
    return 0;
}

static int list_encode(const struct field *f, const void *base, js **ret) {
    const char *items = field_get_ptr(f, base);
    AUTO_JS js *out = js_new_array();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < field_count(f, base); i++) {
        js *item = NULL;
        int r = field_write_object(f->sub, items + i * f->sub->size, &item);
        if (r < 0)
            return r;
        if (js_push(out, item) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

const struct field_ops field_list_ops = {list_decode, counted_present, list_encode};

static int read_entry(struct field_in *in, const struct field *f, const struct js_iter *it,
                      char *item) {
    if (!*it->key)
        return field_fail(in, NULL, "a key must not be empty");
    if (f->words && field_word_index(f->words, it->key) < 0)
        return field_fail(in, it->key, "is not a known name");
    char *key = arena_strdup(in->a, it->key);
    if (!key)
        return field_oom(in);
    field_push_key(in, it->key);
    int r = field_read_object(in, f->sub, it->value, item);
    field_pop(in);
    *(char **)field_at(item, f->map_key) = key;
    return r;
}

static int map_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    size_t n = 0;
    size_t i = 0;
    int r = read_size(in, v, JS_OBJECT, &n);
    if (r < 0)
        return r;
    char *items = arena_calloc(in->a, n, f->sub->size);
    if (!items)
        return field_oom(in);
    struct js_iter it = js_iter(v);
    while (i < n && js_next(&it)) {
        r = read_entry(in, f, &it, items + i * f->sub->size);
        if (r < 0)
            return r;
        i++;
    }
    field_set_ptr(f, base, i ? items : NULL);
    set_count(f, base, i);
    return 0;
}

static int map_encode(const struct field *f, const void *base, js **ret) {
    const char *items = field_get_ptr(f, base);
    AUTO_JS js *out = js_new_object();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < field_count(f, base); i++) {
        const char *item = items + i * f->sub->size;
        const char *key = *(char *const *)field_cat(item, f->map_key);
        js *obj = NULL;
        int r = field_write_object(f->sub, item, &obj);
        if (r < 0)
            return r;
        if (js_set(out, key, obj) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

const struct field_ops field_map_ops = {map_decode, counted_present, map_encode};
