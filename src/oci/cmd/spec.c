/* SPDX-License-Identifier: Apache-2.0 */
/* spec writes a config.json, features shows what we can do. */
#include "oci/cmd/cmd.h"

#include "base/io.h"

#include <fcntl.h>

struct spec_args {
    const char *bundle, *config;
    bool rootless;
};

static const struct opt spec_opts[] = {
    OPT(struct spec_args, 'b', bundle, "bundle", OPT_STRING, "dir", "Write it there"),
    OPT(struct spec_args, 'f', config, "config", OPT_STRING, "file",
        "Another name than config.json"),
    OPT(struct spec_args, 0, rootless, "rootless", OPT_BOOL, NULL,
        "For a user other than root: with a user namespace"),
};
static const struct opt_table spec_table = {.command = "spec",
                                            .usage = "[OPTIONS]",
                                            .summary = "Write a config.json to begin with.",
                                            .opts = spec_opts,
                                            .nopts = ARRAY_SIZE(spec_opts)};
static const struct opt_table features_table = {
    .command = "features", .usage = "", .summary = "Show what this runtime can do."};

static int spec_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    const struct spec_args *a = target;
    const char *name = a->config ? a->config : "config.json";
    AUTO_STR struct str text = STR_INIT(0);
    AUTO_JS js *doc = NULL;
    AUTO_FD int dir = open(str_empty(a->bundle) ? "." : a->bundle, O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "cannot open the bundle %s", a->bundle ? a->bundle : ".");
    int r = oci_spec(&g->o, a->rootless, &doc, e);
    if (r < 0)
        return r;
    if (js_print(doc, JS_PRETTY, &text) < 0 || str_addc(&text, '\n') < 0)
        return err_oom(e);
    AUTO_FD int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return err_set(e, ERR_CONFLICT, -EEXIST, "File %s exists. Remove it first", name);
    r = fd < 0 ? -errno : io_write_all(fd, str_c(&text), text.len);
    return r < 0 ? err_sysn(e, r, "cannot write %s", name) : 0;
}

static int features_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                        struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = oci_features(&doc, e);
    return r < 0 ? r : print_json(doc, JS_PRETTY, e);
}

const struct cmd cmd_spec = {
    .table = &spec_table, .run = spec_run, .size = sizeof(struct spec_args)};
const struct cmd cmd_features = {
    .table = &features_table, .run = features_run, .size = sizeof(struct spec_args)};
