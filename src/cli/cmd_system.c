/* SPDX-License-Identifier: Apache-2.0 */
/* system df, system check. */
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/list.h"
#include "cli/when.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

/* --- df -------------------------------------------------------------------------------------- */

struct df_args {
    bool verbose;
    const char *format;
};
static const struct opt system_df_opts[] = {
    OPT(struct df_args, 0, format, "format", OPT_STRING, "string",
        "Format output: a Go template, \"table TEMPLATE\", or json"),
    OPT(struct df_args, 'v', verbose, "verbose", OPT_BOOL, NULL, "Show each image and container"),
};
const struct opt_table system_df_table = {
    .command = "system df",
    .usage = "[OPTIONS]",
    .summary = "Show how much room hako takes",
    .opts = system_df_opts,
    .nopts = ARRAY_SIZE(system_df_opts),
};

enum df_key { DF_ACTIVE, DF_RECLAIMABLE, DF_SIZE, DF_TOTAL, DF_TYPE, DF_KEYS };
static const struct list_key df_keys[DF_KEYS] = {
    [DF_ACTIVE] = {"Active", "ACTIVE"}, [DF_RECLAIMABLE] = {"Reclaimable", "RECLAIMABLE"},
    [DF_SIZE] = {"Size", "SIZE"},       [DF_TOTAL] = {"TotalCount", "TOTAL"},
    [DF_TYPE] = {"Type", "TYPE"},
};

struct df_sum {
    size_t total, active;
    uint64_t size, reclaimable;
};

static void df_sum(const js *doc, struct df_sum v[static 4]) {
    const js *list = js_get(doc, "Images");
    uint64_t used = 0, layers = js_get_u64(doc, "LayersSize", 0);
    for (size_t i = 0; i < js_len(list); i++) {
        bool active = js_get_i64(js_at(list, i), "Containers", 0) > 0;
        v[0].total++;
        v[0].active += active;
        used += active ? js_get_u64(js_at(list, i), "Size", 0) : 0;
    }
    v[0].size = layers;
    v[0].reclaimable = layers > used ? layers - used : 0;
    list = js_get(doc, "Containers");
    for (size_t i = 0; i < js_len(list); i++) {
        const char *state = js_get_str_or(js_at(list, i), "State", "");
        uint64_t size = js_get_u64(js_at(list, i), "SizeRw", 0);
        bool active = strcmp(state, "running") == 0 || strcmp(state, "paused") == 0;
        v[1].total++;
        v[1].active += active;
        v[1].size += size;
        v[1].reclaimable += active ? 0 : size;
    }
    list = js_get(doc, "Volumes");
    for (size_t i = 0; i < js_len(list); i++) {
        uint64_t size = js_get_u64(js_at(list, i), "Size", 0);
        bool active = js_get_i64(js_at(list, i), "Links", 0) > 0;
        v[2].total++;
        v[2].active += active;
        v[2].size += size;
        v[2].reclaimable += active ? 0 : size;
    }
}

static int df_rows(struct arena *a, const struct df_sum v[static 4], struct list *l) {
    static const char *const types[] = {"Images", "Containers", "Local Volumes", "Build Cache"};
    l->rows = arena_array(a, 4, struct list_row);
    for (size_t i = 0; i < 4; i++) {
        char size[16], free_[16];
        const char **c = arena_array(a, DF_KEYS, const char *);
        if (!c || !l->rows)
            return -ENOMEM;
        str_human_size(v[i].reclaimable, free_);
        c[DF_TYPE] = types[i];
        c[DF_TOTAL] = arena_printf(a, "%zu", v[i].total);
        c[DF_ACTIVE] = arena_printf(a, "%zu", v[i].active);
        c[DF_SIZE] = arena_strdup(a, str_human_size(v[i].size, size));
        c[DF_RECLAIMABLE] = v[i].size ? arena_printf(a, "%s (%u%%)", free_,
                                                     (unsigned)(v[i].reclaimable * 100 / v[i].size))
                                      : arena_strdup(a, free_);
        l->rows[l->nrows++] = (struct list_row){c, NULL};
    }
    return 0;
}

static const char *df_name(const js *names) {
    const char *s = js_str(js_at(names, 0));
    return s ? s : "<none>";
}

static const char *df_id(struct arena *a, const js *doc) {
    const char *id = js_get_str_or(doc, "Id", "");
    return arena_strndup(a, strchr(id, ':') ? strchr(id, ':') + 1 : id, 12);
}

