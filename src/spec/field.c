/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/field_types.h"

#include <stdio.h>
#include <string.h>

/* --- errors -------------------------------------------------------------------------------- */

struct arena *field_arena(const struct field_in *in) {
    return in->a;
}

struct err *field_err(const struct field_in *in) {
    return in->e;
}

int field_oom(struct field_in *in) {
    return err_oom(in->e);
}

void field_push_key(struct field_in *in, const char *key) {
    if (in->depth < FIELD_MAX_DEPTH)
        in->path[in->depth].key = key;
    in->depth++;
}

void field_push_index(struct field_in *in, size_t i) {
    if (in->depth < FIELD_MAX_DEPTH) {
        in->path[in->depth].key = NULL;
        in->path[in->depth].index = i;
    }
    in->depth++;
}

void field_pop(struct field_in *in) {
    in->depth--;
}

/* Foreign text inside a message, bounded; err_set() keeps control characters out. */
static void quote(const char *s, size_t limit, struct str *b) {
    size_t n = strlen(s);
    size_t take = MIN_OF(n, limit);
    while (take < n && take > 0 && ((unsigned char)s[take] & 0xC0) == 0x80)
        take--; /* never cut a UTF-8 sequence in two */
    (void)str_addn(b, s, take);
    if (take < n)
        (void)str_add(b, "…");
}

static void show_path(const struct field_in *in, struct str *b) {
    for (size_t i = 0; i < MIN_OF(in->depth, (size_t)FIELD_MAX_DEPTH); i++) {
        const char *key = in->path[i].key;
        if (!key) {
            (void)str_addf(b, "[%zu]", in->path[i].index);
        } else if (strpbrk(key, ".[] \"")) {
            (void)str_add(b, "[\"");
            quote(key, 60, b);
            (void)str_add(b, "\"]");
        } else {
            if (b->len)
                (void)str_addc(b, '.');
            quote(key, 60, b);
        }
    }
}

static void show_value(const js *v, struct str *b) {
    switch (js_type(v)) {
    case JS_NULL:
        (void)str_add(b, "null");
        break;
    case JS_BOOL:
        (void)str_add(b, js_bool(v, false) ? "true" : "false");
        break;
    case JS_INT:
        if (js_is_unsigned(v))
            (void)str_addf(b, "%llu", (unsigned long long)js_u64(v, 0));
        else
            (void)str_addf(b, "%lld", (long long)js_i64(v, 0));
        break;
    case JS_DOUBLE:
        (void)str_addf(b, "%g", js_double(v, 0));
        break;
    case JS_STRING:
        (void)str_addc(b, '"');
        quote(js_str(v), 60, b);
        (void)str_addc(b, '"');
        break;
    case JS_ARRAY:
        (void)str_add(b, "an array");
        break;
    case JS_OBJECT:
        (void)str_add(b, "an object");
        break;
    }
}

int field_fail(struct field_in *in, const char *key, const char *fmt, ...) {
    AUTO_STR struct str path = STR_INIT(400);
    AUTO_STR struct str msg = STR_INIT(400);
    va_list ap;
    va_start(ap, fmt);
    (void)str_vaddf(&msg, fmt, ap);
    va_end(ap);
    if (key)
        field_push_key(in, key);
    show_path(in, &path);
    if (key)
        field_pop(in);
    if (!path.len)
        return err_set(in->e, ERR_CORRUPT, -EINVAL, "%s: %s", in->what, str_c(&msg));
    return err_set(in->e, ERR_CORRUPT, -EINVAL, "%s: %s: %s", in->what, str_c(&path), str_c(&msg));
}

int field_fail_type(struct field_in *in, const char *want, const js *v) {
    AUTO_STR struct str got = STR_INIT(300);
    show_value(v, &got);
    return field_fail(in, NULL, "expected %s, got %s", want, str_c(&got));
}

/* --- nested objects ------------------------------------------------------------------------ */

static int obj_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    return field_read_object(in, f->sub, v, field_at(base, f->off));
}

static bool obj_present(const struct field *f, const void *base);

static int obj_encode(const struct field *f, const void *base, js **ret) {
    return field_write_object(f->sub, field_cat(base, f->off), ret);
}

static int ptr_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    void *obj = arena_alloc(in->a, f->sub->size);
    if (!obj)
        return field_oom(in);
    int r = field_read_object(in, f->sub, v, obj);
    if (r < 0)
        return r;
    field_set_ptr(f, base, obj);
    return 0;
}

static bool ptr_present(const struct field *f, const void *base) {
    return field_get_ptr(f, base) != NULL;
}

static int ptr_encode(const struct field *f, const void *base, js **ret) {
    return field_write_object(f->sub, field_get_ptr(f, base), ret);
}

