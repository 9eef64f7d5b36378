/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime-spec's seccomp section → filter bytes, through the cache of sys/seccomp.h. */
#pragma once

#include "spec/runtime.h"

/* cachefd: directory that keeps compiled filters, -1 = none. flags: SECCOMP_FILTER_FLAG_*. */
int seccomp_compile(const struct rt_seccomp *s, int cachefd, struct arena *a, const void **ret,
                    size_t *ret_len, uint32_t *ret_flags, struct err *e);
/* The names of calls that nobody here knows, which the filter leaves out. Costs a look-up each. */
int seccomp_compile_unknown(const struct rt_seccomp *s, struct arena *a, struct strlist *ret,
                            struct err *e);
