/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup_usage: reading cgroup files, and the parts by file. */
#pragma once

#include "sys/cgroup_usage.h"

/* Whole file, arena-owned, "" when missing. NULL without memory. */
const char *cgroup_usage_text(struct arena *a, const char *dir, const char *file);
/* The number a file begins with; 0 when missing. */
uint64_t cgroup_usage_number(const char *dir, const char *file);
/* The same where "max", "-1" and v1's page-rounded maximum are UINT64_MAX, and so is a missing one.
 */
uint64_t cgroup_usage_limit(const char *dir, const char *file);
/* N of the line "key N", 0 when missing. */
uint64_t cgroup_usage_keyed(const char *text, const char *key);
int cgroup_usage_pressure(struct arena *a, const char *dir, const char *file,
                          struct cgroup_pressure *ret);

/* 0 or -ENOMEM. */
typedef int cgroup_usage_fn(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u);
cgroup_usage_fn cgroup_usage_cpu, cgroup_usage_cpuset, cgroup_usage_memory; /* cgroup_usage.c */
cgroup_usage_fn cgroup_usage_io, cgroup_usage_huge, cgroup_usage_rdma;      /* …_io.c */
