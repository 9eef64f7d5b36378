/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/cgroup_limits.h"

#include "base/str.h"

#include <stdarg.h>
#include <string.h>

int cgroup_limits_add(struct cgroup_build *b, const struct cgroup_op *op, struct err *e) {
    if (b->plan.n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 32;
        struct cgroup_op *v = arena_array(b->a, cap, struct cgroup_op);
        if (!v)
            return err_oom(e);
        if (b->plan.n)
            memcpy(v, b->plan.v, b->plan.n * sizeof(*v));
        b->plan.v = v;
        b->cap = cap;
    }
    b->plan.v[b->plan.n++] = *op;
    return 0;
}

int cgroup_limits_put(struct cgroup_build *b, const char *dir, const char *file, bool optional,
                      struct err *e, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    char *value = arena_vprintf(b->a, fmt, ap);
    va_end(ap);
    if (!value)
        return err_oom(e);
    return cgroup_limits_add(b,
                             &(struct cgroup_op){.kind = CGROUP_OP_WRITE,
                                                 .optional = optional,
                                                 .dir = dir,
                                                 .file = file,
                                                 .value = value,
                                                 .json = cgroup_limits_json(file, b->a)},
                             e);
}

static bool limits(const struct rt_opt_i64 *v) {
    return v->given && v->v > 0;
}

static bool needs_memory(const struct rt_resources *r) {
    return limits(&r->memory.limit) || limits(&r->memory.reservation) || limits(&r->memory.swap) ||
           limits(&r->memory.kernel_tcp) || r->memory.swappiness.given ||
           r->memory.disable_oom_killer;
}

static bool needs_cpu(const struct rt_resources *r) {
    return cgroup_limits_hasu(&r->cpu.shares) || limits(&r->cpu.quota) ||
           cgroup_limits_hasu(&r->cpu.period) || cgroup_limits_hasu(&r->cpu.burst) ||
           limits(&r->cpu.idle) || cgroup_limits_hasu(&r->cpu.realtime_period) ||
           limits(&r->cpu.realtime_runtime);
}

static bool needs_io(const struct rt_resources *r) {
    return cgroup_limits_hasu(&r->block_io.weight) ||
           cgroup_limits_hasu(&r->block_io.leaf_weight) || r->block_io.n_weight_device ||
           r->block_io.n_rbps || r->block_io.n_wbps || r->block_io.n_riops || r->block_io.n_wiops;
}

uint32_t cgroup_limits_needs(const struct rt_resources *r) {
    bool needs[CG_COUNT] = {
        [CG_MEMORY] = needs_memory(r),
        [CG_CPU] = needs_cpu(r),
        [CG_CPUSET] = !str_empty(r->cpu.cpus) || !str_empty(r->cpu.mems),
        [CG_PIDS] = limits(&r->pids_limit),
        [CG_IO] = needs_io(r),
        [CG_HUGETLB] = r->n_hugepages > 0,
        [CG_NET_CLS] = cgroup_limits_hasu(&r->network.class_id),
        [CG_NET_PRIO] = r->network.n_priorities > 0,
        [CG_RDMA] = r->n_rdma > 0,
    };
    uint32_t mask = 0;

    for (int c = 0; c < CG_COUNT; c++)
        mask |= needs[c] ? CG_BIT(c) : 0;
    return mask;
}

