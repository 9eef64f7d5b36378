/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/field_types.h"

#include <stdio.h>
#include <string.h>

#define MEMBER(T) (*(T *)field_at(base, f->off))
#define CMEMBER(T) (*(T const *)field_cat(base, f->off))

/* --- reading ------------------------------------------------------------------------------- */

int field_read_i64(struct field_in *in, const js *v, int64_t lo, int64_t hi, int64_t *ret) {
    if (js_type(v) != JS_INT)
        return field_fail_type(in, js_type(v) == JS_DOUBLE ? "a whole number" : "a number", v);
    int64_t n = js_i64(v, 0);
    if (js_is_unsigned(v) || n < lo || n > hi) {
        char range[80];
        snprintf(range, sizeof(range), "a number from %lld to %lld", (long long)lo, (long long)hi);
        return field_fail_type(in, range, v);
    }
    *ret = n;
    return 0;
}

int field_read_u64(struct field_in *in, const js *v, uint64_t lo, uint64_t hi, uint64_t *ret) {
    if (js_type(v) != JS_INT)
        return field_fail_type(in, js_type(v) == JS_DOUBLE ? "a whole number" : "a number", v);
    bool negative = !js_is_unsigned(v) && js_i64(v, 0) < 0;
    uint64_t n = js_u64(v, 0);
    if (negative || n < lo || n > hi) {
        char range[80];
        snprintf(range, sizeof(range), "a number from %llu to %llu", (unsigned long long)lo,
                 (unsigned long long)hi);
        return field_fail_type(in, range, v);
    }
    *ret = n;
    return 0;
}

int field_word_index(const char *const *words, const char *s) {
    for (int i = 0; words[i]; i++) {
        if (str_eq(words[i], s))
            return i;
    }
    return -1;
}

int field_read_str(struct field_in *in, const js *v, const char *const *words, const char **ret) {
    const char *s = js_str(v);
    if (!s)
        return field_fail_type(in, "a string", v);
    if (words && *s && field_word_index(words, s) < 0) {
        AUTO_STR struct str want = STR_INIT(300);
        (void)str_add(&want, "one of");
        for (size_t i = 0; words[i]; i++)
            (void)str_addf(&want, "%s %s", i ? "," : "", words[i]);
        return field_fail_type(in, str_c(&want), v);
    }
    *ret = s;
    return 0;
}

static int64_t low(const struct field *f, int64_t natural) {
    return f->min || f->max ? f->min : natural;
}

static uint64_t high(const struct field *f, uint64_t natural) {
    return f->min || f->max ? f->max : natural;
}

/* --- strings and letters ------------------------------------------------------------------- */

static int str_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    const char *s = "";
    int r = field_read_str(in, v, f->words, &s);
    if (r < 0)
        return r;
    char *copy = NULL;
    if (*s) {
        copy = arena_strdup(in->a, s);
        if (!copy)
            return field_oom(in);
    }
    MEMBER(char *) = copy;
    return 0;
}

static bool str_present(const struct field *f, const void *base) {
    return CMEMBER(char *) != NULL;
}

static int str_encode(const struct field *f, const void *base, js **ret) {
    const char *s = CMEMBER(char *);
    *ret = js_new_str(s ? s : "");
    return *ret ? 0 : -ENOMEM;
}

const struct field_ops field_str_ops = {str_decode, str_present, str_encode};

static int char_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    const char *s = js_str(v);
    const char *letters = f->words[0];
    if (s && !*s && f->dflt) {
        MEMBER(char) = (char)f->dflt;
        return 0;
    }
    if (!s || !*s || s[1] || !strchr(letters, *s)) {
        char want[64];
        snprintf(want, sizeof(want), "one letter of \"%s\"", letters);
        return field_fail_type(in, want, v);
    }
    MEMBER(char) = *s;
    return 0;
}

static bool char_present(const struct field *f, const void *base) {
    return CMEMBER(char) != 0 && CMEMBER(char) != (char)f->dflt;
}

static int char_encode(const struct field *f, const void *base, js **ret) {
    char s[2] = {CMEMBER(char), 0};
    *ret = js_new_str(s);
    return *ret ? 0 : -ENOMEM;
}

const struct field_ops field_char_ops = {char_decode, char_present, char_encode};

static int word_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    const char *s = "";
    int r = field_read_str(in, v, f->words, &s);
    if (r < 0)
        return r;
    int i = field_word_index(f->words, s);
    if (i < 0)
        return field_fail(in, NULL, "must not be empty");
    MEMBER(int) = i;
    return 0;
}

