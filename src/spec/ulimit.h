/* SPDX-License-Identifier: Apache-2.0 */
/* `--ulimit name=soft[:hard]`, -1 = unlimited, and the names of resource limits. */
#pragma once

#include "spec/runtime.h"

/* "nofile=1024:2048" → {"RLIMIT_NOFILE", 1024, 2048}. ERR_USAGE in docker's words. */
int ulimit_parse(const char *text, struct arena *a, struct rt_rlimit *ret, struct err *e);
/* "nofile=1024:2048", as docker inspect and --ulimit write it. */
const char *ulimit_print(const struct rt_rlimit *l, struct arena *a);
/* "RLIMIT_NOFILE" → the kernel's RLIMIT_NOFILE; -1 unknown. */
int ulimit_number(const char *type);
