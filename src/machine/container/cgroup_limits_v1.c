/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as files of cgroup v1 controllers. */
#include "base/str.h"
#include "machine/container/cgroup_limits.h"

/* Memory with swap is never below memory, at any moment: when the values may stand already, the
 * larger sum is tried before and fails harmlessly when it is the smaller one. */
static int memory_and_swap(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_opt_i64 *limit = &b->r->memory.limit, *swap = &b->r->memory.swap;
    static const char sum_file[] = "memory.memsw.limit_in_bytes";
    bool has_limit = limit->given && limit->v != 0;
    bool has_swap = swap->given && swap->v != 0 && b->layout->swap_accounting;
    bool lift = has_limit && limit->v < 0 && b->layout->swap_accounting;
    int r = cgroup_limits_check_swap(b, e);

    if (r == 0 && b->update && has_limit && (has_swap || lift))
        r = cgroup_limits_put(b, dir, sum_file, true, e, "%lld",
                              (long long)(has_swap ? swap->v : -1));
    if (r == 0 && has_limit)
        r = cgroup_limits_put(b, dir, "memory.limit_in_bytes", false, e, "%lld",
                              (long long)limit->v);
    if (r == 0 && has_swap)
        r = cgroup_limits_put(b, dir, sum_file, false, e, "%lld", (long long)swap->v);
    return r;
}

static int memory(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    int rc = memory_and_swap(b, dir, e);

    if (rc == 0 && r->memory.reservation.given && r->memory.reservation.v != 0)
        rc = cgroup_limits_put(b, dir, "memory.soft_limit_in_bytes", false, e, "%lld",
                               (long long)r->memory.reservation.v);
    if (rc == 0 && r->memory.kernel_tcp.given && r->memory.kernel_tcp.v != 0)
        rc = cgroup_limits_put(b, dir, "memory.kmem.tcp.limit_in_bytes", false, e, "%lld",
                               (long long)r->memory.kernel_tcp.v);
    if (rc == 0 && r->memory.swappiness.given)
        rc = cgroup_limits_put(b, dir, "memory.swappiness", false, e, "%llu",
                               (unsigned long long)r->memory.swappiness.v);
    if (rc == 0 && r->memory.has_disable_oom_killer && (r->memory.disable_oom_killer || b->update))
        rc = cgroup_limits_put(b, dir, "memory.oom_control", false, e, "%d",
                               r->memory.disable_oom_killer);
    return rc;
}

static int put_u64(struct cgroup_build *b, const char *dir, const char *file, bool optional,
                   const struct rt_opt_u64 *v, struct err *e) {
    if (!v->given || v->v == 0)
        return 0;
    return cgroup_limits_put(b, dir, file, optional, e, "%llu", (unsigned long long)v->v);
}

static int put_i64(struct cgroup_build *b, const char *dir, const char *file,
                   const struct rt_opt_i64 *v, struct err *e) {
    if (!v->given || v->v == 0)
        return 0;
    return cgroup_limits_put(b, dir, file, false, e, "%lld", (long long)v->v);
}

static int cpu(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    int rc = put_u64(b, dir, "cpu.shares", false, &r->cpu.shares, e);

    /* An old quota may not fit the new period: lift it for the moment between the writes. */
    if (rc == 0 && b->update && r->cpu.period.given && r->cpu.period.v && r->cpu.quota.given &&
        r->cpu.quota.v)
        rc = cgroup_limits_put(b, dir, "cpu.cfs_quota_us", false, e, "-1");
    if (rc == 0)
        rc = put_u64(b, dir, "cpu.cfs_period_us", false, &r->cpu.period, e);
    if (rc == 0)
        rc = put_i64(b, dir, "cpu.cfs_quota_us", &r->cpu.quota, e);
    if (rc == 0)
        rc = put_u64(b, dir, "cpu.cfs_burst_us", false, &r->cpu.burst, e);
    if (rc == 0)
        rc = put_u64(b, dir, "cpu.rt_period_us", false, &r->cpu.realtime_period, e);
    if (rc == 0)
        rc = put_i64(b, dir, "cpu.rt_runtime_us", &r->cpu.realtime_runtime, e);
    if (rc == 0 && r->cpu.idle.given && (r->cpu.idle.v || b->update))
        rc = cgroup_limits_put(b, dir, "cpu.idle", false, e, "%lld", (long long)r->cpu.idle.v);
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
        if (!w->weight.given)
            continue;
        rc = cgroup_limits_put(b, dir, "blkio.bfq.weight_device", true, e, "%lld:%lld %llu",
                               (long long)w->major, (long long)w->minor,
                               (unsigned long long)w->weight.v);
        if (rc == 0)
            rc = cgroup_limits_put(b, dir, "blkio.weight_device", true, e, "%lld:%lld %llu",
                                   (long long)w->major, (long long)w->minor,
                                   (unsigned long long)w->weight.v);
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
        rc = file ? cgroup_limits_put(b, dir, file, false, e, "%llu", (unsigned long long)h->limit)
                  : err_oom(e);
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

    if (!limit->given)
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
        return cgroup_limits_devices_v1(b, dir, e);
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
    case CG_COUNT:
        break;
    }
    return 0;
}
