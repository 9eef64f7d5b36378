/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal names as docker takes them: "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3", "RTMAX-1".
 * RTMIN is 34 and RTMAX 64 whatever the C library keeps for itself (glibc and musl differ).
 */
#pragma once

#include "base/err.h"

#define SIGNAL_RTMIN 34
#define SIGNAL_RTMAX 64

/* 1…64. ERR_USAGE "invalid signal: X". */
int signal_parse(const char *text, int *ret, struct err *e);
/* "SIGTERM", "SIGRTMIN+3"; "?" for what is no signal. Static or in `buf`. */
const char *signal_name(int number, char buf[static 16]);
