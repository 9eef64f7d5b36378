/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything the kernel counts about a machine's groups, for those who want it all (`events
 * --stats`); cgroup_stats() is the small version of the monitor. One shape for v1, hybrid and v2:
 * what a version does not have stays 0, empty or "not given". Command side; memory is the arena's.
 */
#pragma once

#include "base/arena.h"
#include "sys/cgroup.h"

struct cgroup_amount {
    uint64_t usage, peak;
    uint64_t limit; /* UINT64_MAX = none */
    uint64_t failures;
};

struct cgroup_counter {
    const char *name;
    uint64_t value;
};

/* One number of one device: {8, 0, "Read", 4096}. */
struct cgroup_io_entry {
    uint64_t major, minor;
    const char *op;
    uint64_t value;
};
struct cgroup_io_table {
    struct cgroup_io_entry *v;
    size_t n;
};

/* Share of time, in percent, that something waited; total in microseconds. */
struct cgroup_pressure_line {
    double avg10, avg60, avg300;
    uint64_t total;
};
struct cgroup_pressure {
    bool given;
    struct cgroup_pressure_line some, full;
};

struct cgroup_usage {
    struct {
        uint64_t total_ns, user_ns, kernel_ns;
        uint64_t *percpu, *percpu_user, *percpu_kernel; /* v1: n_cpus each, or NULL */
        size_t n_cpus;
        uint64_t periods, throttled_periods, throttled_ns, bursts, burst_ns;
        struct cgroup_pressure psi;
    } cpu;
    struct {
        uint16_t *cpus, *mems;
        size_t n_cpus, n_mems;
        /* v1's other files */
        uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page,
            memory_spread_slab, memory_pressure, sched_load_balance;
        int64_t sched_relax_domain_level;
    } cpuset;
    struct {
        bool given;
        uint64_t cache;
        struct cgroup_amount use, swap, kernel, kernel_tcp; /* swap: memory and swap together */
        bool use_hierarchy;
        struct cgroup_counter *raw; /* memory.stat */
        size_t n_raw;
        uint64_t oom_kills;
        struct cgroup_pressure psi;
    } memory;
    struct {
        uint64_t current, limit; /* 0 = none, as the field's runtimes say it */
    } pids;
    struct {
        struct cgroup_io_table bytes, serviced, queued, service_time, wait_time, merged, time,
            sectors;
        struct cgroup_pressure psi;
    } io;
    struct cgroup_huge {
        const char *size; /* "2MB" */
        uint64_t usage, peak, failures;
    } * huge;
    size_t n_huge;
    struct cgroup_rdma {
        const char *device;
        uint64_t handles, objects, max_handles, max_objects; /* UINT64_MAX = no limit */
    } * rdma;
    size_t n_rdma;
};

int cgroup_usage_read(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *ret,
                      struct err *e);