int cgroup_limits_check_memory(const struct cgroup_build *b, struct err *e) {
    const struct rt_resources *r = b->r;
    int64_t limit = r->memory.limit.given ? r->memory.limit.v : 0;
    int64_t sum = r->memory.swap.given ? r->memory.swap.v : 0;

    if (b->now && limit == 0 && b->now->memory.given)
        limit = b->now->memory.v;
    if (sum > 0 && limit == 0 && !b->now)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.memory.swap: needs a memory limit too (--memory)");
    if (sum > 0 && (limit < 0 || sum < limit))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.memory.swap: %lld is memory plus swap, so it must be at "
                       "least the memory limit %lld",
                       (long long)sum, (long long)limit);
    if (b->now && r->memory.check_before_update && limits(&r->memory.limit) &&
        b->now->memory_usage > (uint64_t)r->memory.limit.v)
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "linux.resources.memory.limit: %lld is below what the container uses now: "
                       "%llu bytes",
                       (long long)r->memory.limit.v, (unsigned long long)b->now->memory_usage);
    return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *const json_names[][2] = {
    {"memory.limit_in_bytes", "memory.limit"},
    {"memory.max", "memory.limit"},
    {"memory.soft_limit_in_bytes", "memory.reservation"},
    {"memory.low", "memory.reservation"},
    {"memory.memsw.limit_in_bytes", "memory.swap"},
    {"memory.swap.max", "memory.swap"},
    {"memory.kmem.limit_in_bytes", "memory.kernel"},
    {"memory.kmem.tcp.limit_in_bytes", "memory.kernelTCP"},
    {"memory.swappiness", "memory.swappiness"},
    {"memory.oom_control", "memory.disableOOMKiller"},
    {"memory.use_hierarchy", "memory.useHierarchy"},
    {"cpu.shares", "cpu.shares"},
    {"cpu.weight", "cpu.shares"},
    {"cpu.cfs_period_us", "cpu.period"},
    {"cpu.cfs_quota_us", "cpu.quota"},
    {"cpu.max", "cpu.quota"},
    {"cpu.cfs_burst_us", "cpu.burst"},
    {"cpu.max.burst", "cpu.burst"},
    {"cpu.rt_period_us", "cpu.realtimePeriod"},
    {"cpu.rt_runtime_us", "cpu.realtimeRuntime"},
    {"cpu.idle", "cpu.idle"},
    {"cpuset.cpus", "cpu.cpus"},
    {"cpuset.mems", "cpu.mems"},
    {"pids.max", "pids.limit"},
    {"blkio.weight", "blockIO.weight"},
    {"blkio.bfq.weight", "blockIO.weight"},
    {"io.weight", "blockIO.weight"},
    {"io.bfq.weight", "blockIO.weight"},
    {"blkio.leaf_weight", "blockIO.leafWeight"},
    {"blkio.weight_device", "blockIO.weightDevice"},
    {"blkio.bfq.weight_device", "blockIO.weightDevice"},
    {"blkio.leaf_weight_device", "blockIO.weightDevice"},
    {"blkio.throttle.read_bps_device", "blockIO.throttleReadBpsDevice"},
    {"blkio.throttle.write_bps_device", "blockIO.throttleWriteBpsDevice"},
    {"blkio.throttle.read_iops_device", "blockIO.throttleReadIOPSDevice"},
    {"blkio.throttle.write_iops_device", "blockIO.throttleWriteIOPSDevice"},
    {"io.max", "blockIO"},
    {"net_cls.classid", "network.classID"},
    {"net_prio.ifpriomap", "network.priorities"},
    {"rdma.max", "rdma"},
    {"devices.allow", "devices"},
    {"devices.deny", "devices"},
};

const char *cgroup_limits_json(const char *file, struct arena *a) {
    const char *name = str_starts(file, "hugetlb.") ? "hugepageLimits" : NULL;

    for (size_t i = 0; i < ARRAY_SIZE(json_names) && !name; i++)
        if (strcmp(json_names[i][0], file) == 0)
            name = json_names[i][1];
    return name ? arena_printf(a, "linux.resources.%s", name) : NULL;
}

/* --- conversions ------------------------------------------------------------------------------ */

/* log2 and 2^x to the precision needed here, without libm (a library more at start-up). */
static double log2_of(double x) {
    double whole = 0, part = 0, step = 0.5;

    while (x >= 2) {
        x /= 2;
        whole++;
    }
    for (int i = 0; i < 40; i++, step /= 2) {
        x *= x;
        if (x >= 2) {
            x /= 2;
            part += step;
        }
    }
    return whole + part;
}

static double exp2_of(double x) {
    double result = 1, term = 1, sum = 1;

    while (x >= 1) {
        result *= 2;
        x -= 1;
    }
    for (int i = 1; i < 20; i++) {
        term *= x * 0.693147180559945309 / i;
        sum += term;
    }
    return result * sum;
}

uint64_t cgroup_limits_cpu_weight(uint64_t shares) {
    if (shares <= 2)
        return 1;
    if (shares >= 262144)
        return 10000;
    /* A parabola through (2, 1), (1024, 100) and (262144, 10000) in logarithms, so that both
     * defaults and both ends meet; a straight line would give the default box a third. */
    double l = log2_of((double)shares);
    double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
    double weight = exp2_of(exponent * 3.32192809488736235);
    uint64_t floor = (uint64_t)weight;
    uint64_t up = weight - (double)floor > 1e-6 ? floor + 1 : floor;
    return MIN_OF(MAX_OF(up, (uint64_t)1), (uint64_t)10000);
}

uint64_t cgroup_limits_io_weight(uint64_t weight) {
    weight = MIN_OF(MAX_OF(weight, (uint64_t)10), (uint64_t)1000);
    return 1 + (weight - 10) * 9999 / 990;
}
