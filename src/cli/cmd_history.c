/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/when.h"

#include "base/utf8.h"

#include <string.h>

struct history_args {
    bool human, no_trunc, quiet;
    const char *format, *platform;
};

static const struct opt history_opts[] = {
    OPT(struct history_args, 0, format, "format", OPT_STRING, "string",
        "Format output: a Go template, \"table TEMPLATE\", or json"),
    OPT(struct history_args, 'H', human, "human", OPT_BOOL, NULL,
        "Print sizes and dates in human readable format (default true)"),
    OPT(struct history_args, 0, no_trunc, "no-trunc", OPT_BOOL, NULL, "Don't truncate output"),
    OPT(struct history_args, 0, platform, "platform", OPT_STRING, "string",
        "Show history for this platform, which must be the image's"),
    OPT(struct history_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Only show image IDs"),
};
const struct opt_table history_table = {
    .command = "history",
    .usage = "[OPTIONS] IMAGE",
    .summary = "Show the history of an image",
    .opts = history_opts,
    .nopts = ARRAY_SIZE(history_opts),
    .min_args = 1,
    .max_args = 1,
};

enum history_key {
    HISTORY_COMMENT,
    HISTORY_CREATED_AT,
    HISTORY_CREATED_BY,
    HISTORY_CREATED_SINCE,
    HISTORY_ID,
    HISTORY_SIZE,
    HISTORY_KEYS
};
static const struct list_key history_keys[HISTORY_KEYS] = {
    [HISTORY_COMMENT] = {"Comment", "COMMENT"},
    [HISTORY_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [HISTORY_CREATED_BY] = {"CreatedBy", "CREATED BY"},
    [HISTORY_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [HISTORY_ID] = {"ID", "IMAGE"},
    [HISTORY_SIZE] = {"Size", "SIZE"},
};

/* At most `most` characters; the last is "…" when it had to cut. NULL: out of memory. */
static const char *history_cut(struct arena *a, const char *text, size_t most) {
    const char *p = text, *keep = text;
    size_t chars = 0;
    for (uint32_t cp; *p && chars < most; chars++) {
        size_t n = utf8_next(p, strnlen(p, 4), &cp);
        if (chars < most - 1)
            keep = p + (n ? n : 1);
        p += n ? n : 1;
    }
    return *p ? arena_printf(a, "%.*s…", (int)(keep - text), text) : text;
}

static int history_row(struct arena *a, const struct history_args *o, const js *doc, int64_t now,
                       struct list_row *ret) {
    char since[40], at[36], size[16];
    const char **v = arena_array(a, HISTORY_KEYS, const char *);
    if (!v)
        return -ENOMEM;
    int64_t created = js_get_i64(doc, "Created", 0);
    uint64_t bytes = js_get_u64(doc, "Size", 0);
    const char *id = js_get_str_or(doc, "Id", ""), *by = js_get_str_or(doc, "CreatedBy", "");
    const char *colon = strchr(id, ':');
    bool dated = created > 0 && created < INT64_MAX / 1000000000;
    at[0] = '\0';
    if (dated) /* docker's has no fraction */
        str_rfc3339(created * 1000000000, at);
    if (strlen(at) > 19)
        memcpy(at + 19, "Z", 2);
    v[HISTORY_ID] = o->no_trunc || !colon ? id : arena_strndup(a, colon + 1, 12);
    v[HISTORY_COMMENT] = js_get_str_or(doc, "Comment", "");
    v[HISTORY_CREATED_AT] = dated ? arena_strdup(a, at) : "N/A";
    v[HISTORY_CREATED_SINCE] = !dated ? "N/A"
                               : o->human
                                   ? arena_strdup(a, when_ago(created * 1000000000, now, since))
                                   : v[HISTORY_CREATED_AT];
    v[HISTORY_CREATED_BY] = o->no_trunc ? by : history_cut(a, by, 45);
    v[HISTORY_SIZE] = o->human ? arena_strdup(a, str_human_size(bytes, size))
                               : arena_printf(a, "%llu", (unsigned long long)bytes);
    for (size_t i = 0; i < HISTORY_KEYS; i++)
        if (!v[i])
            return -ENOMEM;
    *ret = (struct list_row){v, NULL};
    return 0;
}

static int history_print(struct arena *a, const struct history_args *o, const js *rows,
                         struct str *out, struct err *e) {
    struct list l = {.keys = history_keys,
                     .nkeys = HISTORY_KEYS,
                     .format = o->format,
                     .columns = "ID CreatedSince CreatedBy Size Comment",
                     .quiet = o->quiet ? "ID" : NULL};
    int64_t now = now_unix_ns();
    l.nrows = js_len(rows);
    l.rows = arena_array(a, l.nrows + 1, struct list_row);
    if (!l.rows)
        return err_oom(e);
    for (size_t i = 0; i < l.nrows; i++)
        if (history_row(a, o, js_at(rows, i), now, &l.rows[i]) < 0)
            return err_oom(e);
    return list_print(&l, out, e);
}

int cmd_history(struct cli *c, int argc, char **argv) {
    struct history_args o = {.human = true};
    AUTO_FREE char *json = NULL;
    AUTO_JS js *rows = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)64 << 20);
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &history_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    int r = hako_image_history(g, args[0], o.platform, &json, &e);
    if (r == 0)
        r = js_parse(json, strlen(json), "history", &rows, cli_err(&e));
    if (r == 0)
        r = history_print(c->a, &o, rows, &out, cli_err(&e));
    return r < 0 ? cli_fail(&e, 1) : cli_print(&out);
}
