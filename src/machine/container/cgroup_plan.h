/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits → cgroup files. PURE: struct rt_resources and a host layout (sys/cgroup.h) become a list
 * of operations for HOST_OPEN, and the set of directories that INIT joins and HOST_HALT removes.
 *
 * A limit that the host cannot enforce is an error that says why and what to do; without any
 * limit a host without cgroups is no error: the set is empty.
 */
#pragma once

#include "spec/runtime.h"
#include "sys/cgroup.h"

enum cgroup_op_kind {
    CGROUP_OP_MKDIR,   /* dir; must be new (its last component), see made */
    CGROUP_OP_LEAF,    /* cgroup_leaf(dir) */
    CGROUP_OP_ENABLE,  /* cgroup_enable(dir, value) */
    CGROUP_OP_CPUSET,  /* cgroup_inherit_cpuset(dir) */
    CGROUP_OP_WRITE,   /* cgroup_write(dir, file, value) */
    CGROUP_OP_DEVICES, /* bpf_device_attach(dir, bytes, len) */
};
struct cgroup_op {
    enum cgroup_op_kind kind;
    bool optional; /* carry on when it fails */
    const char *dir, *file, *value;
    const void *bytes;
    size_t len;
};

struct cgroup_plan {
    struct cgroup_op *v; /* in order */
    size_t n;
    struct cgroup_set set; /* set.v2 != NULL: clone3 into it; v1 dirs: join[] */
    const char **join;     /* distinct v1 directories to enter by cgroup_join_v1 */
    size_t n_join;
};

/* path: cgroupsPath, or NULL/"" = none given → "hako/<id>" is the caller's business. */
int cgroup_plan_build(const struct cgroup_layout *layout, const struct rt_resources *r,
                      const char *path, struct arena *a, struct cgroup_plan *ret, struct err *e);
/* `update`: only the writes for what `r` gives, into the same directories. Controllers that the
 * machine did not join are an error. */
int cgroup_plan_update(const struct cgroup_layout *layout, const struct rt_resources *r,
                       const char *path, struct arena *a, struct cgroup_plan *ret, struct err *e);
