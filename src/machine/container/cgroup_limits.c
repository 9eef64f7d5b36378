/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/cgroup_limits.h"

#include "base/str.h"
#include "sys/bpf_device.h"

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
                                                 .value = value},
                             e);
}

static bool limits(const struct rt_opt_i64 *v) {
    return v->given && v->v > 0;
}

static bool set(const struct rt_opt_u64 *v) {
    return v->given && v->v > 0;
}

static bool needs_memory(const struct rt_resources *r) {
    return limits(&r->memory.limit) || limits(&r->memory.reservation) || limits(&r->memory.swap) ||
           limits(&r->memory.kernel_tcp) || r->memory.swappiness.given ||
           r->memory.disable_oom_killer;
}

static bool needs_cpu(const struct rt_resources *r) {
    return set(&r->cpu.shares) || limits(&r->cpu.quota) || set(&r->cpu.period) ||
           set(&r->cpu.burst) || limits(&r->cpu.idle) || set(&r->cpu.realtime_period) ||
           limits(&r->cpu.realtime_runtime);
}

static bool needs_io(const struct rt_resources *r) {
    return set(&r->block_io.weight) || set(&r->block_io.leaf_weight) ||
           r->block_io.n_weight_device || r->block_io.n_rbps || r->block_io.n_wbps ||
           r->block_io.n_riops || r->block_io.n_wiops;
}

uint32_t cgroup_limits_needs(const struct rt_resources *r) {
    bool needs[CG_COUNT] = {
        [CG_MEMORY] = needs_memory(r),
        [CG_CPU] = needs_cpu(r),
        [CG_CPUSET] = !str_empty(r->cpu.cpus) || !str_empty(r->cpu.mems),
        [CG_PIDS] = limits(&r->pids_limit),
        [CG_IO] = needs_io(r),
        [CG_HUGETLB] = r->n_hugepages > 0,
        [CG_NET_CLS] = set(&r->network.class_id),
        [CG_NET_PRIO] = r->network.n_priorities > 0,
        [CG_RDMA] = r->n_rdma > 0,
    };
    uint32_t mask = 0;

    for (int c = 0; c < CG_COUNT; c++)
        mask |= needs[c] ? CG_BIT(c) : 0;
    return mask;
}

int cgroup_limits_check_swap(const struct cgroup_build *b, struct err *e) {
    int64_t limit = b->r->memory.limit.given ? b->r->memory.limit.v : 0;
    int64_t sum = b->r->memory.swap.given ? b->r->memory.swap.v : 0;

    if (sum > 0 && limit == 0 && !b->update)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.memory.swap: needs a memory limit too (--memory)");
    if (sum > 0 && (limit < 0 || sum < limit))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.resources.memory.swap: %lld is memory plus swap, so it must be at "
                       "least the memory limit %lld",
                       (long long)sum, (long long)limit);
    return 0;
}

/* --- device rules ----------------------------------------------------------------------------- */

static const char *number(struct arena *a, int64_t n) {
    return n < 0 ? "*" : arena_printf(a, "%lld", (long long)n);
}

/* One rule as v1 writes it, appended to lines. 0 or -ENOMEM. */
static int add_device_line(struct arena *a, const struct rt_device_rule *d, struct str *lines) {
    const char *access = str_empty(d->access) ? "rwm" : d->access;
    const char *major = number(a, d->major), *minor = number(a, d->minor);
    const char *gap = lines->len ? "\n" : "";
    bool all = d->type == 'a' || d->type == '\0';

    if (!major || !minor)
        return -ENOMEM;
    if (all && d->major < 0 && d->minor < 0 && strlen(access) >= 3)
        return str_addf(lines, "%sa", gap);
    if (all) /* the kernel takes "a" for everything, whatever follows */
        return str_addf(lines, "%sb %s:%s %s\nc %s:%s %s", gap, major, minor, access, major, minor,
                        access);
    return str_addf(lines, "%s%c %s:%s %s", gap, d->type, major, minor, access);
}

int cgroup_limits_devices_v1(struct cgroup_build *b, const char *dir, struct err *e) {
    AUTO_STR struct str lines = STR_INIT(1 << 20);
    int r = 0;

    /* Neighbours that go to the same file make one operation. */
    for (size_t i = 0; i < b->r->n_devices && r == 0; i++) {
        const struct rt_device_rule *d = &b->r->devices[i];
        bool last = i + 1 == b->r->n_devices || b->r->devices[i + 1].allow != d->allow;
        if (add_device_line(b->a, d, &lines) < 0)
            return err_oom(e);
        if (!last)
            continue;
        r = cgroup_limits_put(b, dir, d->allow ? "devices.allow" : "devices.deny", false, e, "%s",
                              str_c(&lines));
        str_clear(&lines);
    }
    return r;
}

int cgroup_limits_devices_v2(struct cgroup_build *b, const char *dir, struct err *e) {
    size_t n = b->r->n_devices, out = 0;
    struct bpf_device_rule *rules = arena_array(b->a, 2 * n, struct bpf_device_rule);
    struct cgroup_op op = {.kind = CGROUP_OP_DEVICES, .dir = dir};
    void *bytes;

    if (!rules)
        return err_oom(e);
    for (size_t i = 0; i < n; i++) {
        const struct rt_device_rule *d = &b->r->devices[i];
        const char *access = str_empty(d->access) ? "rwm" : d->access;
        struct bpf_device_rule rule = {
            .allow = d->allow,
            .type = d->type ? d->type : 'a',
            .major = d->major,
            .minor = d->minor,
            .access = (strchr(access, 'r') ? BPF_DEVICE_READ : 0U) |
                      (strchr(access, 'w') ? BPF_DEVICE_WRITE : 0U) |
                      (strchr(access, 'm') ? BPF_DEVICE_MKNOD : 0U),
        };
        if (rule.type == 'a' && (d->major >= 0 || d->minor >= 0)) {
            rule.type = 'b';
            rules[out++] = rule;
            rule.type = 'c';
        }
        rules[out++] = rule;
    }
    int r = bpf_device_encode(rules, out, b->a, &bytes, &op.len, e);
    op.bytes = bytes;
    return r < 0 ? err_wrap(e, "linux.resources.devices") : cgroup_limits_add(b, &op, e);
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