static const char *df_size(struct arena *a, const js *doc, const char *key) {
    char size[16];
    return arena_strdup(a, str_human_size(js_get_u64(doc, key, 0), size));
}

static const char *df_ago(struct arena *a, const js *doc) {
    char ago[40];
    int64_t s = js_get_i64(doc, "Created", 0);
    return s > 0 && s < INT64_MAX / 1000000000
               ? arena_strdup(a, when_ago(s * 1000000000, now_unix_ns(), ago))
               : "N/A";
}

/* One section of -v: cells in the order of the keys. */
static int df_section(struct arena *a, const char *title, const struct list_key *keys, size_t nkeys,
                      const char *columns, const js *v,
                      void (*cells)(struct arena *a, const js *doc, const char **c),
                      struct str *out, struct err *e) {
    struct list l = {.keys = keys, .nkeys = nkeys, .columns = columns};
    l.rows = arena_array(a, js_len(v) + 1, struct list_row);
    for (size_t i = 0; l.rows && i < js_len(v); i++) {
        const char **c = arena_array(a, nkeys, const char *);
        if (!c)
            return err_oom(e);
        cells(a, js_at(v, i), c);
        l.rows[l.nrows++] = (struct list_row){c, NULL};
    }
    if (!l.rows || str_addf(out, "%s%s space usage:\n\n", out->len ? "\n" : "", title) < 0)
        return err_oom(e);
    return list_print(&l, out, e);
}

static void df_image_cells(struct arena *a, const js *doc, const char **c) {
    const char *name = df_name(js_get(doc, "RepoTags"));
    const char *colon = strrchr(name, ':');
    bool tagged = colon && !strchr(colon, '/');
    c[0] = tagged ? arena_strndup(a, name, (size_t)(colon - name)) : name;
    c[1] = tagged ? colon + 1 : "<none>";
    c[2] = df_id(a, doc);
    c[3] = df_ago(a, doc);
    c[4] = df_size(a, doc, "Size");
    c[5] = df_size(a, doc, "SharedSize");
    c[6] = df_size(a, doc, "UniqueSize");
    c[7] = arena_printf(a, "%lld", (long long)js_get_i64(doc, "Containers", 0));
}
static void df_container_cells(struct arena *a, const js *doc, const char **c) {
    c[0] = df_id(a, doc);
    c[1] = js_get_str_or(doc, "Image", "");
    c[2] = js_get_str_or(doc, "Command", "");
    c[3] = df_size(a, doc, "SizeRw");
    c[4] = df_ago(a, doc);
    c[5] = js_get_str_or(doc, "State", "");
    c[6] = js_get_str_or(doc, "Names", "");
}
static void df_volume_cells(struct arena *a, const js *doc, const char **c) {
    c[0] = js_get_str_or(doc, "Name", "");
    c[1] = arena_printf(a, "%lld", (long long)js_get_i64(doc, "Links", 0));
    c[2] = df_size(a, doc, "Size");
}

static int df_verbose(struct arena *a, const js *doc, struct str *out, struct err *e) {
    static const struct list_key images[] = {
        {"r", "REPOSITORY"}, {"t", "TAG"},         {"i", "IMAGE ID"},    {"c", "CREATED"},
        {"s", "SIZE"},       {"h", "SHARED SIZE"}, {"u", "UNIQUE SIZE"}, {"n", "CONTAINERS"}};
    static const struct list_key containers[] = {
        {"i", "CONTAINER ID"}, {"m", "IMAGE"},  {"c", "COMMAND"}, {"s", "SIZE"},
        {"a", "CREATED"},      {"t", "STATUS"}, {"n", "NAMES"}};
    static const struct list_key volumes[] = {{"n", "VOLUME NAME"}, {"l", "LINKS"}, {"s", "SIZE"}};
    int r = df_section(a, "Images", images, ARRAY_SIZE(images), "r t i c s h u n",
                       js_get(doc, "Images"), df_image_cells, out, e);
    if (r == 0)
        r = df_section(a, "Containers", containers, ARRAY_SIZE(containers), "i m c s a t n",
                       js_get(doc, "Containers"), df_container_cells, out, e);
    if (r == 0)
        r = df_section(a, "Local Volumes", volumes, ARRAY_SIZE(volumes), "n l s",
                       js_get(doc, "Volumes"), df_volume_cells, out, e);
    return r;
}

