/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as files of cgroup v2 controllers. Values arrive in the runtime-spec's v1 words. */
#include "base/path.h"
#include "base/str.h"
#include "machine/container/cgroup_limits.h"

#include <string.h>

static int put_limit(struct cgroup_build *b, const char *dir, const char *file, bool optional,
                     int64_t v, struct err *e) {
    return v < 0 ? cgroup_limits_put(b, dir, file, optional, e, "max")
                 : cgroup_limits_put(b, dir, file, optional, e, "%lld", (long long)v);
}

/* v1 and the spec count memory and swap together, v2 swap alone. An update of memory alone keeps
 * the sum, as v1 does by itself. */
static int swap(struct cgroup_build *b, const char *dir, int64_t limit, struct err *e) {
    const struct cgroup_now *now = b->now;
    int64_t sum = b->r->memory.swap.given ? b->r->memory.swap.v : 0;
    /* A kernel without swap accounting has no such file. */
    static const char file[] = "memory.swap.max";

    if (sum < 0)
        return put_limit(b, dir, file, true, -1, e);
    if (sum > 0 && limit == 0)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.memory.swap: there is no memory limit: give it too "
                       "(--memory)");
    if (sum > 0)
        return put_limit(b, dir, file, true, sum - limit, e);
    if (!now || !cgroup_limits_has(&b->r->memory.limit) || !now->swap.given || now->swap.v <= 0 ||
        !now->memory.given || now->memory.v < 0)
        return 0;
    if (limit < 0)
        return put_limit(b, dir, file, true, -1, e);
    sum = now->memory.v + now->swap.v;
    if (sum < limit)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.memory.limit: %lld is above memory plus swap, which is "
                       "%lld: update both (--memory-swap)",
                       (long long)limit, (long long)sum);
    return put_limit(b, dir, file, true, sum - limit, e);
}

static int memory(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    int64_t limit = cgroup_limits_has(&r->memory.limit) ? r->memory.limit.v : 0;
    int rc = cgroup_limits_check_memory(b, e);

    if (rc < 0)
        return rc;
    if (r->memory.swappiness.given)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "linux.resources.memory.swappiness: cgroup v2 has no swappiness per group");
    if (r->memory.has_disable_oom_killer && r->memory.disable_oom_killer)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "linux.resources.memory.disableOOMKiller: cgroup v2 cannot do that");
    if (limit == 0 && b->now && b->now->memory.given && b->now->memory.v > 0)
        limit = b->now->memory.v;
    rc = swap(b, dir, limit, e);
    if (rc == 0 && cgroup_limits_has(&r->memory.limit))
        rc = put_limit(b, dir, "memory.max", false, r->memory.limit.v, e);
    if (rc == 0 && cgroup_limits_has(&r->memory.reservation))
        rc = put_limit(b, dir, "memory.low", false, r->memory.reservation.v, e);
    return rc;
}

/* A quota alone keeps the period that stands; a period needs its quota beside it. */
static int cpu_max(struct cgroup_build *b, const char *dir, struct err *e) {
    int64_t quota = b->r->cpu.quota.given ? b->r->cpu.quota.v : 0;
    unsigned long long period = b->r->cpu.period.given ? b->r->cpu.period.v : 0;

    if (period && quota == 0 && b->now && b->now->quota.given)
        quota = b->now->quota.v;
    if (!period && quota == 0)
        return 0;
    if (!period && quota > 0 && !b->now)
        period = 100000;
    if (!period)
        return put_limit(b, dir, "cpu.max", false, quota, e);
    if (quota > 0)
        return cgroup_limits_put(b, dir, "cpu.max", false, e, "%lld %llu", (long long)quota,
                                 period);
    return cgroup_limits_put(b, dir, "cpu.max", false, e, "max %llu", period);
}

static int cpu(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    uint64_t shares = r->cpu.shares.given ? r->cpu.shares.v : 0;
    int64_t idle = r->cpu.idle.given ? r->cpu.idle.v : 0;
    int rc = 0;

    if (cgroup_limits_hasu(&r->cpu.realtime_period) || cgroup_limits_has(&r->cpu.realtime_runtime))
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "linux.resources.cpu.realtimeRuntime: cgroup v2 has no realtime limits");
    if (idle || (b->now && r->cpu.idle.given))
        rc = cgroup_limits_put(b, dir, "cpu.idle", false, e, "%lld", (long long)idle);
    if (rc == 0 && shares && !idle) /* an idle group has no weight */
        rc = cgroup_limits_put(b, dir, "cpu.weight", false, e, "%llu",
                               (unsigned long long)cgroup_limits_cpu_weight(shares));
    if (rc == 0)
        rc = cpu_max(b, dir, e);
    if (rc == 0 && cgroup_limits_hasu(&r->cpu.burst))
        rc = cgroup_limits_put(b, dir, "cpu.max.burst", false, e, "%llu",
                               (unsigned long long)r->cpu.burst.v);
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

static int throttle(struct cgroup_build *b, const char *dir, const char *key,
                    const struct rt_throttle *v, size_t n, struct err *e) {
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const char *rate = v[i].rate ? arena_printf(b->a, "%llu", (unsigned long long)v[i].rate)
                                     : "max"; /* v1's 0 lifts the limit */
        rc = rate ? cgroup_limits_put(b, dir, "io.max", false, e, "%lld:%lld %s=%s",
                                      (long long)v[i].major, (long long)v[i].minor, key, rate)
                  : err_oom(e);
    }
    return rc;
}

