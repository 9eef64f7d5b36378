/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

struct rmi_args {
    bool force, no_prune;
};

static const struct opt rmi_opts[] = {
    OPT(struct rmi_args, 'f', force, "force", OPT_BOOL, NULL, "Force removal of the image"),
    /* hako keeps no untagged parents: there is nothing that could be pruned or spared */
    OPT(struct rmi_args, 0, no_prune, "no-prune", OPT_BOOL, NULL,
        "Do not delete untagged parents (always so)"),
};
const struct opt_table rmi_table = {
    .command = "rmi",
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Remove one or more images",
    .opts = rmi_opts,
    .nopts = ARRAY_SIZE(rmi_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int rmi_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const struct rmi_args *a = data;
    char *report = NULL;
    int r = hako_image_remove(c->engine, name, a->force, &report, e);
    if (r == 0)
        fputs(report, stdout);
    free(report);
    return r == -ENOENT && a->force ? 0 : r;
}

int cmd_rmi(struct cli *c, int argc, char **argv) {
    struct rmi_args a = {0};
    char **args;
    size_t n;
    int code = cli_parse(c, &rmi_table, argc, argv, &a, &args, &n, 1);
    return code >= 0 ? code : cli_each(c, args, n, rmi_one, &a);
}
