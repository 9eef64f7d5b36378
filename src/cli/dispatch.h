/* SPDX-License-Identifier: Apache-2.0 */
/* From words to the command they mean. */
#pragma once

#include "cli/cli.h"

/* Run argv[0…]: a command's words and its arguments. Its exit code. */
int dispatch(struct cli *c, int argc, char **argv);