static int io(struct cgroup_build *b, const char *dir, struct err *e) {
    const struct rt_resources *r = b->r;
    int rc = 0;

    /* Which of the two exists depends on the scheduler of the host's disks. */
    if (r->block_io.weight.given && r->block_io.weight.v) {
        rc = cgroup_limits_put(b, dir, "io.bfq.weight", true, e, "%llu",
                               (unsigned long long)r->block_io.weight.v);
        if (rc == 0)
            rc = cgroup_limits_put(
                b, dir, "io.weight", true, e, "default %llu",
                (unsigned long long)cgroup_limits_io_weight(r->block_io.weight.v));
    }
    for (size_t i = 0; i < r->block_io.n_weight_device && rc == 0; i++) {
        const struct rt_weight *w = &r->block_io.weight_device[i];
        if (!w->weight.given)
            continue;
        rc = cgroup_limits_put(b, dir, "io.bfq.weight", true, e, "%lld:%lld %llu",
                               (long long)w->major, (long long)w->minor,
                               (unsigned long long)w->weight.v);
        if (rc == 0)
            rc = cgroup_limits_put(b, dir, "io.weight", true, e, "%lld:%lld %llu",
                                   (long long)w->major, (long long)w->minor,
                                   (unsigned long long)cgroup_limits_io_weight(w->weight.v));
    }
    if (rc == 0)
        rc = throttle(b, dir, "rbps", r->block_io.rbps, r->block_io.n_rbps, e);
    if (rc == 0)
        rc = throttle(b, dir, "wbps", r->block_io.wbps, r->block_io.n_wbps, e);
    if (rc == 0)
        rc = throttle(b, dir, "riops", r->block_io.riops, r->block_io.n_riops, e);
    if (rc == 0)
        rc = throttle(b, dir, "wiops", r->block_io.wiops, r->block_io.n_wiops, e);
    return rc;
}

static int hugetlb(struct cgroup_build *b, const char *dir, struct err *e) {
    int rc = 0;

    for (size_t i = 0; i < b->r->n_hugepages && rc == 0; i++) {
        const struct rt_hugepage *h = &b->r->hugepages[i];
        char *file = arena_printf(b->a, "hugetlb.%s.max", h->page_size);
        char *reserved = arena_printf(b->a, "hugetlb.%s.rsvd.max", h->page_size);
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
        const char *handles = "", *objects = "";
        if (d->hca_handles.given)
            handles = arena_printf(b->a, " hca_handle=%llu", (unsigned long long)d->hca_handles.v);
        if (d->hca_objects.given)
            objects = arena_printf(b->a, " hca_object=%llu", (unsigned long long)d->hca_objects.v);
        if (!handles || !objects)
            return err_oom(e);
        rc = cgroup_limits_put(b, dir, "rdma.max", false, e, "%s%s%s", d->name, handles, objects);
    }
    return rc;
}

static int pids(struct cgroup_build *b, const char *dir, struct err *e) {
    if (!b->r->pids_limit.given || (b->now && b->r->pids_limit.v == 0))
        return 0;
    return put_limit(b, dir, "pids.max", false, b->r->pids_limit.v > 0 ? b->r->pids_limit.v : -1,
                     e);
}

int cgroup_limits_v2(struct cgroup_build *b, enum cgroup_ctl ctl, const char *dir, struct err *e) {
    switch (ctl) {
    case CG_MEMORY:
        return memory(b, dir, e);
    case CG_CPU:
        return cpu(b, dir, e);
    case CG_CPUSET:
        return cpuset(b, dir, e);
    case CG_PIDS:
        return pids(b, dir, e);
    case CG_IO:
        return io(b, dir, e);
    case CG_HUGETLB:
        return hugetlb(b, dir, e);
    case CG_RDMA:
        return rdma(b, dir, e);
    case CG_CPUACCT:
    case CG_DEVICES:
    case CG_FREEZER:
    case CG_NET_CLS:
    case CG_NET_PRIO:
    case CG_PERF:
    case CG_MISC:
    case CG_NAMED:
    case CG_COUNT:
        break;
    }
    return 0;
}

int cgroup_limits_unified(struct cgroup_build *b, const char *dir, uint32_t ctls, struct err *e) {
    for (size_t i = 0; i < b->r->n_unified; i++) {
        const char *file = b->r->unified[i].key;
        const char *value = b->r->unified[i].value;
        bool known = strncmp(file, "cgroup.", 7) == 0;
        if (!path_is_component(file) || !strchr(file, '.'))
            return err_set(e, ERR_USAGE, -EINVAL,
                           "linux.resources.unified: \"%s\" is not the name of a cgroup file",
                           file);
        for (int c = 0; c < CG_COUNT && !known; c++) {
            const char *name = cgroup_ctl_name((enum cgroup_ctl)c, true);
            size_t n = strlen(name);
            known = (ctls & CG_BIT(c)) && strncmp(file, name, n) == 0 && file[n] == '.';
        }
        if (!known)
            return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                           "linux.resources.unified: the controller of \"%s\" is not available "
                           "in cgroup %s",
                           file, dir);
        struct cgroup_op op = {.kind = CGROUP_OP_WRITE, .dir = dir, .file = file, .value = value};
        op.json = arena_printf(b->a, "linux.resources.unified[\"%s\"]", file);
        if (!op.value)
            op.value = "";
        int r = op.json ? cgroup_limits_add(b, &op, e) : err_oom(e);
        if (r < 0)
            return r;
    }
    return 0;
}
