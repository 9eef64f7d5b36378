/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 80
#define LEAST_TEXT 30 /* columns of help text, however long the option names are */

static int by_name(const void *a, const void *b) {
    const struct opt *const *x = a;
    const struct opt *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

const struct opt **opt_visible(const struct opt_table *t, size_t *n) {
    const struct opt **v = calloc(t->nopts + 1, sizeof(struct opt *));

    *n = 0;
    if (!v)
        return NULL;
    for (size_t i = 0; i < t->nopts; i++)
        if (t->opts[i].help)
            v[(*n)++] = &t->opts[i];
    qsort(v, *n, sizeof(struct opt *), by_name);
    return v;
}

const char *opt_metavar(const struct opt *o) {
    if (o->type == OPT_BOOL)
        return NULL;
    if (o->metavar)
        return o->metavar;
    switch (o->type) {
    case OPT_LIST:
    case OPT_CSV:
        return "list";
    case OPT_I64:
    case OPT_U64:
        return "int";
    case OPT_BYTES:
    case OPT_SIGNED_BYTES:
        return "bytes";
    case OPT_DURATION:
        return "duration";
    case OPT_DOUBLE:
        return "decimal";
    case OPT_BOOL:
    case OPT_STRING:
        break;
    }
    return "string";
}

/* "  -e, --env list" */
static int option_words(const struct opt *o, struct str *out) {
    const char *metavar = opt_metavar(o);
    int r = o->short_name ? str_addf(out, "  -%c, --%s", o->short_name, o->name)
                          : str_addf(out, "      --%s", o->name);
    if (r == 0 && metavar)
        r = str_addf(out, " %s", metavar);
    return r;
}

static size_t words_width(const struct opt *o) {
    const char *metavar = opt_metavar(o);
    return 8 + strlen(o->name) + (metavar ? 1 + strlen(metavar) : 0);
}

static int spaces(struct str *out, size_t n) {
    int r = 0;
    for (; n > 0 && r == 0; n--)
        r = str_addc(out, ' ');
    return r;
}

/* Words of s in lines of `width`, each but the first indented. */
static int wrapped(const char *s, size_t indent, size_t width, struct str *out) {
    size_t used = 0;
    int r = 0;

    while (*s && r == 0) {
        s += strspn(s, " ");
        size_t n = strcspn(s, " ");
        if (n == 0)
            break;
        if (used > 0 && used + 1 + n > width) {
            r = str_addc(out, '\n');
            if (r == 0)
                r = spaces(out, indent);
            used = 0;
        } else if (used > 0) {
            r = str_addc(out, ' ');
            used++;
        }
        if (r == 0)
            r = str_addn(out, s, n);
        used += n;
        s += n;
    }
    return r < 0 ? r : str_addc(out, '\n');
}

static int list_options(const struct opt_table *t, struct str *out) {
    size_t n;
    AUTO_FREE const struct opt **v = opt_visible(t, &n);
    size_t column = 0;
    int r = 0;

    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        column = MAX_OF(column, words_width(v[i]) + 3);
    size_t width = column + LEAST_TEXT < COLUMNS ? COLUMNS - column : LEAST_TEXT;
    if (n > 0)
        r = str_add(out, "\nOptions:\n");
    for (size_t i = 0; i < n && r == 0; i++) {
        r = option_words(v[i], out);
        if (r == 0)
            r = spaces(out, column - words_width(v[i]));
        if (r == 0)
            r = wrapped(v[i]->help, column, width, out);
    }
    return r;
}

int opt_help(const struct opt_table *t, struct str *out) {
    const char *usage = t->usage ? t->usage : "";
    int r = str_addf(out, "Usage:  " OPT_PROGRAM " %s%s%s\n", t->command, *usage ? " " : "", usage);

    if (r == 0 && t->summary)
        r = str_addf(out, "\n%s\n", t->summary);
    return r < 0 ? r : list_options(t, out);
}
