/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits → cgroup files. PURE: struct rt_resources and a host layout (sys/cgroup.h) become a list
 * of operations for HOST_OPEN, and the set of directories that INIT joins and HOST_HALT removes.
 *
 * A limit that the host cannot enforce is an error that says why and what to do; without any
 * limit a host without cgroups is no error: the set is empty. Every write carries the JSON path of
 * the limit it keeps, so that the kernel's refusal can name it.
 */
#pragma once

#include "machine/container/cgroup_ops.h"
#include "machine/plan.h"

/* path: cgroupsPath; the empty one means no cgroup. The engine's choice is "hako-<id>": relative,
 * and without a parent that would have to be made and removed in every hierarchy.
 * flags: PLAN_CGROUP_* (machine/plan.h). */
int cgroup_plan_build(const struct cgroup_layout *layout, const struct rt_resources *r,
                      const char *path, uint32_t flags, struct arena *a, struct cgroup_plan *ret,
                      struct err *e);

/* `update`: only the writes for what `r` gives, into the groups the machine has. Values of 0 leave
 * things as they are, as the field's runtimes have it. */
int cgroup_plan_update(const struct cgroup_set *set, const struct cgroup_now *now,
                       const struct rt_resources *r, struct arena *a, struct cgroup_plan *ret,
                       struct err *e);