static int custom_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    return f->decode(in, f, v, base);
}

static bool custom_present(const struct field *f, const void *base) {
    return false;
}

static int custom_encode(const struct field *f, const void *base, js **ret) {
    return f->encode(f, base, ret);
}

static const struct field_ops obj_ops = {obj_decode, obj_present, obj_encode};
static const struct field_ops ptr_ops = {ptr_decode, ptr_present, ptr_encode};
static const struct field_ops custom_ops = {custom_decode, custom_present, custom_encode};

static const struct field_ops *const ops[FIELD_TYPE_COUNT] = {
    [FIELD_STR] = &field_str_ops,
    [FIELD_BOOL] = &field_bool_ops,
    [FIELD_CHAR] = &field_char_ops,
    [FIELD_WORD] = &field_word_ops,
    [FIELD_INT] = &field_int_ops,
    [FIELD_U16] = &field_u16_ops,
    [FIELD_U32] = &field_u32_ops,
    [FIELD_I64] = &field_i64_ops,
    [FIELD_U64] = &field_u64_ops,
    [FIELD_OPT_I64] = &field_opt_i64_ops,
    [FIELD_OPT_U64] = &field_opt_u64_ops,
    [FIELD_DIGEST] = &field_digest_ops,
    [FIELD_STRLIST] = &field_strlist_ops,
    [FIELD_KEYS] = &field_keys_ops,
    [FIELD_U32S] = &field_u32s_ops,
    [FIELD_KVS] = &field_kvs_ops,
    [FIELD_DIGESTS] = &field_digests_ops,
    [FIELD_OBJ] = &obj_ops,
    [FIELD_PTR] = &ptr_ops,
    [FIELD_LIST] = &field_list_ops,
    [FIELD_MAP] = &field_map_ops,
    [FIELD_CUSTOM] = &custom_ops,
};

/* --- the walk ------------------------------------------------------------------------------ */

static bool field_present(const struct field *f, const void *base) {
    if (f->has)
        return *(const bool *)field_cat(base, f->has - 1);
    return ops[f->type]->present(f, base);
}

static bool obj_present(const struct field *f, const void *base) {
    const void *obj = field_cat(base, f->off);
    for (size_t i = 0; i < f->sub->n; i++) {
        if (field_present(&f->sub->fields[i], obj))
            return true;
    }
    return false;
}

static void set_default(const struct field *f, void *base) {
    if (f->type == FIELD_I64)
        *(int64_t *)field_at(base, f->off) = f->dflt;
    else if (f->type == FIELD_CHAR)
        *(char *)field_at(base, f->off) = (char)f->dflt;
}

static int read_member(struct field_in *in, const struct field *f, const js *doc, void *obj) {
    const js *v = js_get(doc, f->name);
    if (!v) {
        if (f->flags & FIELD_REQUIRED)
            return field_fail(in, f->name, "is required");
        set_default(f, obj);
        return 0;
    }
    field_push_key(in, f->name);
    int r = ops[f->type]->decode(in, f, v, obj);
    if (r == 0 && (f->flags & FIELD_REQUIRED) && f->type == FIELD_STR && !field_present(f, obj))
        r = field_fail(in, NULL, "must not be empty");
    if (r == 0 && f->has)
        *(bool *)field_at(obj, f->has - 1) = true;
    field_pop(in);
    return r;
}

int field_read_object(struct field_in *in, const struct field_table *t, const js *v, void *obj) {
    if (js_type(v) != JS_OBJECT)
        return field_fail_type(in, "an object", v);
    for (size_t i = 0; i < t->n; i++) {
        int r = read_member(in, &t->fields[i], v, obj);
        if (r < 0)
            return r;
    }
    return t->check ? t->check(in, obj) : 0;
}

int field_write_object(const struct field_table *t, const void *obj, js **ret) {
    AUTO_JS js *out = js_new_object();
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < t->n; i++) {
        const struct field *f = &t->fields[i];
        bool write =
            f->has ? field_present(f, obj)
                   : (f->flags & FIELD_KEEP) || f->type == FIELD_CUSTOM || field_present(f, obj);
        js *v = NULL;
        if (!write)
            continue;
        int r = ops[f->type]->encode(f, obj, &v);
        if (r < 0)
            return r;
        if (v && js_set(out, f->name, v) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

int field_decode(const struct field_table *t, const js *doc, const char *what, struct arena *a,
                 void *obj, struct err *e) {
    struct field_in in = {.a = a, .what = what, .e = e};
    return field_read_object(&in, t, doc, obj);
}

int field_encode(const struct field_table *t, const void *obj, js **ret, struct err *e) {
    return field_write_object(t, obj, ret) < 0 ? err_oom(e) : 0;
}
