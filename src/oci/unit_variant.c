/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "uint64 12", "'text'", "true", "['a', 'b']": as much of GVariant's text form as units need.
 * A name that ends in Sec takes seconds and becomes …USec, as systemd's files have it.
 */
#include "oci/unit.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *word;
    char type;
} type_words[] = {
    {"boolean", 'b'}, {"byte", 'y'},   {"int16", 'n'},      {"uint16", 'q'},
    {"int32", 'i'},   {"uint32", 'u'}, {"int64", 'x'},      {"uint64", 't'},
    {"double", 'd'},  {"string", 's'}, {"objectpath", 'o'},
};

struct variant {
    char signature[8];
    struct str value;
};

static void blanks(const char **p) {
    *p += strspn(*p, " \t");
}

/* A quoted text at *p. No control characters: it goes into one line. */
static int text(const char **p, struct str *out) {
    char quote = **p;
    if (quote != '\'' && quote != '"')
        return -EINVAL;
    for ((*p)++; **p && **p != quote; (*p)++) {
        if (**p == '\\' && (*p)[1])
            (*p)++;
        if (iscntrl((unsigned char)**p) || str_addc(out, **p) < 0)
            return -EINVAL;
    }
    if (**p != quote)
        return -EINVAL;
    (*p)++;
    return 0;
}

/* ['a', "b"] */
static int list(const char **p, struct variant *v) {
    (*p)++;
    for (blanks(p); **p != ']'; blanks(p)) {
        if (v->value.len && **p != ',')
            return -EINVAL;
        *p += **p == ',';
        blanks(p);
        size_t at = v->value.len;
        if ((at && str_addc(&v->value, ' ') < 0) || text(p, &v->value) < 0 ||
            strchr(str_c(&v->value) + at + (at > 0), ' '))
            return -EINVAL;
    }
    (*p)++;
    memcpy(v->signature, "as", 3);
    return 0;
}

static int number(const char **p, char type, struct variant *v) {
    const char *from = *p;
    *p += strspn(*p, "+-0123456789.eE");
    size_t len = (size_t)(*p - from);
    bool real = memchr(from, '.', len) || memchr(from, 'e', len);
    int64_t signed_value;
    uint64_t value;
    if (len == 0 || str_addn(&v->value, from, len) < 0)
        return -EINVAL;
    if (!type)
        type = real ? 'd' : 'i';
    if (type != 'd' && str_to_i64(str_c(&v->value), &signed_value) < 0 &&
        str_to_u64(str_c(&v->value), &value) < 0)
        return -EINVAL;
    v->signature[0] = type;
    return 0;
}

/* The type in front: "uint64 " or "@t ". 0 = none. */
static char type_of(const char **p) {
    if (**p == '@' && (*p)[1] && (*p)[2] == ' ') {
        char type = (*p)[1];
        *p += 3;
        return type;
    }
    for (size_t i = 0; i < ARRAY_SIZE(type_words); i++) {
        size_t n = strlen(type_words[i].word);
        if (strncmp(*p, type_words[i].word, n) == 0 && (*p)[n] == ' ') {
            *p += n;
            return type_words[i].type;
        }
    }
    return 0;
}

static int variant(const char *s, struct variant *v) {
    const char *p = s;
    int r;
    blanks(&p);
    char type = type_of(&p);
    blanks(&p);
    if (*p == '[') {
        r = list(&p, v);
    } else if (*p == '\'' || *p == '"') {
        v->signature[0] = type ? type : 's';
        r = strchr("sog", v->signature[0]) ? text(&p, &v->value) : -EINVAL;
    } else if (str_starts(p, "true") || str_starts(p, "false")) {
        r = str_add(&v->value, *p == 't' ? "1" : "0");
        p += *p == 't' ? 4 : 5;
        v->signature[0] = 'b';
    } else {
        r = type && strchr("sogb", type) ? -EINVAL : number(&p, type, v);
    }
    blanks(&p);
    return r == 0 && *p ? -EINVAL : r;
}

/* Seconds → microseconds, always "t". Up to six decimals count. */
static int to_usec(struct variant *v) {
    int64_t ns;
    if (!strchr("ynqiuxtd", v->signature[0]) || v->signature[1] ||
        str_to_duration(str_c(&v->value), 1000000000, &ns) < 0 || ns < 0)
        return -EINVAL;
    str_clear(&v->value);
    v->signature[0] = 't';
    return str_addf(&v->value, "%lld", (long long)(ns / 1000));
}

static bool good_name(const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalpha((unsigned char)name[i]))
            return false;
    return n >= 3 && n < 100;
}

int unit_variant_line(const char *key, const char *value, struct str *out, struct err *e) {
    const char *name = key + strlen(UNIT_ANNOTATION);
    struct variant v = {.value = STR_INIT(65536)};
    size_t n = strlen(name);
    if (!good_name(name))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "annotation %.200s name incorrect: letters alone, three or more", key);
    int r = variant(value, &v);
    bool seconds = n > 3 && strcmp(name + n - 3, "Sec") == 0 && islower((unsigned char)name[n - 4]);
    if (r == 0 && seconds)
        r = to_usec(&v);
    if (r == 0)
        r = str_addf(out, "%.*s%s %s %s\n", (int)(seconds ? n - 3 : n), name, seconds ? "USec" : "",
                     v.signature, str_c(&v.value));
    str_free(&v.value);
    return r < 0 ? err_set(e, ERR_USAGE, -EINVAL,
                           "annotation %.200s=%.100s value parse error: expected such as \"uint64 "
                           "5\", \"true\", \"'text'\"",
                           key, value)
                 : 0;
}
