/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_usage → the document of `events`, member for member as runc's readers know it. */
#include "oci/open.h"

#include "machine/plan_format.h"
#include "sys/cgroup_usage.h"

/* A document in the making: the first failure sticks. */
struct doc {
    js *v;
    int r;
};

static void put_u64(struct doc *d, const char *key, uint64_t v, bool omit_zero) {
    if (d->r == 0 && (v || !omit_zero))
        d->r = js_set_u64(d->v, key, v);
}

static void put(struct doc *d, const char *key, struct doc sub) {
    if (d->r == 0 && sub.r == 0)
        d->r = js_set(d->v, key, sub.v);
    else {
        d->r = d->r ? d->r : sub.r;
        js_free(sub.v);
    }
}

static struct doc object(void) {
    struct doc d = {.v = js_new_object()};
    d.r = d.v ? 0 : -ENOMEM;
    return d;
}

static struct doc numbers64(const uint64_t *v, size_t n) {
    struct doc d = {.v = js_new_array()};
    d.r = d.v ? 0 : -ENOMEM;
    for (size_t i = 0; d.r == 0 && i < n; i++)
        d.r = js_push(d.v, js_new_u64(v[i]));
    return d;
}

static struct doc numbers16(const uint16_t *v, size_t n) {
    struct doc d = {.v = js_new_array()};
    d.r = d.v ? 0 : -ENOMEM;
    for (size_t i = 0; d.r == 0 && i < n; i++)
        d.r = js_push(d.v, js_new_u64(v[i]));
    return d;
}

static void put_percpu(struct doc *d, const char *key, const uint64_t *v, size_t n) {
    if (v && n)
        put(d, key, numbers64(v, n));
}

static void put_line(struct doc *d, const char *key, const struct cgroup_pressure_line *l) {
    struct doc o = object();
    o.r = o.r ? o.r : js_set(o.v, "avg10", js_new_double(l->avg10));
    o.r = o.r ? o.r : js_set(o.v, "avg60", js_new_double(l->avg60));
    o.r = o.r ? o.r : js_set(o.v, "avg300", js_new_double(l->avg300));
    put_u64(&o, "total", l->total, false);
    put(d, key, o);
}

static void put_pressure(struct doc *d, const struct cgroup_pressure *p) {
    if (!p->given)
        return;
    struct doc o = object();
    put_line(&o, "some", &p->some);
    put_line(&o, "full", &p->full);
    put(d, "psi", o);
}

static struct doc cpu(const struct cgroup_usage *u) {
    struct doc d = object(), usage = object(), throttling = object();
    put_u64(&usage, "total", u->cpu.total_ns, true);
    put_percpu(&usage, "percpu", u->cpu.percpu, u->cpu.n_cpus);
    put_percpu(&usage, "percpu_kernel", u->cpu.percpu_kernel, u->cpu.n_cpus);
    put_percpu(&usage, "percpu_user", u->cpu.percpu_user, u->cpu.n_cpus);
    put_u64(&usage, "kernel", u->cpu.kernel_ns, false);
    put_u64(&usage, "user", u->cpu.user_ns, false);
    put_u64(&throttling, "periods", u->cpu.periods, true);
    put_u64(&throttling, "throttledPeriods", u->cpu.throttled_periods, true);
    put_u64(&throttling, "throttledTime", u->cpu.throttled_ns, true);
    put(&d, "usage", usage);
    put(&d, "throttling", throttling);
    put_pressure(&d, &u->cpu.psi);
    return d;
}

static struct doc cpuset(const struct cgroup_usage *u) {
    struct doc d = object();
    if (u->cpuset.n_cpus)
        put(&d, "cpus", numbers16(u->cpuset.cpus, u->cpuset.n_cpus));
    put_u64(&d, "cpu_exclusive", u->cpuset.cpu_exclusive, false);
    if (u->cpuset.n_mems)
        put(&d, "mems", numbers16(u->cpuset.mems, u->cpuset.n_mems));
    put_u64(&d, "mem_hardwall", u->cpuset.mem_hardwall, false);
    put_u64(&d, "mem_exclusive", u->cpuset.mem_exclusive, false);
    put_u64(&d, "memory_migrate", u->cpuset.memory_migrate, false);
    put_u64(&d, "memory_spread_page", u->cpuset.memory_spread_page, false);
    put_u64(&d, "memory_spread_slab", u->cpuset.memory_spread_slab, false);
    put_u64(&d, "memory_pressure", u->cpuset.memory_pressure, false);
    put_u64(&d, "sched_load_balance", u->cpuset.sched_load_balance, false);
    d.r =
        d.r ? d.r : js_set_i64(d.v, "sched_relax_domain_level", u->cpuset.sched_relax_domain_level);
    return d;
}

