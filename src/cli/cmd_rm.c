/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

struct rm_args {
    bool force, volumes;
};

static const struct opt rm_opts[] = {
    OPT(struct rm_args, 'f', force, "force", OPT_BOOL, NULL, "Kill a running container first"),
    OPT(struct rm_args, 'v', volumes, "volumes", OPT_BOOL, NULL,
        "Remove the container's anonymous volumes too"),
};
const struct opt_table rm_table = {
    .command = "rm",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Remove one or more containers",
    .opts = rm_opts,
    .nopts = ARRAY_SIZE(rm_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int rm_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const struct rm_args *a = data;
    hako_container *box = NULL;
    int r = hako_container_open(c->engine, name, &box, e);
    if (r == 0)
        r = hako_container_remove(box, a->force, a->volumes, e);
    if (r == 0)
        puts(name);
    hako_container_close(box);
    return r == -ENOENT && a->force ? 0 : r;
}

int cmd_rm(struct cli *c, int argc, char **argv) {
    struct rm_args a = {0};
    char **args;
    size_t n;
    int code = cli_parse(c, &rm_table, argc, argv, &a, &args, &n, 1);
    return code >= 0 ? code : cli_each(c, args, n, rm_one, &a);
}
