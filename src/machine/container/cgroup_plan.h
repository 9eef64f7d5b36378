/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits → cgroup files. PURE: struct rt_resources and a host layout (sys/cgroup.h) become a list
 * of operations for HOST_OPEN, and the set of directories that INIT joins and HOST_HALT removes.
 *
 * A limit that the host cannot enforce is an error that says why and what to do; without any
 * limit a host without cgroups is no error: the set is empty.
 */
#pragma once

#include "machine/container/cgroup_ops.h"
#include "spec/runtime.h"

/* path: cgroupsPath; the empty one means no cgroup. The engine's choice is "hako-<id>": relative,
 * and without a parent that would have to be made and removed in every hierarchy. */
int cgroup_plan_build(const struct cgroup_layout *layout, const struct rt_resources *r,
                      const char *path, struct arena *a, struct cgroup_plan *ret, struct err *e);
/* `update`: only the writes for what `r` gives, into the same directories. A v1 controller that the
 * machine did not join fails when it is written. */
int cgroup_plan_update(const struct cgroup_layout *layout, const struct rt_resources *r,
                       const char *path, struct arena *a, struct cgroup_plan *ret, struct err *e);
