/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the table engine: the converters of each field type. Only for spec/field*.c. */
#pragma once

#include "spec/field.h"

#include <string.h>

#define FIELD_MAX_DEPTH 16

struct field_in {
    struct arena *a;
    const char *what;
    struct err *e;
    struct {
        const char *key; /* NULL: an index */
        size_t index;
    } path[FIELD_MAX_DEPTH];
    size_t depth;
};

struct field_ops {
    field_decode_fn *decode;
    bool (*present)(const struct field *f, const void *base); /* worth writing */
    field_encode_fn *encode;
};

/* clang-format off */
extern const struct field_ops field_str_ops, field_bool_ops, field_char_ops, field_word_ops,
    field_int_ops, field_u16_ops, field_u32_ops, field_i64_ops, field_u64_ops, field_opt_i64_ops,
    field_opt_u64_ops, field_digest_ops;
extern const struct field_ops field_strlist_ops, field_keys_ops, field_u32s_ops, field_kvs_ops,
    field_digests_ops, field_list_ops, field_map_ops;
/* clang-format on */

/* The member itself. */
static inline void *field_at(void *base, size_t off) {
    return (char *)base + off;
}
static inline const void *field_cat(const void *base, size_t off) {
    return (const char *)base + off;
}
/* Pointers to any struct: by copy, because `void *` may not alias `struct x *`. */
static inline void field_set_ptr(const struct field *f, void *base, void *p) {
    memcpy(field_at(base, f->off), &p, sizeof(p));
}
static inline const void *field_get_ptr(const struct field *f, const void *base) {
    const void *p;
    memcpy(&p, field_cat(base, f->off), sizeof(p));
    return p;
}
static inline size_t field_count(const struct field *f, const void *base) {
    return *(const size_t *)field_cat(base, f->count);
}

int field_read_object(struct field_in *in, const struct field_table *t, const js *v, void *obj);
int field_write_object(const struct field_table *t, const void *obj, js **ret);
/* An integer within [lo, hi]. */
int field_read_i64(struct field_in *in, const js *v, int64_t lo, int64_t hi, int64_t *ret);
int field_read_u64(struct field_in *in, const js *v, uint64_t lo, uint64_t hi, uint64_t *ret);
/* A string, one of `words` when not NULL; borrowed from v. */
int field_read_str(struct field_in *in, const js *v, const char *const *words, const char **ret);
/* Index of s in a NULL-terminated list, or -1. */
int field_word_index(const char *const *words, const char *s);
