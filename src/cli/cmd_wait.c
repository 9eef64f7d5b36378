/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

const struct opt_table wait_table = {
    .command = "wait",
    .usage = "CONTAINER [CONTAINER...]",
    .summary = "Block until containers stop, then print their exit codes",
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int wait_one(struct cli *c, const char *name, void *data, hako_error *e) {
    hako_container *box = NULL;
    int code = 0;
    int r = hako_container_open(c->engine, name, &box, e);
    if (r == 0)
        r = hako_container_wait(box, -1, &code, e);
    if (r == 0)
        printf("%d\n", code);
    hako_container_close(box);
    return r;
}

int cmd_wait(struct cli *c, int argc, char **argv) {
    char **args;
    size_t n;
    int code = cli_parse(c, &wait_table, argc, argv, NULL, &args, &n, 1);
    return code >= 0 ? code : cli_each(c, args, n, wait_one, NULL);
}
