/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables: one static table per struct drives both directions, JSON → struct and
 * struct → JSON, so that what is read is what is written.
 *
 * A table lists fields; a field names the JSON key, the C type and where it lives. Tables nest
 * (OBJ, PTR, LIST, MAP). An OBJ without a member of its own (FIELD_INLINE) keeps its fields in
 * the parent struct: that is how `linux.pids.limit` lands in a flat C struct.
 *
 * Decoding: unknown members are ignored; null is absent; "" of a STR is absent (as Go's
 * omitempty); a wrong type, a missing required member, a number out of range or a word that is
 * not allowed fails with the JSON path and the value. Every list is bounded by FIELD_MAX_ITEMS.
 * Encoding leaves absent members out: zero, NULL, empty, or `has` being false. FIELD_KEEP
 * members are written even when zero, but alone they do not make their object present; nor do
 * CUSTOM ones.
 *
 * FIELD() checks at compile time that the member has the C type that the field type needs.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "spec/digest.h"
#include "spec/kv.h"

#define FIELD_MAX_ITEMS ((size_t)64 << 10)

enum field_type {
    FIELD_STR,     /* char *             */
    FIELD_BOOL,    /* bool               */
    FIELD_CHAR,    /* char               one-letter string out of words[0] */
    FIELD_WORD,    /* enum               index into words */
    FIELD_INT,     /* int                */
    FIELD_U16,     /* uint16_t           */
    FIELD_U32,     /* uint32_t           */
    FIELD_I64,     /* int64_t            */
    FIELD_U64,     /* uint64_t           */
    FIELD_OPT_I64, /* struct rt_opt_i64  */
    FIELD_OPT_U64, /* struct rt_opt_u64  */
    FIELD_DIGEST,  /* struct digest      */
    FIELD_STRLIST, /* struct strlist     */
    FIELD_KEYS,    /* struct strlist     the keys of {"a": {}, "b": {}} */
    FIELD_U32S,    /* uint32_t * + count */
    FIELD_KVS,     /* struct rt_kv * + count, an object of strings */
    FIELD_DIGESTS, /* struct digest * + count */
    FIELD_OBJ,     /* struct, or the parent's own members */
    FIELD_PTR,     /* struct *, NULL = absent */
    FIELD_LIST,    /* struct * + count   */
    FIELD_MAP,     /* struct * + count, an object of objects; the key goes into map_key */
    FIELD_CUSTOM,  /* the field's own converters */
    FIELD_TYPE_COUNT
};

enum {
    FIELD_REQUIRED = 1, /* must be there (and not empty, for strings and lists) */
    FIELD_KEEP = 2,     /* written even when zero */
};

struct field;
struct field_in; /* a decoding in progress */

typedef int field_decode_fn(struct field_in *in, const struct field *f, const js *v, void *base);
/* 0 or -ENOMEM; *ret may be left NULL: nothing to write. */
typedef int field_encode_fn(const struct field *f, const void *base, js **ret);

struct field_table {
    const struct field *fields;
    size_t n;
    size_t size; /* of the struct, for LIST, MAP and PTR */
    /* Cross-member rules; fails through field_fail(). May be NULL. */
    int (*check)(struct field_in *in, const void *obj);
};

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    size_t off;
    size_t has;                    /* 1 + offset of a bool "was given"; 0 = none */
    size_t count;                  /* offset of the size_t count */
    size_t map_key;                /* MAP: offset of the char * that takes the key */
    const struct field_table *sub; /* OBJ, PTR, LIST, MAP */
    const char *const *words;      /* STR, STRLIST, WORD, MAP keys: allowed words; CHAR: letters */
    int64_t min;                   /* numbers; min = max = 0: the type's own range */
    uint64_t max;
    int64_t dflt; /* I64, CHAR: value when absent, not written back */
    field_decode_fn *decode;
    field_encode_fn *encode;
};

