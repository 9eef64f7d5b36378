/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cmd/cmd.h"

#include "base/table.h"

#include <stdio.h>
#include <string.h>

struct list_args {
    bool quiet;
    const char *format;
};

static const struct opt list_opts[] = {
    OPT(struct list_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Ids alone"),
    OPT(struct list_args, 'f', format, "format", OPT_STRING, "table|json", "Output format"),
};
static const struct opt_table list_table = {.command = "list",
                                            .usage = "[OPTIONS]",
                                            .summary = "List the containers of this root.",
                                            .opts = list_opts,
                                            .nopts = ARRAY_SIZE(list_opts)};

static int list_quiet(const js *all, struct err *e) {
    for (size_t i = 0; i < js_len(all); i++) {
        AUTO_STR struct str line = STR_INIT(4096);
        str_addf(&line, "%s\n", js_get_str_or(js_at(all, i), "id", ""));
        int r = print_text(str_c(&line), e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int list_table_print(struct arena *a, const js *all, struct err *e) {
    static const char *const headers[] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};
    AUTO_STR struct str text = STR_INIT(0);
    struct table *t = table_new(a, headers, ARRAY_SIZE(headers));
    for (size_t i = 0; t && i < js_len(all); i++) {
        const js *x = js_at(all, i);
        char pid[16];
        const char *owner = js_get_str_or(x, "owner", "");
        snprintf(pid, sizeof(pid), "%d", (int)js_get_i64(x, "pid", 0));
        const char *cells[] = {js_get_str(x, "id"),      pid,
                               js_get_str(x, "status"),  js_get_str(x, "bundle"),
                               js_get_str(x, "created"), owner[0] ? owner : "root"};
        if (table_row(t, cells) < 0)
            return err_oom(e);
    }
    if (!t || table_print(t, true, &text) < 0)
        return err_oom(e);
    return print_text(str_c(&text), e);
}

static int list_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    const struct list_args *a = target;
    const char *format = a->format ? a->format : "table";
    AUTO_JS js *all = NULL;
    if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid format option");
    int r = oci_list(&g->o, &all, e);
    if (r < 0)
        return r;
    if (a->quiet)
        return list_quiet(all, e);
    if (strcmp(format, "table") == 0)
        return list_table_print(g->a, all, e);
    for (size_t i = 0; i < js_len(all); i++) { /* the list names root, the document does not */
        js *x = js_at(all, i);
        if (str_empty(js_get_str(x, "owner")) && js_set_str(x, "owner", "root") < 0)
            return err_oom(e);
    }
    return print_json(all, JS_COMPACT, e);
}

const struct cmd cmd_list = {
    .table = &list_table, .run = list_run, .size = sizeof(struct list_args)};
