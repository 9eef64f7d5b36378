/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as files of cgroup v1 controllers. */
#include "base/str.h"
#include "machine/container/cgroup_limits.h"

static int put_u64(struct cgroup_build *b, const char *dir, const char *file, bool optional,
                   const struct rt_opt_u64 *v, struct err *e) {
    if (!cgroup_limits_hasu(v))
        return 0;
    return cgroup_limits_put(b, dir, file, optional, e, "%llu", (unsigned long long)v->v);
}

static int put_i64(struct cgroup_build *b, const char *dir, const char *file, bool optional,
                   const struct rt_opt_i64 *v, struct err *e) {
    if (!cgroup_limits_has(v))
        return 0;
    return cgroup_limits_put(b, dir, file, optional, e, "%lld", (long long)v->v);
}

/* Memory with swap is never below memory, at any moment: an update tries what the kernel refuses
 * once more after the other. No limit on memory means none on the sum either. */
static int memory_and_swap(struct cgroup_build *b, const char *dir, struct err *e) {
    struct rt_opt_i64 limit = b->r->memory.limit, swap = b->r->memory.swap;
    bool has_swap = b->now ? b->now->has_swap : b->layout->swap_accounting;
    int r = cgroup_limits_check_memory(b, e);

    if (b->now && limit.given && limit.v < 0 && !cgroup_limits_has(&swap))
        swap = limit;
    if (r == 0)
        r = put_i64(b, dir, "memory.limit_in_bytes", false, &limit, e);
    if (r == 0 && has_swap)
        r = put_i64(b, dir, "memory.memsw.limit_in_bytes", false, &swap, e);
    return r;
}

static int memory(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    int rc = 0;

    if (r->memory.has_use_hierarchy && r->memory.use_hierarchy) /* always so since Linux 5.11 */
        rc = cgroup_limits_put(b, dir, "memory.use_hierarchy", true, e, "1");
    if (rc == 0)
        rc = memory_and_swap(b, dir, e);
    if (rc == 0)
        rc = put_i64(b, dir, "memory.soft_limit_in_bytes", false, &r->memory.reservation, e);
    if (rc == 0) /* gone since Linux 5.16: part of memory then */
        rc = put_i64(b, dir, "memory.kmem.limit_in_bytes", true, &r->memory.kernel, e);
    if (rc == 0)
        rc = put_i64(b, dir, "memory.kmem.tcp.limit_in_bytes", false, &r->memory.kernel_tcp, e);
    if (rc == 0 && r->memory.swappiness.given)
        rc = cgroup_limits_put(b, dir, "memory.swappiness", false, e, "%llu",
                               (unsigned long long)r->memory.swappiness.v);
    if (rc == 0 && r->memory.has_disable_oom_killer && (r->memory.disable_oom_killer || b->now))
        rc = cgroup_limits_put(b, dir, "memory.oom_control", false, e, "%d",
                               r->memory.disable_oom_killer);
    return rc;
}

/* The kernel would silently take the nearest it allows. */
static int shares(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_opt_u64 *v = &b->r->cpu.shares;
    bool idle = b->r->cpu.idle.given && b->r->cpu.idle.v;

    if (!cgroup_limits_hasu(v) || idle) /* an idle group has no shares */
        return 0;
    if (v->v > 262144)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.cpu.shares: %llu: the maximum allowed cpu-shares is 262144",
                       (unsigned long long)v->v);
    if (v->v < 2)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.cpu.shares: %llu: the minimum allowed cpu-shares is 2",
                       (unsigned long long)v->v);
    return put_u64(b, dir, "cpu.shares", false, v, e);
}

static int cpu(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    int rc = 0;

    if (r->cpu.idle.given && (r->cpu.idle.v || b->now))
        rc = cgroup_limits_put(b, dir, "cpu.idle", false, e, "%lld", (long long)r->cpu.idle.v);
    if (rc == 0)
        rc = shares(b, dir, e);
    if (rc == 0)
        rc = put_u64(b, dir, "cpu.cfs_period_us", false, &r->cpu.period, e);
    if (rc == 0)
        rc = put_i64(b, dir, "cpu.cfs_quota_us", false, &r->cpu.quota, e);
    if (rc == 0)
        rc = put_u64(b, dir, "cpu.cfs_burst_us", false, &r->cpu.burst, e);
    if (rc == 0)
        rc = put_u64(b, dir, "cpu.rt_period_us", false, &r->cpu.realtime_period, e);
    if (rc == 0)
        rc = put_i64(b, dir, "cpu.rt_runtime_us", false, &r->cpu.realtime_runtime, e);
    return rc;
}

static int cpuset(struct cgroup_build *b, const char *dir, struct err *e) {
    int rc = 0;

    if (!str_empty(b->r->cpu.cpus))
        rc = cgroup_limits_put(b, dir, "cpuset.cpus", false, e, "%s", b->r->cpu.cpus);
    if (rc == 0 && !str_empty(b->r->cpu.mems))
        rc = cgroup_limits_put(b, dir, "cpuset.mems", false, e, "%s", b->r->cpu.mems);
    return rc;
}

static int throttle(struct cgroup_build *b, const char *dir, const char *file,
                    const struct rt_throttle *v, size_t n, struct err *e) {
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = cgroup_limits_put(b, dir, file, false, e, "%lld:%lld %llu", (long long)v[i].major,
                               (long long)v[i].minor, (unsigned long long)v[i].rate);
    return rc;
}

