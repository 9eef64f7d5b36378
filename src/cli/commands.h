/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of commands, and how one is found. */
#pragma once

#include "cli/cli.h"

int commands_main(struct cli *c, int argc, char **argv);

#define CMD(name)                                                                                  \
    int cmd_##name(struct cli *c, int argc, char **argv);                                          \
    extern const struct opt_table name##_table
CMD(run);
CMD(create);
CMD(pull);
#undef CMD
