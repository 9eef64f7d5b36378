/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "base/utf8.h"

#include <string.h>

#define GAP 3
#define LEAST_WIDTH 10 /* docker's tabwriter has this minimum, gap included */

struct row {
    struct row *next;
    const char **cells;
};

struct table {
    struct arena *a;
    size_t ncols;
    size_t nrows;
    size_t *widths;   /* of the widest cell in each column, the header apart */
    struct row *head; /* the first row is the header */
    struct row *tail;
};

/* Columns of the character at s and its length; what cannot be shown counts as one '?'. */
static size_t shown(const char *s, int *width) {
    uint32_t cp = 0;
    size_t n = utf8_next(s, strnlen(s, 4), &cp);

    if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
        *width = -1;
        return MAX_OF(n, (size_t)1);
    }
    *width = utf8_width(cp);
    return n;
}

static size_t cell_width(const char *s) {
    size_t total = 0;
    int w;

    for (; *s; total += (size_t)(w < 0 ? 1 : w))
        s += shown(s, &w);
    return total;
}

static int put_cell(const char *s, struct str *out) {
    int r = 0;

    while (*s && r == 0) {
        int w;
        size_t n = shown(s, &w);
        r = w < 0 ? str_addc(out, '?') : str_addn(out, s, n);
        s += n;
    }
    return r;
}

int table_row(struct table *t, const char *const cells[]) {
    struct row *row = arena_new_of(t->a, struct row);
    const char **copy = arena_array(t->a, t->ncols, const char *);

    if (!row || !copy)
        return -ENOMEM;
    for (size_t i = 0; i < t->ncols; i++) {
        copy[i] = cells[i] ? arena_strdup(t->a, cells[i]) : "";
        if (!copy[i])
            return -ENOMEM;
    }
    row->cells = copy;
    if (t->tail) {
        t->tail->next = row;
        for (size_t i = 0; i < t->ncols; i++)
            t->widths[i] = MAX_OF(t->widths[i], cell_width(copy[i]));
    } else {
        t->head = row;
    }
    t->tail = row;
    t->nrows++;
    return 0;
}

struct table *table_new(struct arena *a, const char *const headers[], size_t ncols) {
    struct table *t = arena_new_of(a, struct table);
    const char **upper = arena_array(a, ncols, const char *);

    if (!t || !upper)
        return NULL;
    for (size_t i = 0; i < ncols; i++) {
        char *h = arena_strdup(a, headers[i] ? headers[i] : "");
        if (!h)
            return NULL;
        for (char *c = h; *c; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
        upper[i] = h;
    }
    t->a = a;
    t->ncols = ncols;
    t->widths = arena_array(a, ncols, size_t);
    if (!t->widths)
        return NULL;
    return table_row(t, upper) < 0 ? NULL : t;
}

size_t table_len(const struct table *t) {
    return t->nrows - 1;
}

static size_t column_width(const struct table *t, size_t i, bool with_header) {
    size_t w = t->widths[i];
    if (with_header)
        w = MAX_OF(w, cell_width(t->head->cells[i]));
    return MAX_OF(w + GAP, (size_t)LEAST_WIDTH);
}

static int print_row(const struct table *t, const struct row *row, bool with_header,
                     struct str *out) {
    size_t last = t->ncols;
    int r = 0;

    while (last > 0 && row->cells[last - 1][0] == '\0')
        last--;
    for (size_t i = 0; i < last && r == 0; i++) {
        r = put_cell(row->cells[i], out);
        size_t pad = 0;
        if (i + 1 < last)
            pad = column_width(t, i, with_header) - cell_width(row->cells[i]);
        for (; pad > 0 && r == 0; pad--)
            r = str_addc(out, ' ');
    }
    return r < 0 ? r : str_addc(out, '\n');
}

int table_print(const struct table *t, bool with_header, struct str *out) {
    int r = 0;

    for (const struct row *row = with_header ? t->head : t->head->next; row && r == 0;
         row = row->next)
        r = print_row(t, row, with_header, out);
    return r;
}
