/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/access_opts.h"
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/list.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define SEARCH_FILTER_KEYS " is-automated is-official stars "

struct search_args {
    int64_t limit;
    bool no_trunc, list_tags, compatible;
    struct hako_strings filter;
    const char *format;
    struct access_args access;
};

static const struct opt search_opts[] = {
    ACCESS_OPTS(struct search_args),
    OPT(struct search_args, 0, compatible, "compatible", OPT_BOOL, NULL, NULL),
    OPT(struct search_args, 'f', filter, "filter", OPT_LIST, "filter",
        "Filter output (stars=3, is-official=true, is-automated=true)"),
    OPT(struct search_args, 0, format, "format", OPT_STRING, "string",
        "Format output: a Go template, \"table TEMPLATE\", or json"),
    OPT(struct search_args, 0, limit, "limit", OPT_I64, "int",
        "Max number of results (default 25)"),
    OPT(struct search_args, 0, list_tags, "list-tags", OPT_BOOL, NULL,
        "List the tags of a repository"),
    OPT(struct search_args, 0, no_trunc, "no-trunc", OPT_BOOL, NULL, "Don't truncate output"),
};
const struct opt_table search_table = {
    .command = "search",
    .usage = "[OPTIONS] [REGISTRY/]TERM",
    .summary = "Search Docker Hub, or another registry, for images",
    .opts = search_opts,
    .nopts = ARRAY_SIZE(search_opts),
    .min_args = 1,
    .max_args = 1,
};

enum search_key {
    SEARCH_DESCRIPTION,
    SEARCH_AUTOMATED,
    SEARCH_OFFICIAL,
    SEARCH_NAME,
    SEARCH_STARS,
    SEARCH_KEYS
};
static const struct list_key search_keys[SEARCH_KEYS] = {
    [SEARCH_DESCRIPTION] = {"Description", "DESCRIPTION"},
    [SEARCH_AUTOMATED] = {"IsAutomated", "AUTOMATED"},
    [SEARCH_OFFICIAL] = {"IsOfficial", "OFFICIAL"},
    [SEARCH_NAME] = {"Name", "NAME"},
    [SEARCH_STARS] = {"StarCount", "STARS"},
};
static const struct list_key tag_keys[] = {{"Name", "NAME"}, {"Tag", "TAG"}};

/* "quay.io/app" → quay.io and app; "library/x" and "x" → Docker Hub. */
static const char *search_split(struct arena *a, const char *text, const char **term) {
    const char *slash = strchr(text, '/');
    char *first = slash ? arena_strndup(a, text, (size_t)(slash - text)) : NULL;
    if (first && (strpbrk(first, ".:") || strcmp(first, "localhost") == 0)) {
        *term = slash + 1;
        return first;
    }
    *term = text;
    return NULL;
}

/* 1 keep, 0 not, or an error. */
static int search_keep(const struct filter *f, const js *doc, struct err *e) {
    for (size_t i = 0; i < f->n; i++) {
        const char *key = f->v[i].key, *value = f->v[i].value;
        int64_t stars;
        if (strcmp(key, "stars") == 0) {
            if (str_to_i64(value, &stars) < 0)
                return err_set(e, ERR_USAGE, -EINVAL, "invalid filter 'stars=%s'", value);
            if (js_get_i64(doc, "star_count", 0) < stars)
                return 0;
            continue;
        }
        bool yes = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
        if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
            return err_set(e, ERR_USAGE, -EINVAL, "invalid filter '%s=%s'", key, value);
        if (js_get_bool(doc, key[3] == 'o' ? "is_official" : "is_automated", false) != yes)
            return 0;
    }
    return 1;
}

static const char *search_short(struct arena *a, const char *text, bool trunc) {
    size_t n = strcspn(text, "\r\n"), most = 45;
    if (!trunc || (n <= most && !text[n]))
        return text;
    n = MIN_OF(n, most - 1);
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--; /* no half characters */
    return arena_printf(a, "%.*s…", (int)n, text);
}