static int device_weight(struct cgroup_build *b, const char *dir, const char *file,
                         const struct rt_weight *w, const struct rt_opt_u64 *weight,
                         struct err *e) {
    if (!cgroup_limits_hasu(weight))
        return 0;
    return cgroup_limits_put(b, dir, file, true, e, "%lld:%lld %llu", (long long)w->major,
                             (long long)w->minor, (unsigned long long)weight->v);
}

static int io(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    /* Which of the two exists depends on the scheduler of the host's disks; neither is no error,
     * as docker has it. */
    int rc = put_u64(b, dir, "blkio.bfq.weight", true, &r->block_io.weight, e);

    if (rc == 0)
        rc = put_u64(b, dir, "blkio.weight", true, &r->block_io.weight, e);
    if (rc == 0)
        rc = put_u64(b, dir, "blkio.leaf_weight", true, &r->block_io.leaf_weight, e);
    for (size_t i = 0; i < r->block_io.n_weight_device && rc == 0; i++) {
        const struct rt_weight *w = &r->block_io.weight_device[i];
        rc = device_weight(b, dir, "blkio.bfq.weight_device", w, &w->weight, e);
        if (rc == 0)
            rc = device_weight(b, dir, "blkio.weight_device", w, &w->weight, e);
        if (rc == 0)
            rc = device_weight(b, dir, "blkio.leaf_weight_device", w, &w->leaf_weight, e);
    }
    if (rc == 0)
        rc = throttle(b, dir, "blkio.throttle.read_bps_device", r->block_io.rbps,
                      r->block_io.n_rbps, e);
    if (rc == 0)
        rc = throttle(b, dir, "blkio.throttle.write_bps_device", r->block_io.wbps,
                      r->block_io.n_wbps, e);
    if (rc == 0)
        rc = throttle(b, dir, "blkio.throttle.read_iops_device", r->block_io.riops,
                      r->block_io.n_riops, e);
    if (rc == 0)
        rc = throttle(b, dir, "blkio.throttle.write_iops_device", r->block_io.wiops,
                      r->block_io.n_wiops, e);
    return rc;
}

static int hugetlb(struct cgroup_build *b, const char *dir, struct err *e) {
    int rc = 0;

    for (size_t i = 0; i < b->r->n_hugepages && rc == 0; i++) {
        const struct rt_hugepage *h = &b->r->hugepages[i];
        char *file = arena_printf(b->a, "hugetlb.%s.limit_in_bytes", h->page_size);
        char *reserved = arena_printf(b->a, "hugetlb.%s.rsvd.limit_in_bytes", h->page_size);
        if (!file || !reserved)
            return err_oom(e);
        rc = cgroup_limits_put(b, dir, file, false, e, "%llu", (unsigned long long)h->limit);
        if (rc == 0) /* since Linux 5.7: when they are promised, not only when they are touched */
            rc = cgroup_limits_put(b, dir, reserved, true, e, "%llu", (unsigned long long)h->limit);
    }
    return rc;
}

static int rdma(struct cgroup_build *b, const char *dir, struct err *e) {
    int rc = 0;

    for (size_t i = 0; i < b->r->n_rdma && rc == 0; i++) {
        const struct rt_rdma *d = &b->r->rdma[i];
        if (d->hca_handles.given)
            rc = cgroup_limits_put(b, dir, "rdma.max", false, e, "%s hca_handle=%llu", d->name,
                                   (unsigned long long)d->hca_handles.v);
        if (rc == 0 && d->hca_objects.given)
            rc = cgroup_limits_put(b, dir, "rdma.max", false, e, "%s hca_object=%llu", d->name,
                                   (unsigned long long)d->hca_objects.v);
    }
    return rc;
}

static int pids(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_opt_i64 *limit = &b->r->pids_limit;

    if (!limit->given || (b->now && limit->v == 0))
        return 0;
    if (limit->v > 0)
        return cgroup_limits_put(b, dir, "pids.max", false, e, "%lld", (long long)limit->v);
    return cgroup_limits_put(b, dir, "pids.max", false, e, "max");
}

static int net_prio(struct cgroup_build *b, const char *dir, struct err *e) {
    int rc = 0;

    for (size_t i = 0; i < b->r->network.n_priorities && rc == 0; i++)
        rc = cgroup_limits_put(b, dir, "net_prio.ifpriomap", false, e, "%s %u",
                               b->r->network.priorities[i].name,
                               b->r->network.priorities[i].priority);
    return rc;
}

int cgroup_limits_v1(struct cgroup_build *b, enum cgroup_ctl ctl, const char *dir, struct err *e) {
    switch (ctl) {
    case CG_MEMORY:
        return memory(b, dir, e);
    case CG_CPU:
        return cpu(b, dir, e);
    case CG_CPUSET:
        return cpuset(b, dir, e);
    case CG_PIDS:
        return pids(b, dir, e);
    case CG_DEVICES:
        return cgroup_devices_v1(b, dir, e);
    case CG_IO:
        return io(b, dir, e);
    case CG_HUGETLB:
        return hugetlb(b, dir, e);
    case CG_NET_CLS:
        return put_u64(b, dir, "net_cls.classid", false, &b->r->network.class_id, e);
    case CG_NET_PRIO:
        return net_prio(b, dir, e);
    case CG_RDMA:
        return rdma(b, dir, e);
    case CG_CPUACCT:
    case CG_FREEZER:
    case CG_PERF:
    case CG_MISC:
    case CG_NAMED:
    case CG_COUNT:
        break;
    }
    return 0;
}
