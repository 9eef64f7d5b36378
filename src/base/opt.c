/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct parser {
    const struct opt_table *t;
    struct arena *a;
    void *target;
    int argc;
    char **argv;
    int i; /* the argument being read */
    struct err *e;
};

static const struct opt *find_long(const struct opt_table *t, const char *name, size_t len) {
    for (size_t i = 0; i < t->nopts; i++)
        if (strncmp(t->opts[i].name, name, len) == 0 && t->opts[i].name[len] == '\0')
            return &t->opts[i];
    return NULL;
}

static const struct opt *find_short(const struct opt_table *t, char c) {
    for (size_t i = 0; i < t->nopts; i++)
        if (t->opts[i].short_name == c && c != 0)
            return &t->opts[i];
    return NULL;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Go's strconv.ParseBool. */
static int to_bool(const char *s, bool *ret) {
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
            *ret = strcmp(s, yes[i]) == 0;
            return 0;
        }
    }
    return -EINVAL;
}

/* Decimal only, and a point is a point in every locale. */
static int to_double(const char *s, double *ret) {
    char *end;

    if (s[0] == '\0' || s[strspn(s, "0123456789.eE+-")] != '\0')
        return -EINVAL;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return -ENOMEM;
    double v = strtod_l(s, &end, c);
    freelocale(c);
    if (end == s || *end != '\0')
        return -EINVAL;
    if (!isfinite(v))
        return -ERANGE;
    *ret = v;
    return 0;
}