static int search_rows(struct cli *c, const struct search_args *s, const char *host, const js *v,
                       struct list *l, struct err *e) {
    struct filter f;
    int r = filter_parse(&s->filter, SEARCH_FILTER_KEYS, c->a, &f, e);
    l->rows = arena_array(c->a, js_len(v) + 1, struct list_row);
    const js *nothing = NULL;
    if (r == 0 && js_len(v) == 0)
        r = search_keep(&f, nothing, e); /* a wrong word is wrong without results, too */
    for (size_t i = 0; i < js_len(v) && r >= 0; i++) {
        const js *doc = js_at(v, i);
        const char **cells = arena_array(c->a, SEARCH_KEYS, const char *);
        const char *name = js_get_str_or(doc, "name", "");
        if (!cells || !l->rows)
            return err_oom(e);
        if ((r = search_keep(&f, doc, e)) <= 0)
            continue;
        cells[SEARCH_NAME] = host ? arena_printf(c->a, "%s/%s", host, name) : name;
        cells[SEARCH_DESCRIPTION] =
            search_short(c->a, js_get_str_or(doc, "description", ""), !s->no_trunc);
        cells[SEARCH_STARS] =
            arena_printf(c->a, "%lld", (long long)js_get_i64(doc, "star_count", 0));
        cells[SEARCH_OFFICIAL] = js_get_bool(doc, "is_official", false) ? "[OK]" : "";
        cells[SEARCH_AUTOMATED] = js_get_bool(doc, "is_automated", false) ? "[OK]" : "";
        l->rows[l->nrows++] = (struct list_row){cells, NULL};
    }
    return r < 0 ? r : 0;
}

static int search_tags(struct cli *c, const struct search_args *s, const char *name) {
    const struct hako_registry registry = access_registry(&s->access);
    AUTO_FREE char *tags = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)64 << 20);
    hako_error e = {0};
    if (hako_image_tags(c->engine, name, &registry, &tags, &e) < 0)
        return cli_fail(&e, 1);
    struct list l = {.keys = tag_keys, .nkeys = 2, .format = s->format, .columns = "Name Tag"};
    size_t lines = 1, most = s->limit ? (size_t)s->limit : SIZE_MAX;
    for (const char *p = tags; *p; p++)
        lines += *p == '\n';
    l.rows = arena_array(c->a, lines, struct list_row);
    for (char *p = tags; l.rows && *p && l.nrows < most;) {
        size_t n = strcspn(p, "\n");
        const char **cells = arena_array(c->a, 2, const char *);
        if (!cells)
            return cli_fail(&e, 1);
        cells[0] = name;
        cells[1] = arena_strndup(c->a, p, n);
        l.rows[l.nrows++] = (struct list_row){cells, NULL};
        p += n + (p[n] == '\n');
    }
    return list_print(&l, &out, cli_err(&e)) < 0 ? cli_fail(&e, 1) : cli_print(&out);
}

int cmd_search(struct cli *c, int argc, char **argv) {
    struct search_args s = {0};
    AUTO_FREE char *json = NULL;
    AUTO_JS js *v = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)64 << 20);
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &search_table, argc, argv, &s, &args, &n, 1);
    if (code >= 0)
        return code;
    if (s.limit < 0 || (s.limit > 100 && !s.list_tags)) {
        fprintf(stderr, "hako: invalid --limit %lld: 1 to 100\n", (long long)s.limit);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    if (s.list_tags)
        return search_tags(c, &s, args[0]);
    const char *term = NULL, *host = search_split(c->a, args[0], &term);
    const struct hako_search_options o = {.size = sizeof(o),
                                          .registry = host,
                                          .term = term,
                                          .limit = (unsigned)s.limit,
                                          .authfile = s.access.authfile,
                                          .creds = s.access.creds,
                                          .cert_dir = s.access.cert_dir,
                                          .tls_verify = s.access.tls_verify,
                                          .tls_verify_set = s.access.tls_verify_set};
    struct list l = {.keys = search_keys,
                     .nkeys = SEARCH_KEYS,
                     .format = s.format,
                     .columns = "Name Description StarCount IsOfficial"};
    int r = hako_search(g, &o, &json, &e);
    if (r == 0)
        r = js_parse(json, strlen(json), "search result", &v, cli_err(&e));
    if (r == 0)
        r = search_rows(c, &s, host, v, &l, cli_err(&e));
    if (r == 0)
        r = list_print(&l, &out, cli_err(&e));
    return r < 0 ? cli_fail(&e, 1) : cli_print(&out);
}
