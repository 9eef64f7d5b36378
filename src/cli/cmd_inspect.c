/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/format.h"

#include <stdio.h>
#include <string.h>

struct inspect_args {
    const char *format, *type;
};

static const struct opt inspect_opts[] = {
    OPT(struct inspect_args, 'f', format, "format", OPT_STRING, "string",
        "Format output using a Go template, or json"),
    OPT(struct inspect_args, 0, type, "type", OPT_STRING, "string",
        "Only inspect objects of this type: container or image"),
};
const struct opt_table inspect_table = {
    .command = "inspect",
    .usage = "[OPTIONS] NAME|ID [NAME|ID...]",
    .summary = "Return low-level information on containers and images",
    .opts = inspect_opts,
    .nopts = ARRAY_SIZE(inspect_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int inspect_container(hako_engine *g, const char *name, char **json, hako_error *e) {
    hako_container *box = NULL;
    int r = hako_container_open(g, name, &box, e);
    if (r == 0)
        r = hako_container_inspect(box, json, e);
    hako_container_close(box);
    return r;
}

/* A container of this name, else an image. */
static int inspect_find(hako_engine *g, const char *name, const char *type, js **ret,
                        hako_error *e) {
    AUTO_FREE char *json = NULL;
    bool containers = !type || strcmp(type, "container") == 0;
    bool images = !type || strcmp(type, "image") == 0;
    int r = containers ? inspect_container(g, name, &json, e) : -ENOENT;
    if (r == -ENOENT && images) {
        *e = (hako_error){0};
        r = hako_image_inspect(g, name, &json, e);
        /* what can be no image's name is not there either */
        if (r < 0 && e->kind == HAKO_ERR_USAGE)
            r = -ENOENT;
    }
    if (r == -ENOENT)
        return err_set(cli_err(e), ERR_NOT_FOUND, r, "No such %s: %s", type ? type : "object",
                       name);
    return r < 0 || !json ? r : js_parse(json, strlen(json), name, ret, cli_err(e));
}

static int inspect_print(const char *format, js *all) {
    AUTO_STR struct str out = STR_INIT((size_t)256 << 20);
    hako_error e = {0};
    int r = 0;
    if (!format && (js_print(all, JS_PRETTY, &out) < 0 || str_addc(&out, '\n') < 0))
        r = err_oom(cli_err(&e));
    for (size_t i = 0; format && i < js_len(all) && r == 0; i++) {
        AUTO_STR struct str one = STR_INIT(0);
        r = format_render(format, js_at(all, i), &one, cli_err(&e));
        if (r == 0 && str_addn(&out, str_c(&one), one.len) < 0)
            r = err_oom(cli_err(&e));
    }
    int code = cli_print(&out);
    return r < 0 ? cli_fail(&e, 1) : code;
}

int cmd_inspect(struct cli *c, int argc, char **argv) {
    struct inspect_args a = {0};
    AUTO_JS js *all = js_new_array();
    AUTO_STR struct str failed = STR_INIT(0);
    char **args;
    size_t n;
    hako_engine *g;
    if (str_starts(c->command, "image "))
        a.type = "image";
    else if (str_starts(c->command, "container "))
        a.type = "container";
    int code = cli_parse(c, &inspect_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    if (a.type && strcmp(a.type, "container") != 0 && strcmp(a.type, "image") != 0) {
        fprintf(stderr, "hako: \"%s\" is not a valid value for --type: container or image\n",
                a.type);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    for (size_t i = 0; i < n; i++) {
        hako_error e = {0};
        js *doc = NULL;
        if (inspect_find(g, args[i], a.type, &doc, &e) < 0)
            str_addf(&failed, "hako: %s\n", e.message);
        else
            js_push(all, doc);
    }
    code = inspect_print(a.format, all);
    fputs(str_c(&failed), stderr);
    return failed.len ? 1 : code;
}