/* clang-format off */
#define FIELD_C_STR char *
#define FIELD_C_BOOL bool
#define FIELD_C_CHAR char
#define FIELD_C_INT int
#define FIELD_C_U16 uint16_t
#define FIELD_C_U32 uint32_t
#define FIELD_C_I64 int64_t
#define FIELD_C_U64 uint64_t
#define FIELD_C_OPT_I64 struct rt_opt_i64
#define FIELD_C_OPT_U64 struct rt_opt_u64
#define FIELD_C_DIGEST struct digest
#define FIELD_C_STRLIST struct strlist
#define FIELD_C_KEYS struct strlist
#define FIELD_C_U32S uint32_t *
#define FIELD_C_KVS struct rt_kv *
#define FIELD_C_DIGESTS struct digest *
/* clang-format on */

/* Offset of T.m; does not compile unless T.m has the C type `ct`. */
#define FIELD_OFF(T, m, ct)                                                                        \
    (offsetof(T, m) +                                                                              \
     0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((T *)0)->m), ct) ? 1 : -1]))

#define FIELD(T, type_, name_, m)                                                                  \
    .name = (name_), .type = FIELD_##type_, .off = FIELD_OFF(T, m, FIELD_C_##type_)
/* With a bool member that says whether it was given. */
#define FIELD_HAS(T, type_, name_, m, h) FIELD(T, type_, name_, m), .has = 1 + FIELD_OFF(T, h, bool)
/* With a count: U32S, KVS, DIGESTS. */
#define FIELD_N(T, type_, name_, m, c) FIELD(T, type_, name_, m), .count = FIELD_OFF(T, c, size_t)
/* `S *m` + count, each element by `table`, an object of struct S. */
#define FIELD_ITEMS(T, type_, name_, S, m, c, table)                                               \
    .name = (name_), .type = FIELD_##type_, .off = FIELD_OFF(T, m, S *),                           \
    .count = FIELD_OFF(T, c, size_t), .sub = &(table)
/* A nested object kept in member m, or, inline, in the parent struct itself. */
#define FIELD_NEST(T, name_, m, table)                                                             \
    .name = (name_), .type = FIELD_OBJ, .off = offsetof(T, m), .sub = &(table)
#define FIELD_INLINE(name_, table) .name = (name_), .type = FIELD_OBJ, .off = 0, .sub = &(table)

#define FIELD_WORDS(...)                                                                           \
    .words = (const char *const[]) {                                                               \
        __VA_ARGS__, NULL                                                                          \
    }

#define FIELD_TABLE(T, array)                                                                      \
    { .fields = (array), .n = ARRAY_SIZE(array), .size = sizeof(T) }
#define FIELD_TABLE_CHECKED(T, array, check_)                                                      \
    { .fields = (array), .n = ARRAY_SIZE(array), .size = sizeof(T), .check = (check_) }

/* Decode `doc` into `obj` (zeroed by the caller; left half-filled on failure, so pass a
 * temporary). `what` names the document in errors. ERR_CORRUPT. */
int field_decode(const struct field_table *t, const js *doc, const char *what, struct arena *a,
                 void *obj, struct err *e);
/* The object as JSON (always an object, perhaps empty); caller frees. */
int field_encode(const struct field_table *t, const void *obj, js **ret, struct err *e);

/* --- for checks and custom converters ------------------------------------------------------ */

struct arena *field_arena(const struct field_in *in);
struct err *field_err(const struct field_in *in);
/* Fail at the current object, or at its member `key` when not NULL. Returns -EINVAL. */
int field_fail(struct field_in *in, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "expected <want>, got <value>". Returns -EINVAL. */
int field_fail_type(struct field_in *in, const char *want, const js *v);
int field_oom(struct field_in *in);
/* The path of errors: entering and leaving member `key` or element `i`. */
void field_push_key(struct field_in *in, const char *key);
void field_push_index(struct field_in *in, size_t i);
void field_pop(struct field_in *in);
