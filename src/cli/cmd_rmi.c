/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

struct rmi_args {
    bool all, force, ignore, no_prune;
};

static const struct opt rmi_opts[] = {
    OPT(struct rmi_args, 'a', all, "all", OPT_BOOL, NULL, "Remove all images"),
    OPT(struct rmi_args, 'f', force, "force", OPT_BOOL, NULL, "Force removal of the image"),
    OPT(struct rmi_args, 'i', ignore, "ignore", OPT_BOOL, NULL,
        "Images that are not there are no error"),
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
    .max_args = SIZE_MAX,
};

static int rmi_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const struct rmi_args *a = data;
    char *report = NULL;
    int r = hako_image_remove(c->engine, name, a->force, &report, e);
    if (r == 0)
        fputs(report, stdout);
    free(report);
    return r == -ENOENT && (a->force || a->ignore) ? 0 : r;
}

/* Every name of every image, one by one: what a container uses is told, and the rest goes. */
static int rmi_all(struct cli *c, struct rmi_args *a) {
    struct hako_image_info *v = NULL;
    hako_error e = {0};
    size_t n = 0;
    int code = 0;
    if (hako_image_list(c->engine, &v, &n, &e) < 0)
        return cli_fail(&e, 1);
    for (size_t i = 0; i < n; i++) {
        char *own[] = {v[i].id, NULL};
        char **names = v[i].references[0] && !a->force ? v[i].references : own;
        for (size_t k = 0; names[k]; k++) {
            e = (hako_error){0};
            if (rmi_one(c, names[k], a, &e) < 0)
                code = cli_fail(&e, 1);
        }
    }
    hako_image_list_free(v, n);
    return code;
}

int cmd_rmi(struct cli *c, int argc, char **argv) {
    struct rmi_args a = {0};
    char **args;
    size_t n;
    hako_engine *g;
    int code = cli_parse(c, &rmi_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    if (a.all == (n > 0)) {
        fputs(a.all ? "hako: --all and names exclude each other\n"
                    : "hako: \"hako rmi\" requires at least 1 argument\n",
              stderr);
        return 1;
    }
    if (!a.all)
        return cli_each(c, args, n, rmi_one, &a);
    code = cli_engine(c, &g);
    return code ? code : rmi_all(c, &a);
}
