/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

const struct opt_table pause_table = {
    .command = "pause",
    .usage = "CONTAINER [CONTAINER...]",
    .summary = "Pause all processes within one or more containers",
    .min_args = 1,
    .max_args = SIZE_MAX,
};
const struct opt_table unpause_table = {
    .command = "unpause",
    .usage = "CONTAINER [CONTAINER...]",
    .summary = "Unpause all processes within one or more containers",
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int pause_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const bool *pause = data;
    hako_container *box = NULL;
    int r = hako_container_open(c->engine, name, &box, e);
    if (r == 0)
        r = hako_container_pause(box, *pause, e);
    if (r == 0)
        puts(name);
    hako_container_close(box);
    return r;
}

static int pause_run(struct cli *c, const struct opt_table *t, bool pause, int argc, char **argv) {
    char **args;
    size_t n;
    int code = cli_parse(c, t, argc, argv, NULL, &args, &n, 1);
    return code >= 0 ? code : cli_each(c, args, n, pause_one, &pause);
}

int cmd_pause(struct cli *c, int argc, char **argv) {
    return pause_run(c, &pause_table, true, argc, argv);
}

int cmd_unpause(struct cli *c, int argc, char **argv) {
    return pause_run(c, &unpause_table, false, argc, argv);
}
