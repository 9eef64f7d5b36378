/* SPDX-License-Identifier: Apache-2.0 */
/* "Are you sure?" before what cannot be undone. */
#pragma once

#include "cli/cli.h"

/* Says what will happen and asks [y/N]; without a terminal the answer is read all the same. */
bool confirm(const char *what);
