/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cmd/cmd.h"

#include "base/io.h"
#include "sys/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct update_args {
    const char *file, *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share,
        *cpu_rt_period, *cpu_rt_runtime, *cpuset_cpus, *cpuset_mems, *kernel_memory,
        *kernel_memory_tcp, *memory, *memory_reservation, *memory_swap, *pids_limit, *cpu_idle,
        *l3_cache_schema, *mem_bw_schema;
};

#define WORD(short_, field_, name_, what_)                                                         \
    OPT(struct update_args, short_, field_, name_, OPT_STRING, "value", what_)

static const struct opt update_opts[] = {
    WORD('r', file, "resources", "Read the limits as JSON from this file; -: standard input"),
    WORD(0, blkio_weight, "blkio-weight", "I/O weight, 10 to 1000"),
    WORD(0, cpu_period, "cpu-period", "CPU period in microseconds"),
    WORD(0, cpu_quota, "cpu-quota", "CPU time per period in microseconds; -1: no limit"),
    WORD(0, cpu_burst, "cpu-burst", "CPU time that may be saved up, in microseconds"),
    WORD(0, cpu_share, "cpu-share", "CPU weight beside other containers"),
    WORD(0, cpu_rt_period, "cpu-rt-period", "Period of realtime scheduling in microseconds"),
    WORD(0, cpu_rt_runtime, "cpu-rt-runtime", "Realtime per period in microseconds"),
    WORD(0, cpuset_cpus, "cpuset-cpus", "CPUs to run on, such as 0-3,8"),
    WORD(0, cpuset_mems, "cpuset-mems", "Memory nodes to use"),
    WORD(0, kernel_memory, "kernel-memory", NULL),
    WORD(0, kernel_memory_tcp, "kernel-memory-tcp", NULL),
    WORD(0, memory, "memory", "Memory limit in bytes; -1: none"),
    WORD(0, memory_reservation, "memory-reservation", "Soft memory limit in bytes"),
    WORD(0, memory_swap, "memory-swap", "Memory and swap in bytes; -1: no limit"),
    WORD(0, pids_limit, "pids-limit", "Number of processes; -1: no limit"),
    WORD(0, cpu_idle, "cpu-idle", "1: run only when nobody else wants to"),
    WORD(0, l3_cache_schema, "l3-cache-schema", "Intel RDT: L3 cache schema"),
    WORD(0, mem_bw_schema, "mem-bw-schema", "Intel RDT: memory bandwidth schema"),
};
static const struct opt_table update_table = {.command = "update",
                                              .usage = "[OPTIONS] CONTAINER",
                                              .summary = "Change the limits of a container.",
                                              .opts = update_opts,
                                              .nopts = ARRAY_SIZE(update_opts),
                                              .min_args = 1,
                                              .max_args = 1};

static int bad(const char *name, const char *value, struct err *e) {
    return err_set(e, ERR_USAGE, -EINVAL, "invalid value for %s: \"%.100s\"", name, value);
}

static int to_u64(const char *name, const char *s, struct rt_opt_u64 *ret, struct err *e) {
    uint64_t v;
    if (str_empty(s))
        return 0;
    if (str_to_u64(s, &v) < 0)
        return bad(name, s, e);
    *ret = (struct rt_opt_u64){.given = true, .v = v};
    return 0;
}

static int to_i64(const char *name, const char *s, struct rt_opt_i64 *ret, struct err *e) {
    int64_t v;
    if (str_empty(s))
        return 0;
    if (str_to_i64(s, &v) < 0)
        return bad(name, s, e);
    *ret = (struct rt_opt_i64){.given = true, .v = v};
    return 0;
}

static int to_bytes(const char *name, const char *s, struct rt_opt_i64 *ret, struct err *e) {
    uint64_t v = 0;
    if (str_empty(s))
        return 0;
    bool none = strcmp(s, "-1") == 0;
    if (!none && (str_to_bytes(s, &v) < 0 || v > INT64_MAX))
        return bad(name, s, e);
    *ret = (struct rt_opt_i64){.given = true, .v = none ? -1 : (int64_t)v};
    return 0;
}

static int from_words(const struct update_args *a, struct arena *mem, struct rt_resources *r,
                      struct err *e) {
    int err = to_u64("blkio-weight", a->blkio_weight, &r->block_io.weight, e);
    err = err ? err : to_u64("cpu-period", a->cpu_period, &r->cpu.period, e);
    err = err ? err : to_i64("cpu-quota", a->cpu_quota, &r->cpu.quota, e);
    err = err ? err : to_u64("cpu-burst", a->cpu_burst, &r->cpu.burst, e);
    err = err ? err : to_u64("cpu-share", a->cpu_share, &r->cpu.shares, e);
    err = err ? err : to_u64("cpu-rt-period", a->cpu_rt_period, &r->cpu.realtime_period, e);
    err = err ? err : to_i64("cpu-rt-runtime", a->cpu_rt_runtime, &r->cpu.realtime_runtime, e);
    err = err ? err : to_i64("cpu-idle", a->cpu_idle, &r->cpu.idle, e);
    err = err ? err : to_bytes("memory", a->memory, &r->memory.limit, e);
    err = err ? err
              : to_bytes("memory-reservation", a->memory_reservation, &r->memory.reservation, e);
    err = err ? err : to_bytes("memory-swap", a->memory_swap, &r->memory.swap, e);
    err = err ? err : to_i64("pids-limit", a->pids_limit, &r->pids_limit, e);
    r->cpu.cpus = arena_strdup(mem, str_empty(a->cpuset_cpus) ? NULL : a->cpuset_cpus);
    r->cpu.mems = arena_strdup(mem, str_empty(a->cpuset_mems) ? NULL : a->cpuset_mems);
    return err;
}

static int from_file(const char *path, struct arena *a, struct rt_resources *r, struct err *e) {
    AUTO_STR struct str text = STR_INIT(OCI_MAX_CONFIG);
    AUTO_JS js *doc = NULL;
    int err = strcmp(path, "-") == 0 ? io_read_fd(STDIN_FILENO, &text)
                                     : io_read_file(AT_FDCWD, path, &text);
    if (err < 0)
        return err_sysn(e, err, "open %s", path);
    err = js_parse(str_c(&text), text.len, path, &doc, e);
    return err < 0 ? err : rt_resources_decode(doc, a, r, e);
}

static int update_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                      struct err *e) {
    const struct update_args *a = target;
    struct rt_resources r = {0};
    int err = a->file ? from_file(a->file, g->a, &r, e) : from_words(a, g->a, &r, e);
    if (err < 0)
        return err;
    if (r.memory.kernel.given || r.memory.kernel_tcp.given || a->kernel_memory ||
        a->kernel_memory_tcp)
        oci_warn(&g->o, "Kernel memory settings are ignored and will be removed");
    r.memory.kernel.given = r.memory.kernel_tcp.given = false;
    if (a->l3_cache_schema || a->mem_bw_schema)
        err = oci_update_rdt(&g->o, args[0], a->l3_cache_schema, a->mem_bw_schema, e);
    return err < 0 ? err : oci_update(&g->o, args[0], &r, e);
}

const struct cmd cmd_update = {
    .table = &update_table, .run = update_run, .size = sizeof(struct update_args)};
