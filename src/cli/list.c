/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list.h"

#include "cli/template.h"

#include "base/table.h"

#include <string.h>

#define LIST_COLUMNS 32

static const char *list_cell(const struct list_row *row, size_t key) {
    return row->cells[key] ? row->cells[key] : "";
}

/* --- tables ---------------------------------------------------------------------------------- */

static int list_columns(const struct list *l, size_t cols[LIST_COLUMNS], size_t *n) {
    *n = 0;
    for (const char *p = l->columns; *p && *n < LIST_COLUMNS;) {
        size_t len = strcspn(p, " ");
        for (size_t k = 0; k < l->nkeys; k++)
            if (strlen(l->keys[k].key) == len && strncmp(l->keys[k].key, p, len) == 0) {
                cols[(*n)++] = k;
                break;
            }
        p += len + strspn(p + len, " ");
    }
    return 0;
}

static int list_print_table(const struct list *l, struct str *out, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    const char *cells[LIST_COLUMNS];
    size_t cols[LIST_COLUMNS], n;
    list_columns(l, cols, &n);
    for (size_t i = 0; i < n; i++)
        cells[i] = l->keys[cols[i]].header;
    struct table *t = a ? table_new(a, cells, n) : NULL;
    int r = t ? 0 : -ENOMEM;
    for (size_t row = 0; row < l->nrows && r == 0; row++) {
        for (size_t i = 0; i < n; i++)
            cells[i] = list_cell(&l->rows[row], cols[i]);
        r = table_row(t, cells);
    }
    if (r == 0)
        r = table_print(t, true, out);
    return r < 0 ? err_sysn(e, r, "cannot print the list") : 0;
}

static int list_print_quiet(const struct list *l, struct str *out, struct err *e) {
    size_t key = 0;
    int r = 0;
    while (key < l->nkeys - 1 && strcmp(l->keys[key].key, l->quiet) != 0)
        key++;
    for (size_t i = 0; i < l->nrows && r == 0; i++)
        r = str_addf(out, "%s\n", list_cell(&l->rows[i], key));
    return r < 0 ? err_sysn(e, r, "cannot print the list") : 0;
}

/* --- templates ------------------------------------------------------------------------------- */

char *list_unescape(struct arena *a, const char *format) {
    char *s = arena_strdup(a, format), *to = s;
    bool inside = false;
    for (const char *p = s; s && *p; p++) {
        if (p[0] == '{' && p[1] == '{')
            inside = true;
        if (p[0] == '}' && p[1] == '}')
            inside = false;
        bool escape = !inside && p[0] == '\\' && (p[1] == 't' || p[1] == 'n');
        *to++ = escape ? (p[1] == 't' ? '\t' : '\n') : *p;
        p += escape;
    }
    if (s)
        *to = '\0';
    return s;
}

static js *list_object(const struct list *l, const struct list_row *row) {
    js *o = js_new_object();
    for (size_t k = 0; o && k < l->nkeys; k++)
        if (js_set(o, l->keys[k].key, js_new_str(row ? list_cell(row, k) : l->keys[k].header)) <
            0) {
            js_free(o);
            return NULL;
        }
    return o;
}

/* {"Label": {…}}; without a row the table only says that there is the method. */
static js *list_methods(const struct list_row *row) {
    js *o = js_new_object(), *labels = js_new_object();
    for (size_t i = 0; labels && row && row->labels && row->labels[i]; i++) {
        const char *equals = strchr(row->labels[i], '=');
        char *key = equals ? strndup(row->labels[i], (size_t)(equals - row->labels[i])) : NULL;
        if (key)
            js_set(labels, key, js_new_str(equals + 1));
        free(key);
    }
    if (o)
        js_set(o, "Label", labels);
    return o;
}

/* One row, or the titles (row NULL), rendered by the template. */
static int list_render(const struct list *l, const struct template *t, const struct list_row *row,
                       struct str *out, struct err *e) {
    AUTO_JS js *o = list_object(l, row);
    AUTO_JS js *methods = list_methods(row);
    if (!o || !methods)
        return err_oom(e);
    struct template_data d = {.dot = o, .methods = methods, .headers = !row};
    return template_run(t, &d, out, e);
}

static int list_print_json(const struct list *l, struct str *out, struct err *e) {
    for (size_t i = 0; i < l->nrows; i++) {
        AUTO_JS js *o = list_object(l, &l->rows[i]);
        if (!o || js_print(o, JS_COMPACT, out) < 0 || str_addc(out, '\n') < 0)
            return err_oom(e);
    }
    return 0;
}

static int list_print_lines(const struct list *l, const struct template *t, struct str *out,
                            struct err *e) {
    for (size_t i = 0; i < l->nrows; i++) {
        int r = list_render(l, t, &l->rows[i], out, e);
        if (r < 0)
            return r;
        if (str_addc(out, '\n') < 0)
            return err_oom(e);
    }
    return 0;
}

/* The text between tabs. The cells point into `line`, which is cut up. */
static size_t list_split(char *line, const char *cells[LIST_COLUMNS]) {
    size_t n = 0;
    for (char *p = line; p && n < LIST_COLUMNS; n++) {
        cells[n] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = '\0';
    }
    return n;
}

static int list_print_columns(const struct list *l, const struct template *t, struct str *out,
                              struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str line = STR_INIT(0);
    const char *cells[LIST_COLUMNS] = {""};
    struct err ignored = {0};
    /* what cannot be a title is none */
    if (list_render(l, t, NULL, &line, &ignored) < 0)
        str_clear(&line);
    size_t n = line.s ? list_split(line.s, cells) : 1;
    struct table *table = a ? table_new(a, cells, n) : NULL;
    int r = table ? 0 : err_oom(e);
    for (size_t i = 0; i < l->nrows && r == 0; i++) {
        str_clear(&line);
        r = list_render(l, t, &l->rows[i], &line, e);
        for (size_t k = 0; k < LIST_COLUMNS; k++)
            cells[k] = "";
        if (r == 0 && line.s)
            list_split(line.s, cells);
        if (r == 0 && table_row(table, cells) < 0)
            r = err_oom(e);
    }
    if (r == 0 && table_print(table, true, out) < 0)
        r = err_oom(e);
    return r;
}

static int list_print_format(const struct list *l, struct str *out, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    const char *text = a ? list_unescape(a, l->format + strspn(l->format, " ")) : NULL;
    struct template *t = NULL;
    if (!text)
        return err_oom(e);
    bool table = str_starts(text, "table ");
    int r = template_parse(text + (table ? 6 : 0), a, &t, e);
    if (r < 0)
        return err_wrap(e, "template parsing error");
    r = (table ? list_print_columns : list_print_lines)(l, t, out, e);
    return r < 0 ? err_wrap(e, "failed to execute template") : 0;
}

int list_print(const struct list *l, struct str *out, struct err *e) {
    bool plain = str_empty(l->format) || strcmp(l->format, "table") == 0;
    if (l->quiet && plain)
        return list_print_quiet(l, out, e);
    if (plain)
        return list_print_table(l, out, e);
    return strcmp(l->format, "json") == 0 ? list_print_json(l, out, e)
                                          : list_print_format(l, out, e);
}
