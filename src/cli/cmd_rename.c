/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

const struct opt_table rename_table = {
    .command = "rename",
    .usage = "CONTAINER NEW_NAME",
    .summary = "Rename a container",
    .min_args = 2,
    .max_args = 2,
};

int cmd_rename(struct cli *c, int argc, char **argv) {
    char **args;
    size_t n;
    hako_engine *g;
    hako_container *box = NULL;
    hako_error e = {0};
    int code = cli_parse(c, &rename_table, argc, argv, NULL, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    int r = hako_container_open(g, args[0], &box, &e);
    if (r == 0)
        r = hako_container_rename(box, args[1], &e);
    hako_container_close(box);
    return r < 0 ? cli_fail(&e, 1) : 0;
}
