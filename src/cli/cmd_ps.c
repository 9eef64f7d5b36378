/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/list.h"
#include "cli/status.h"
#include "cli/template_funcs.h"
#include "cli/when.h"

#include <stdio.h>
#include <string.h>

struct ps_args {
    bool all, latest, no_trunc, quiet;
    int64_t last;
    bool last_set;
    struct hako_strings filter;
    const char *format;
};

static const struct opt ps_opts[] = {
    OPT(struct ps_args, 'a', all, "all", OPT_BOOL, NULL,
        "Show all containers (default shows just running)"),
    OPT(struct ps_args, 'f', filter, "filter", OPT_LIST, "filter",
        "Filter output based on conditions provided"),
    OPT(struct ps_args, 0, format, "format", OPT_STRING, "string",
        "Format output: a Go template, \"table TEMPLATE\", or json"),
    OPT_SEEN(struct ps_args, 'n', last, last_set, "last", OPT_I64, "int",
             "Show n last created containers (includes all states)"),
    OPT(struct ps_args, 'l', latest, "latest", OPT_BOOL, NULL,
        "Show the latest created container (includes all states)"),
    OPT(struct ps_args, 0, no_trunc, "no-trunc", OPT_BOOL, NULL, "Don't truncate output"),
    OPT(struct ps_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Only display container IDs"),
};
const struct opt_table ps_table = {
    .command = "ps",
    .usage = "[OPTIONS]",
    .summary = "List containers",
    .opts = ps_opts,
    .nopts = ARRAY_SIZE(ps_opts),
};

enum ps_key {
    PS_COMMAND,
    PS_CREATED_AT,
    PS_ID,
    PS_IMAGE,
    PS_LABELS,
    PS_LOCAL_VOLUMES,
    PS_MOUNTS,
    PS_NAMES,
    PS_NETWORKS,
    PS_PORTS,
    PS_RUNNING_FOR,
    PS_SIZE,
    PS_STATE,
    PS_STATUS,
    PS_KEYS
};

static const struct list_key ps_keys[PS_KEYS] = {
    [PS_COMMAND] = {"Command", "COMMAND"},
    [PS_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [PS_ID] = {"ID", "CONTAINER ID"},
    [PS_IMAGE] = {"Image", "IMAGE"},
    [PS_LABELS] = {"Labels", "LABELS"},
    [PS_LOCAL_VOLUMES] = {"LocalVolumes", "LOCAL VOLUMES"},
    [PS_MOUNTS] = {"Mounts", "MOUNTS"},
    [PS_NAMES] = {"Names", "NAMES"},
    [PS_NETWORKS] = {"Networks", "NETWORKS"},
    [PS_PORTS] = {"Ports", "PORTS"},
    [PS_RUNNING_FOR] = {"RunningFor", "CREATED"},
    [PS_SIZE] = {"Size", "SIZE"},
    [PS_STATE] = {"State", "STATE"},
    [PS_STATUS] = {"Status", "STATUS"},
};

#define PS_COMMAND_WIDTH 20
#define PS_MOUNT_WIDTH 15

/* At most n characters, the last of them "…" when there were more. */
static const char *ps_ellipsis(struct arena *a, const char *s, size_t n) {
    size_t at = 0, kept = 0;
    for (size_t i = 0; s[at] && i < n; i++) {
        kept = i + 1 == n ? kept : 0;
        if (i + 1 == n)
            kept = at;
        at++;
        while (((unsigned char)s[at] & 0xc0) == 0x80)
            at++;
    }
    return s[at] ? arena_printf(a, "%.*s…", (int)kept, s) : s;
}

static const char *ps_command(struct arena *a, const char *command, bool trunc) {
    AUTO_STR struct str b = STR_INIT(0);
    if (trunc)
        command = ps_ellipsis(a, command, PS_COMMAND_WIDTH);
    return value_quote(command, strlen(command), &b) < 0 ? NULL : arena_strdup(a, str_c(&b));
}

static const char *ps_labels(struct arena *a, char *const *labels) {
    AUTO_STR struct str b = STR_INIT(0);
    for (size_t i = 0; labels[i]; i++)
        if (str_addf(&b, "%s%s", i ? "," : "", labels[i]) < 0)
            break;
    return arena_strdup(a, str_c(&b));
}

/* Names and paths, each cut. */
static const char *ps_mounts(struct arena *a, const char *mounts, bool trunc) {
    AUTO_STR struct str b = STR_INIT(0);
    if (!trunc)
        return mounts;
    for (const char *p = mounts; *p;) {
        size_t n = strcspn(p, ",");
        const char *one = arena_strndup(a, p, n);
        if (!one || str_addf(&b, "%s%s", b.len ? "," : "", ps_ellipsis(a, one, PS_MOUNT_WIDTH)) < 0)
            break;
        p += n + (p[n] == ',');
    }
    return arena_strdup(a, str_c(&b));
}

static const char *ps_volumes(struct arena *a, const char *mounts) {
    unsigned n = 0;
    for (const char *p = mounts; *p;) {
        size_t len = strcspn(p, ",");
        n += p[0] != '/';
        p += len + (p[len] == ',');
    }
    return arena_printf(a, "%u", n);
}

static int ps_row(struct arena *a, const struct hako_container_info *c, bool trunc, int64_t now,
                  struct list_row *ret) {
    char ago[40], at[64], status[STATUS_MAX];
    const char **v = arena_array(a, PS_KEYS, const char *);
    if (!v)
        return -ENOMEM;
    v[PS_COMMAND] = ps_command(a, c->command, trunc);
    v[PS_CREATED_AT] = arena_strdup(a, when_local(c->created_ns, at));
    v[PS_ID] = trunc ? arena_strndup(a, c->id, 12) : c->id;
    v[PS_IMAGE] = c->image;
    v[PS_LABELS] = ps_labels(a, c->labels);
    v[PS_LOCAL_VOLUMES] = ps_volumes(a, c->mounts);
    v[PS_MOUNTS] = ps_mounts(a, c->mounts, trunc);
    v[PS_NAMES] = c->name;
    v[PS_NETWORKS] = c->networks;
    v[PS_PORTS] = c->ports;
    v[PS_RUNNING_FOR] = arena_strdup(a, when_ago(c->created_ns, now, ago));
    v[PS_SIZE] = "0B"; /* as docker, which measures only when asked to */
    v[PS_STATE] = filter_status_word(c->status);
    v[PS_STATUS] = arena_strdup(a, status_text(c, now, status));
    ret->cells = v;
    ret->labels = (const char *const *)c->labels;
    return 0;
}

static int ps_filter(hako_engine *g, const struct ps_args *p, struct arena *a,
                     const struct hako_container_info *v, size_t n, bool *keep, bool *all,
                     hako_error *e) {
    struct filter f;
    struct hako_image_info *images = NULL;
    size_t nimages = 0;
    *all = p->all || p->latest || (p->last_set && p->last > 0);
    int r = filter_parse(&p->filter, FILTER_CONTAINER_KEYS, a, &f, cli_err(e));
    if (r == 0 && filter_has(&f, "ancestor"))
        r = hako_image_list(g, &images, &nimages, e);
    if (r == 0)
        r = filter_containers(&f, v, n, images, nimages, keep, cli_err(e));
    hako_image_list_free(images, nimages);
    if (r == 0)
        *all = *all || filter_has(&f, "status");
    return r;
}

/* Rows of what passes. */
static int ps_rows(const struct ps_args *p, struct arena *a, const struct hako_container_info *v,
                   size_t n, const bool *keep, bool all, struct list *l) {
    int64_t now = now_unix_ns(), most = p->latest ? 1 : p->last_set ? p->last : -1;
    l->rows = arena_array(a, n + 1, struct list_row);
    if (!l->rows)
        return -ENOMEM;
    for (size_t i = 0; i < n && (most <= 0 || l->nrows < (size_t)most); i++) {
        bool up = v[i].status == HAKO_RUNNING || v[i].status == HAKO_PAUSED;
        if (keep[i] && (all || up) && ps_row(a, &v[i], !p->no_trunc, now, &l->rows[l->nrows++]) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int ps_print(struct cli *c, const struct ps_args *p, const struct hako_container_info *v,
                    size_t n, hako_error *e) {
    struct list l = {.keys = ps_keys,
                     .nkeys = PS_KEYS,
                     .format = p->format,
                     .columns = "ID Image Command RunningFor Status Ports Names",
                     .quiet = p->quiet ? "ID" : NULL};
    AUTO_STR struct str out = STR_INIT((size_t)256 << 20);
    bool *keep = arena_array(c->a, n + 1, bool), all = false;
    int r = keep ? ps_filter(c->engine, p, c->a, v, n, keep, &all, e) : err_oom(cli_err(e));
    if (r == 0 && ps_rows(p, c->a, v, n, keep, all, &l) < 0)
        r = err_oom(cli_err(e));
    if (r == 0)
        r = list_print(&l, &out, cli_err(e));
    return r < 0 ? cli_fail(e, 1) : cli_print(&out);
}

int cmd_ps(struct cli *c, int argc, char **argv) {
    struct ps_args p = {0};
    struct hako_container_info *v = NULL;
    char **args;
    size_t nargs, n = 0;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &ps_table, argc, argv, &p, &args, &nargs, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    if (hako_container_list(g, &v, &n, &e) < 0)
        return cli_fail(&e, 1);
    code = ps_print(c, &p, v, n, &e);
    hako_container_list_free(v, n);
    return code;
}
