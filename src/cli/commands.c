/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

const struct command cli_commands[] = {
    {NULL, "create", &create_table, cmd_create},
    {NULL, "pull", &pull_table, cmd_pull},
    {NULL, "run", &run_table, cmd_run},
};
const size_t cli_ncommands = ARRAY_SIZE(cli_commands);

int commands_main(struct cli *c, int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < cli_ncommands; i++)
        if (strcmp(cli_commands[i].name, argv[1]) == 0)
            return cli_commands[i].run(c, argc - 1, argv + 1);
    fputs("hako: unknown command\n", stderr);
    return 1;
}