static int to_signed_bytes(const char *s, int64_t *ret) {
    uint64_t v;

    if (strcmp(s, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    int r = str_to_bytes(s, &v);
    if (r < 0)
        return r;
    if (v > INT64_MAX)
        return -ERANGE;
    *ret = (int64_t)v;
    return 0;
}

static int add_csv(struct arena *a, struct strlist *l, const char *s) {
    for (;; s++) {
        size_t n = strcspn(s, ",");
        char *item = arena_strndup(a, s, n);
        if (!item || strlist_add(a, l, item) < 0)
            return -ENOMEM;
        s += n;
        if (*s == '\0')
            return 0;
    }
}

static int store(const struct parser *p, const struct opt *o, const char *s) {
    char *at = (char *)p->target + o->offset;

    switch (o->type) {
    case OPT_BOOL:
        return to_bool(s, (bool *)at);
    case OPT_STRING:
        *(const char **)(void *)at = s;
        return 0;
    case OPT_LIST:
        return strlist_add(p->a, (struct strlist *)(void *)at, s);
    case OPT_CSV:
        return add_csv(p->a, (struct strlist *)(void *)at, s);
    case OPT_I64:
        return str_to_i64(s, (int64_t *)(void *)at);
    case OPT_U64:
        return str_to_u64(s, (uint64_t *)(void *)at);
    case OPT_BYTES:
        return str_to_bytes(s, (uint64_t *)(void *)at);
    case OPT_SIGNED_BYTES:
        return to_signed_bytes(s, (int64_t *)(void *)at);
    case OPT_DURATION:
        return str_to_duration(s, 1000000000, (int64_t *)(void *)at);
    case OPT_DOUBLE:
        return to_double(s, (double *)(void *)at);
    }
    return -EINVAL;
}

/* What a value of this type looks like, for the one who wrote another. */
static const char *wanted(enum opt_type type) {
    switch (type) {
    case OPT_BOOL:
        return "write true or false";
    case OPT_I64:
        return "not a whole number";
    case OPT_U64:
        return "not a whole number from 0 up";
    case OPT_BYTES:
        return "invalid size: write a number and b, k, m or g, such as 512m";
    case OPT_SIGNED_BYTES:
        return "invalid size: write a number and b, k, m or g, such as 512m, or -1";
    case OPT_DURATION:
        return "invalid duration: write a number and ms, s, m or h, such as 1m30s";
    case OPT_DOUBLE:
        return "not a number";
    case OPT_STRING:
    case OPT_LIST:
    case OPT_CSV:
        break;
    }
    return "invalid value";
}

static int set(const struct parser *p, const struct opt *o, const char *value) {
    int r = store(p, o, value);
    char shorthand[8] = "";

    if (r == 0) {
        if (o->set_offset)
            *(bool *)((char *)p->target + o->set_offset) = true;
        return 0;
    }
    if (r == -ENOMEM)
        return err_oom(p->e);
    if (o->short_name)
        snprintf(shorthand, sizeof(shorthand), "-%c, ", o->short_name);
    return err_set(p->e, ERR_USAGE, -EINVAL, "invalid argument \"%s\" for \"%s--%s\" flag: %s",
                   value, shorthand, o->name, r == -ERANGE ? "out of range" : wanted(o->type));
}

/* --- arguments ------------------------------------------------------------------------------- */

/* The argument behind the current one, NULL at the end. */
static const char *next_arg(struct parser *p) {
    return p->i + 1 < p->argc ? p->argv[++p->i] : NULL;
}

/* "--lock" alone, or "--lock other.lock". */
static const char *bare_value(struct parser *p, const struct opt *o) {
    const char *dot = strrchr(o->bare, '.');
    const char *next = p->i + 1 < p->argc ? p->argv[p->i + 1] : NULL;
    return next && next[0] != '-' && dot && str_ends(next, dot) ? next_arg(p) : o->bare;
}

static int parse_long(struct parser *p, const char *arg) {
    const char *name = arg + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;

    if (len == 0 || name[0] == '-')
        return err_set(p->e, ERR_USAGE, -EINVAL, "bad flag syntax: %s", arg);
    const struct opt *o = find_long(p->t, name, len);
    if (!o && len == 4 && strncmp(name, "help", len) == 0)
        return 1;
    if (!o)
        return err_set(p->e, ERR_USAGE, -EINVAL, "unknown flag: --%.*s",
                       (int)MIN_OF(len, (size_t)200), name);
    if (!value && o->type == OPT_BOOL)
        value = "true";
    if (!value && o->bare)
        value = bare_value(p, o);
    if (!value)
        value = next_arg(p);
    if (!value)
        return err_set(p->e, ERR_USAGE, -EINVAL, "flag needs an argument: --%s", o->name);
    return set(p, o, value);
}

/* "-itd", "-eX", "-e=X", "-e X" */
static int parse_short(struct parser *p, const char *arg) {
    for (const char *c = arg + 1; *c; c++) {
        const struct opt *o = find_short(p->t, *c);
        const char *value = NULL;

        if (!o && *c == 'h')
            return 1;
        if (!o)
            return err_set(p->e, ERR_USAGE, -EINVAL, "unknown shorthand flag: '%c' in %s", *c, arg);
        if (c[1] == '=' && c[2] != '\0') {
            value = c + 2;
        } else if (o->type == OPT_BOOL) {
            int r = set(p, o, "true");
            if (r < 0)
                return r;
            continue;
        } else {
            value = c[1] ? c + 1 : next_arg(p);
        }
        if (!value)
            return err_set(p->e, ERR_USAGE, -EINVAL, "flag needs an argument: '%c' in %s", *c, arg);
        return set(p, o, value);
    }
    return 0;
}

static int check_count(const struct opt_table *t, size_t n, struct err *e) {
    const char *how = "exactly";
    size_t want = t->min_args;

    if (n >= t->min_args && n <= t->max_args)
        return 0;
    if (t->max_args == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "\"" OPT_PROGRAM " %s\" accepts no arguments",
                       t->command);
    if (n < t->min_args && t->min_args != t->max_args) {
        how = "at least";
    } else if (n > t->max_args && t->min_args != t->max_args) {
        how = "at most";
        want = t->max_args;
    }
    return err_set(e, ERR_USAGE, -EINVAL, "\"" OPT_PROGRAM " %s\" requires %s %zu argument%s",
                   t->command, how, want, want == 1 ? "" : "s");
}

int opt_parse(const struct opt_table *t, struct arena *a, int argc, char **argv, void *target,
              char ***args, size_t *nargs, struct err *e) {
    struct parser p = {
        .t = t, .a = a, .target = target, .argc = argc, .argv = argv, .i = 1, .e = e};
    char **rest = arena_array(a, (size_t)MAX_OF(argc, 0) + 1, char *);
    size_t n = 0;
    bool only_args = false;

    if (!rest)
        return err_oom(e);
    for (; p.i < argc; p.i++) {
        char *arg = argv[p.i];
        int r = 0;
        if (only_args || arg[0] != '-' || arg[1] == '\0') {
            rest[n++] = arg;
            only_args = only_args || t->stop_at_first_arg;
        } else if (strcmp(arg, "--") == 0) {
            only_args = true;
        } else {
            r = arg[1] == '-' ? parse_long(&p, arg) : parse_short(&p, arg);
        }
        if (r != 0)
            return r;
    }
    int r = check_count(t, n, e);
    if (r < 0)
        return r;
    *args = rest;
    *nargs = n;
    return 0;
}