static void put_amount(struct doc *d, const char *key, const struct cgroup_amount *a) {
    struct doc o = object();
    put_u64(&o, "limit", a->limit, false);
    put_u64(&o, "usage", a->usage, true);
    put_u64(&o, "max", a->peak, true);
    put_u64(&o, "failcnt", a->failures, false);
    put(d, key, o);
}

static struct doc memory(const struct cgroup_usage *u) {
    struct doc d = object(), raw = object();
    put_u64(&d, "cache", u->memory.cache, true);
    put_amount(&d, "usage", &u->memory.use);
    put_amount(&d, "swap", &u->memory.swap);
    put_amount(&d, "kernel", &u->memory.kernel);
    put_amount(&d, "kernelTCP", &u->memory.kernel_tcp);
    for (size_t i = 0; i < u->memory.n_raw; i++)
        put_u64(&raw, u->memory.raw[i].name, u->memory.raw[i].value, false);
    put(&d, "raw", raw);
    put_pressure(&d, &u->memory.psi);
    return d;
}

static void put_io(struct doc *d, const char *key, const struct cgroup_io_table *t) {
    if (!t->n)
        return;
    struct doc list = {.v = js_new_array()};
    list.r = list.v ? 0 : -ENOMEM;
    for (size_t i = 0; list.r == 0 && i < t->n; i++) {
        struct doc o = object();
        put_u64(&o, "major", t->v[i].major, true);
        put_u64(&o, "minor", t->v[i].minor, true);
        o.r = o.r ? o.r : js_set_str(o.v, "op", t->v[i].op);
        put_u64(&o, "value", t->v[i].value, true);
        list.r = o.r ? (js_free(o.v), o.r) : js_push(list.v, o.v);
    }
    put(d, key, list);
}

static struct doc io(const struct cgroup_usage *u) {
    struct doc d = object();
    put_io(&d, "ioServiceBytesRecursive", &u->io.bytes);
    put_io(&d, "ioServicedRecursive", &u->io.serviced);
    put_io(&d, "ioQueueRecursive", &u->io.queued);
    put_io(&d, "ioServiceTimeRecursive", &u->io.service_time);
    put_io(&d, "ioWaitTimeRecursive", &u->io.wait_time);
    put_io(&d, "ioMergedRecursive", &u->io.merged);
    put_io(&d, "ioTimeRecursive", &u->io.time);
    put_io(&d, "sectorsRecursive", &u->io.sectors);
    put_pressure(&d, &u->io.psi);
    return d;
}

static struct doc huge(const struct cgroup_usage *u) {
    struct doc d = object();
    for (size_t i = 0; i < u->n_huge; i++) {
        struct doc o = object();
        put_u64(&o, "usage", u->huge[i].usage, true);
        put_u64(&o, "max", u->huge[i].peak, true);
        put_u64(&o, "failcnt", u->huge[i].failures, false);
        put(&d, u->huge[i].size, o);
    }
    return d;
}

static struct doc all(const struct cgroup_usage *u) {
    struct doc d = object(), pids = object();
    put(&d, "cpu", cpu(u));
    put(&d, "cpuset", cpuset(u));
    put(&d, "memory", memory(u));
    put_u64(&pids, "current", u->pids.current, true);
    put_u64(&pids, "limit", u->pids.limit, true);
    put(&d, "pids", pids);
    put(&d, "blkio", io(u));
    put(&d, "hugetlb", huge(u));
    put(&d, "intel_rdt", object());
    d.r = d.r ? d.r : js_set(d.v, "network_interfaces", NULL);
    return d;
}

int oci_stats(const struct oci *o, const char *id, js **ret, struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    struct cgroup_set set;
    struct cgroup_usage u = {0};
    int r = oci_open(o, id, &c, e);
    if (r < 0)
        return r;
    if (c.status == OCI_STOPPED)
        return err_set(e, ERR_CONFLICT, -EINVAL, "container with id %.200s is not running", id);
    plan_cgroups(&c.plan, &set);
    r = cgroup_usage_read(&set, c.a, &u, e);
    if (r < 0)
        return r;
    struct doc d = all(&u);
    if (d.r < 0) {
        js_free(d.v);
        return err_oom(e);
    }
    *ret = d.v;
    return 0;
}
