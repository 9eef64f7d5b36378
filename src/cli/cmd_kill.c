/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

struct kill_args {
    const char *signal;
};

static const struct opt kill_opts[] = {
    OPT(struct kill_args, 's', signal, "signal", OPT_STRING, "string",
        "Signal to send to the container (default KILL)"),
};
const struct opt_table kill_table = {
    .command = "kill",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Kill one or more running containers",
    .opts = kill_opts,
    .nopts = ARRAY_SIZE(kill_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int kill_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const struct kill_args *k = data;
    hako_container *box = NULL;
    int r = hako_container_open(c->engine, name, &box, e);
    if (r == 0)
        r = hako_container_kill(box, k->signal, e);
    if (r == 0)
        puts(name);
    hako_container_close(box);
    return r;
}

int cmd_kill(struct cli *c, int argc, char **argv) {
    struct kill_args k = {0};
    char **args;
    size_t n;
    int code = cli_parse(c, &kill_table, argc, argv, &k, &args, &n, 1);
    return code >= 0 ? code : cli_each(c, args, n, kill_one, &k);
}
