/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of containers, volumes and networks: docker's rule, and names for those who give none.
 */
#pragma once

#include "base/c.h"

#define NAMES_MAX 128 /* longest name, without the NUL */

/* docker's [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most NAMES_MAX long: safe as a path component too. */
bool names_valid(const char *s);
/* "adjective_word", some 7900 of them; the caller tries another if it is taken. 0 or -errno. */
int names_random(char out[static NAMES_MAX + 1]);
