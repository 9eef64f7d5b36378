/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of cgroup_plan that knows the files: one function per version writes the limits of one
 * controller into the list.
 */
#pragma once

#include "machine/container/cgroup_ops.h"
#include "machine/plan.h"

/* A cgroup_plan in the making. */
struct cgroup_build {
    const struct cgroup_layout *layout; /* NULL for an update */
    const struct rt_resources *r;
    struct arena *a;
    struct cgroup_plan plan;
    size_t cap;
    uint32_t flags;               /* PLAN_CGROUP_* */
    const struct cgroup_now *now; /* of a running machine: values stand already; else NULL */
};

/* Add an operation. 0 or an error. */
int cgroup_limits_add(struct cgroup_build *b, const struct cgroup_op *op, struct err *e);
/* Add a write of printf-like text. */
int cgroup_limits_put(struct cgroup_build *b, const char *dir, const char *file, bool optional,
                      struct err *e, const char *fmt, ...) PRINTF_LIKE(6, 7);
/* The limit of the spec that is kept in a file: "linux.resources.memory.limit"; NULL = none. */
const char *cgroup_limits_json(const char *file, struct arena *a);

/* Values as update and creation understand them: 0 says nothing. */
static inline bool cgroup_limits_has(const struct rt_opt_i64 *v) {
    return v->given && v->v != 0;
}
static inline bool cgroup_limits_hasu(const struct rt_opt_u64 *v) {
    return v->given && v->v != 0;
}

/* CG_BIT()s of the controllers without which the limits of r cannot be kept. */
uint32_t cgroup_limits_needs(const struct rt_resources *r);
/* Writes for one controller into its directory. */
int cgroup_limits_v1(struct cgroup_build *b, enum cgroup_ctl ctl, const char *dir, struct err *e);
int cgroup_limits_v2(struct cgroup_build *b, enum cgroup_ctl ctl, const char *dir, struct err *e);
/* v2: what belongs to no controller (unified map), and a check for what v2 does not have. */
int cgroup_limits_unified(struct cgroup_build *b, const char *dir, uint32_t ctls, struct err *e);
/* Both versions: memory plus swap must make sense together with memory, and an update must not
 * be below what is in use when the spec wants that looked at. */
int cgroup_limits_check_memory(const struct cgroup_build *b, struct err *e);

/* cgroup_devices.c: the rules of a machine, PLAN_CGROUP_DEVICES included; v1 writes, v2 program. */
bool cgroup_devices_any(const struct cgroup_build *b);
int cgroup_devices_v1(struct cgroup_build *b, const char *dir, struct err *e);
int cgroup_devices_v2(struct cgroup_build *b, const char *dir, struct err *e);

/* cpu.shares (2…262144, default 1024) → cpu.weight (1…10000, default 100). */
uint64_t cgroup_limits_cpu_weight(uint64_t shares);
/* blkio weight (10…1000) → io.weight (1…10000). */
uint64_t cgroup_limits_io_weight(uint64_t weight);
