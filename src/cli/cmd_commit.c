/* SPDX-License-Identifier: Apache-2.0 */
/* commit, diff. */
#include "cli/commands.h"

#include "base/io.h"
#include "base/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct commit_args {
    struct hako_commit_options o;
    bool pause, pause_set, quiet, include_volumes;
    const char *iidfile, *format, *config;
};

static const struct opt commit_opts[] = {
    OPT(struct commit_args, 'a', o.author, "author", OPT_STRING, "string",
        "Author (\"Ann Example <ann@example.org>\")"),
    OPT(struct commit_args, 'c', o.change, "change", OPT_LIST, "list",
        "Apply a Dockerfile instruction to the image (CMD, ENV, LABEL ...)"),
    OPT(struct commit_args, 'f', format, "format", OPT_STRING, "string", NULL),
    OPT(struct commit_args, 0, iidfile, "iidfile", OPT_STRING, "file",
        "Write the image ID to the file"),
    OPT(struct commit_args, 'm', o.message, "message", OPT_STRING, "string", "Commit message"),
    OPT_SEEN(struct commit_args, 'p', pause, pause_set, "pause", OPT_BOOL, NULL,
             "Pause the container during the commit (default true)"),
    OPT(struct commit_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Only print the image ID"),
    OPT(struct commit_args, 's', o.squash, "squash", OPT_BOOL, NULL,
        "One layer, without those of the container's image"),
};
const struct opt_table commit_table = {
    .command = "commit",
    .usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    .summary = "Create a new image from a container's changes",
    .opts = commit_opts,
    .nopts = ARRAY_SIZE(commit_opts),
    .min_args = 1,
    .max_args = 2,
};

int cmd_commit(struct cli *c, int argc, char **argv) {
    struct commit_args a = {.o = {.size = sizeof(a.o)}};
    hako_container *box = NULL;
    char **args, id[136];
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &commit_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    if (a.format && strcmp(a.format, "oci") != 0 && strcmp(a.format, "docker") != 0) {
        fprintf(stderr, "hako: invalid --format \"%s\": oci or docker (`push` and `save` choose)\n",
                a.format);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    a.o.reference = n > 1 ? args[1] : NULL;
    a.o.no_pause = a.pause_set && !a.pause;
    a.o.pause = a.pause_set && a.pause;
    int r = hako_container_open(g, args[0], &box, &e);
    if (r == 0)
        r = hako_container_commit(box, &a.o, id, &e);
    hako_container_close(box);
    if (r < 0)
        return cli_fail(&e, 1);
    if (a.iidfile && (r = io_replace_file(AT_FDCWD, a.iidfile, id, strlen(id), 0644, false)) < 0) {
        fprintf(stderr, "hako: cannot write %s: %s\n", a.iidfile, strerror(-r));
        return 1;
    }
    printf("%s\n", id);
    return 0;
}

/* --- diff ------------------------------------------------------------------------------------ */

struct diff_args {
    const char *format;
};
static const struct opt diff_opts[] = {
    OPT(struct diff_args, 0, format, "format", OPT_STRING, "string", "Print as json"),
};
const struct opt_table diff_table = {
    .command = "diff",
    .usage = "[OPTIONS] CONTAINER|IMAGE",
    .summary = "Show what a container, or an image's last layer, changes in the file system",
    .opts = diff_opts,
    .nopts = ARRAY_SIZE(diff_opts),
    .min_args = 1,
    .max_args = 1,
};

static int diff_get(struct cli *c, const char *name, char **json, hako_error *e) {
    hako_container *box = NULL;
    int r = -ENOENT;
    if (!str_starts(c->command, "image "))
        r = hako_container_open(c->engine, name, &box, e);
    if (r == 0)
        r = hako_container_diff(box, json, e);
    hako_container_close(box);
    if (r != -ENOENT || str_starts(c->command, "container "))
        return r;
    *e = (hako_error){0};
    r = hako_image_diff(c->engine, name, json, e);
    if (r == -ENOENT && !str_starts(c->command, "image "))
        err_set(cli_err(e), ERR_NOT_FOUND, r, "No such container or image: %s", name);
    return r;
}

/* podman's: {"changed": […], "added": […], "deleted": […]} */
static int diff_json(const js *v, struct str *out) {
    static const char *const keys[] = {"changed", "added", "deleted"};
    AUTO_JS js *doc = js_new_object();
    for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
        js *list = js_new_array();
        for (size_t i = 0; i < js_len(v); i++)
            if (js_get_i64(js_at(v, i), "Kind", -1) == (int64_t)k)
                js_push_str(list, js_get_str_or(js_at(v, i), "Path", ""));
        if (js_len(list))
            js_set(doc, keys[k], list);
        else
            js_free(list);
    }
    int r = js_print(doc, JS_PRETTY, out);
    return r < 0 ? r : str_addc(out, '\n');
}

int cmd_diff(struct cli *c, int argc, char **argv) {
    struct diff_args a = {0};
    AUTO_FREE char *json = NULL;
    AUTO_JS js *v = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)256 << 20);
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &diff_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    if (a.format && strcmp(a.format, "json") != 0) {
        fprintf(stderr, "hako: invalid --format \"%s\": only json is known\n", a.format);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    int r = diff_get(c, args[0], &json, &e);
    if (r == 0)
        r = js_parse(json, strlen(json), "changes", &v, cli_err(&e));
    if (r < 0)
        return cli_fail(&e, 1);
    if (a.format)
        return diff_json(v, &out) < 0 ? 1 : cli_print(&out);
    for (size_t i = 0; i < js_len(v); i++) {
        int64_t kind = js_get_i64(js_at(v, i), "Kind", 0);
        if (str_addf(&out, "%c %s\n", "CAD"[kind >= 0 && kind < 3 ? kind : 0],
                     js_get_str_or(js_at(v, i), "Path", "")) < 0)
            return cli_fail(&e, 1);
    }
    return cli_print(&out);
}
