/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine's cgroups need, as data: the result of cgroup_plan.h. */
#pragma once

#include "spec/runtime.h"
#include "sys/cgroup.h"

enum cgroup_op_kind {
    CGROUP_OP_MKDIR,   /* cgroup_mkdir(dir) */
    CGROUP_OP_LEAF,    /* cgroup_leaf(dir) */
    CGROUP_OP_ENABLE,  /* cgroup_enable(dir, value) */
    CGROUP_OP_CPUSET,  /* cgroup_inherit_cpuset(dir) */
    CGROUP_OP_WRITE,   /* cgroup_write(dir, file, value) */
    CGROUP_OP_DEVICES, /* bpf_device_attach(dir, bytes, len); for an update: _replace */
};
struct cgroup_op {
    enum cgroup_op_kind kind;
    bool optional; /* carry on when it fails */
    const char *dir, *file, *value;
    const char *json; /* WRITE: the limit in the spec ("linux.resources.memory.limit"), or NULL */
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

/* What stands in the files of a running machine, as far as an update must know it. */
struct cgroup_now {
    bool has_swap;            /* swap is accounted: the file exists */
    struct rt_opt_i64 memory; /* limit; -1 = none */
    struct rt_opt_i64 swap;   /* v1: memory and swap; v2: swap alone; -1 = none */
    uint64_t memory_usage, memory_peak;
    struct rt_opt_u64 period;
    struct rt_opt_i64 quota; /* -1 = none */
};
