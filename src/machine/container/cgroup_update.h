/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of a running machine. The plan of an update is pure (cgroup_plan_update); here is what
 * surrounds it: reading what stands, writing, and taking all of it back when one write fails.
 * Command side: it has a heap, and no monitor is needed for it.
 */
#pragma once

#include "machine/container/cgroup_plan.h"

/* What an update must know of the groups' present state. Missing files leave fields empty. */
int cgroup_update_read(const struct cgroup_set *set, struct cgroup_now *ret, struct err *e);
/* Read, plan, write. After a failure the values are those from before. */
int cgroup_update(const struct cgroup_set *set, const struct rt_resources *r, struct err *e);
