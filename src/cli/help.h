/* SPDX-License-Identifier: Apache-2.0 */
/* What `--help` prints, made from the list of commands and the option tables. */
#pragma once

#include "cli/commands.h"

extern const struct opt_table help_globals; /* options before the command, into struct cli */

/* Print and return the exit code. */
int help_all(void);
int help_group(const struct command_group *g);
/* Append the help of one command: the table under the name it was called by, and its aliases,
 * which are the commands that share the table `of`. 0 or -errno. */
int help_command(const struct opt_table *called, const struct opt_table *of, struct str *out);