int cmd_system_df(struct cli *c, int argc, char **argv) {
    struct df_args o = {0};
    struct df_sum sums[4] = {{0}, {0}, {0}, {0}};
    AUTO_FREE char *json = NULL;
    AUTO_JS js *doc = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)64 << 20);
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &system_df_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    int r = hako_system_df(g, &json, &e);
    if (r == 0)
        r = js_parse(json, strlen(json), "usage", &doc, cli_err(&e));
    if (r < 0)
        return cli_fail(&e, 1);
    if (o.verbose && o.format)
        return format_document(o.format, doc);
    struct list l = {.keys = df_keys,
                     .nkeys = DF_KEYS,
                     .format = o.format,
                     .columns = "Type TotalCount Active Size Reclaimable"};
    df_sum(doc, sums);
    if (o.verbose)
        r = df_verbose(c->a, doc, &out, cli_err(&e));
    else
        r = df_rows(c->a, sums, &l) < 0 ? err_oom(cli_err(&e)) : list_print(&l, &out, cli_err(&e));
    return r < 0 ? cli_fail(&e, 1) : cli_print(&out);
}

/* --- check ----------------------------------------------------------------------------------- */

struct check_args {
    bool repair, json, quick, quiet, force;
};
static const struct opt system_check_opts[] = {
    OPT(struct check_args, 'f', force, "force", OPT_BOOL, NULL, NULL),
    OPT(struct check_args, 0, json, "json", OPT_BOOL, NULL, "Print findings as lines of JSON"),
    OPT(struct check_args, 'q', quick, "quick", OPT_BOOL, NULL,
        "Only look whether everything is there, not what is in it"),
    OPT(struct check_args, 'r', repair, "repair", OPT_BOOL, NULL,
        "Take away what is damaged, and pull it again"),
};
const struct opt_table system_check_table = {
    .command = "system check",
    .usage = "[OPTIONS]",
    .summary = "Verify every layer and image, and repair what can be repaired",
    .opts = system_check_opts,
    .nopts = ARRAY_SIZE(system_check_opts),
};

/* What went, comes again by its name, as often as it is named once. */
static int check_pull(struct cli *c, const js *doc, struct strlist *done) {
    const char *name = js_get_str(doc, "pull");
    struct hako_pulled got;
    hako_error e = {0};
    if (!name || !js_get_bool(doc, "repaired", false) || strlist_has(done, name))
        return 0;
    const struct hako_pull_options o = {.size = sizeof(o)};
    if (strlist_add(c->a, done, name) < 0)
        return 1;
    if (hako_image_pull(c->engine, name, &o, &got, &e) < 0)
        return cli_fail(&e, 1);
    fprintf(stderr, "%s: pulled again\n", name);
    return 0;
}

static void check_print(const struct check_args *o, const js *doc, const char *line, size_t n) {
    if (o->json)
        printf("%.*s\n", (int)n, line);
    else
        printf("%s %s: %s%s\n", js_get_str_or(doc, "kind", "?"), js_get_str_or(doc, "what", "?"),
               js_get_str_or(doc, "why", ""),
               js_get_bool(doc, "repaired", false) ? " (taken away)" : "");
}

int cmd_system_check(struct cli *c, int argc, char **argv) {
    struct check_args o = {0};
    struct hako_checked got = {0};
    struct strlist pulled = {0};
    AUTO_FREE char *lines = NULL;
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &system_check_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    if (hako_system_check(g, o.quick, o.repair, &lines, &got, &e) < 0)
        return cli_fail(&e, 1);
    bool left = got.findings > got.repaired;
    for (const char *p = lines; *p;) {
        AUTO_JS js *doc = NULL;
        size_t len = strcspn(p, "\n");
        if (js_parse(p, len, "finding", &doc, cli_err(&e)) < 0)
            return cli_fail(&e, 1);
        check_print(&o, doc, p, len);
        if (o.repair && check_pull(c, doc, &pulled))
            left = true;
        p += len + (p[len] == '\n');
    }
    if (!o.json)
        printf("%llu layers, %llu images, %llu names: %llu findings, %llu repaired\n",
               (unsigned long long)got.layers, (unsigned long long)got.images,
               (unsigned long long)got.refs, (unsigned long long)got.findings,
               (unsigned long long)got.repaired);
    return left ? 1 : 0;
}
