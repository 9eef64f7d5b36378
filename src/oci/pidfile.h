/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/* Write the number, appearing whole. NULL or empty path: nothing to do. */
int pidfile_write(const char *path, pid_t pid, struct err *e);