static bool word_present(const struct field *f, const void *base) {
    return true;
}

static int word_encode(const struct field *f, const void *base, js **ret) {
    *ret = js_new_str(f->words[CMEMBER(int)]);
    return *ret ? 0 : -ENOMEM;
}

const struct field_ops field_word_ops = {word_decode, word_present, word_encode};

static int bool_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    if (js_type(v) != JS_BOOL)
        return field_fail_type(in, "true or false", v);
    MEMBER(bool) = js_bool(v, false);
    return 0;
}

static bool bool_present(const struct field *f, const void *base) {
    return CMEMBER(bool);
}

static int bool_encode(const struct field *f, const void *base, js **ret) {
    *ret = js_new_bool(CMEMBER(bool));
    return *ret ? 0 : -ENOMEM;
}

const struct field_ops field_bool_ops = {bool_decode, bool_present, bool_encode};

/* --- numbers: one trio per C type ---------------------------------------------------------- */

#define NUMBER(name, T, wide, read, new_, lo, hi)                                                  \
    static int name##_decode(struct field_in *in, const struct field *f, const js *v,              \
                             void *base) {                                                         \
        wide n = 0;                                                                                \
        int r = read(in, v, (wide)low(f, lo), (wide)high(f, hi), &n);                              \
        if (r < 0)                                                                                 \
            return r;                                                                              \
        MEMBER(T) = (T)n;                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    static bool name##_present(const struct field *f, const void *base) {                          \
        return CMEMBER(T) != (T)f->dflt;                                                           \
    }                                                                                              \
    static int name##_encode(const struct field *f, const void *base, js **ret) {                  \
        *ret = new_(CMEMBER(T));                                                                   \
        return *ret ? 0 : -ENOMEM;                                                                 \
    }                                                                                              \
    const struct field_ops field_##name##_ops = {name##_decode, name##_present, name##_encode};

NUMBER(int, int, int64_t, field_read_i64, js_new_i64, INT32_MIN, INT32_MAX)
NUMBER(i64, int64_t, int64_t, field_read_i64, js_new_i64, INT64_MIN, INT64_MAX)
NUMBER(u16, uint16_t, uint64_t, field_read_u64, js_new_u64, 0, UINT16_MAX)
NUMBER(u32, uint32_t, uint64_t, field_read_u64, js_new_u64, 0, UINT32_MAX)
NUMBER(u64, uint64_t, uint64_t, field_read_u64, js_new_u64, 0, UINT64_MAX)

#define OPTIONAL(name, T, wide, read, new_, lo, hi)                                                \
    static int name##_decode(struct field_in *in, const struct field *f, const js *v,              \
                             void *base) {                                                         \
        wide n = 0;                                                                                \
        int r = read(in, v, (wide)low(f, lo), (wide)high(f, hi), &n);                              \
        if (r < 0)                                                                                 \
            return r;                                                                              \
        MEMBER(T) = (T){.given = true, .v = n};                                                    \
        return 0;                                                                                  \
    }                                                                                              \
    static bool name##_present(const struct field *f, const void *base) {                          \
        return CMEMBER(T).given;                                                                   \
    }                                                                                              \
    static int name##_encode(const struct field *f, const void *base, js **ret) {                  \
        *ret = new_(CMEMBER(T).v);                                                                 \
        return *ret ? 0 : -ENOMEM;                                                                 \
    }                                                                                              \
    const struct field_ops field_##name##_ops = {name##_decode, name##_present, name##_encode};

OPTIONAL(opt_i64, struct rt_opt_i64, int64_t, field_read_i64, js_new_i64, INT64_MIN, INT64_MAX)
OPTIONAL(opt_u64, struct rt_opt_u64, uint64_t, field_read_u64, js_new_u64, 0, UINT64_MAX)

/* --- digests ------------------------------------------------------------------------------- */

static int digest_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    const char *s = js_str(v);
    struct err why;
    err_clear(&why);
    if (!s)
        return field_fail_type(in, "a digest", v);
    if (digest_parse(s, "digest", &MEMBER(struct digest), &why) < 0)
        return field_fail_type(in, "a sha256 or sha512 digest", v);
    return 0;
}

static bool digest_present(const struct field *f, const void *base) {
    return CMEMBER(struct digest).s[0] != 0;
}

static int digest_encode(const struct field *f, const void *base, js **ret) {
    *ret = js_new_str(CMEMBER(struct digest).s);
    return *ret ? 0 : -ENOMEM;
}

const struct field_ops field_digest_ops = {digest_decode, digest_present, digest_encode};
