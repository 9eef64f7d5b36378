/* SPDX-License-Identifier: Apache-2.0 */
/* CPU, memory and processes. */
#include "base/io.h"
#include "base/str.h"
#include "sys/cgroup_usage_parts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define USAGE_MAX_FILE ((size_t)4 << 20)
#define USAGE_MAX_CPUS 8192

const char *cgroup_usage_text(struct arena *a, const char *dir, const char *file) {
    AUTO_STR struct str s = STR_INIT(USAGE_MAX_FILE);
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    if (n < 0 || (size_t)n >= sizeof(path) || io_read_file(AT_FDCWD, path, &s) < 0)
        return "";
    return arena_strdup(a, str_c(&s));
}

static uint64_t digits(const char *p) {
    uint64_t v = 0;

    for (p += strspn(p, " \t"); *p >= '0' && *p <= '9'; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    return v;
}

static bool read_word(const char *dir, const char *file, char *buf, size_t size) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    return n > 0 && (size_t)n < sizeof(path) && io_read_line(AT_FDCWD, path, buf, size) == 0;
}

uint64_t cgroup_usage_number(const char *dir, const char *file) {
    char buf[64];

    return read_word(dir, file, buf, sizeof(buf)) ? digits(buf) : 0;
}

uint64_t cgroup_usage_limit(const char *dir, const char *file) {
    char buf[64];

    if (!read_word(dir, file, buf, sizeof(buf)) || buf[0] < '0' || buf[0] > '9')
        return UINT64_MAX;
    uint64_t v = digits(buf);
    return v >= (uint64_t)INT64_MAX / 4096 * 4096 ? UINT64_MAX : v;
}

uint64_t cgroup_usage_keyed(const char *text, const char *key) {
    size_t len = strlen(key);

    for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
        if (strncmp(p, key, len) == 0 && p[len] == ' ')
            return digits(p + len + 1);
    return 0;
}

static double decimal(const char *p) {
    double v = (double)digits(p), scale = 1;

    p += strspn(p, "0123456789");
    if (*p++ != '.')
        return v;
    for (; *p >= '0' && *p <= '9'; p++) {
        scale /= 10;
        v += (*p - '0') * scale;
    }
    return v;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void pressure_line(const char *text, const char *kind, struct cgroup_pressure_line *l) {
    const char *line = strstr(text, kind), *p;

    if (!line)
        return;
    if ((p = strstr(line, "avg10=")))
        l->avg10 = decimal(p + 6);
    if ((p = strstr(line, "avg60=")))
        l->avg60 = decimal(p + 6);
    if ((p = strstr(line, "avg300=")))
        l->avg300 = decimal(p + 7);
    if ((p = strstr(line, "total=")))
        l->total = digits(p + 6);
}

int cgroup_usage_pressure(struct arena *a, const char *dir, const char *file,
                          struct cgroup_pressure *ret) {
    const char *text = cgroup_usage_text(a, dir, file);

    if (!text)
        return -ENOMEM;
    ret->given = text[0] != '\0';
    pressure_line(text, "some ", &ret->some);
    pressure_line(text, "full ", &ret->full);
    return 0;
}

/* --- cpu -------------------------------------------------------------------------------------- */

static void cpu_v2(const char *text, struct cgroup_usage *u) {
    u->cpu.total_ns = cgroup_usage_keyed(text, "usage_usec") * 1000;
    u->cpu.user_ns = cgroup_usage_keyed(text, "user_usec") * 1000;
    u->cpu.kernel_ns = cgroup_usage_keyed(text, "system_usec") * 1000;
    u->cpu.periods = cgroup_usage_keyed(text, "nr_periods");
    u->cpu.throttled_periods = cgroup_usage_keyed(text, "nr_throttled");
    u->cpu.throttled_ns = cgroup_usage_keyed(text, "throttled_usec") * 1000;
    u->cpu.bursts = cgroup_usage_keyed(text, "nr_bursts");
    u->cpu.burst_ns = cgroup_usage_keyed(text, "burst_usec") * 1000;
}

/* A line per processor: "0 12 34" = number, user, kernel; the first line names the columns. */
static int cpu_each(const char *dir, struct arena *a, struct cgroup_usage *u) {
    const char *text = cgroup_usage_text(a, dir, "cpuacct.usage_all");
    size_t n = 0;

    if (!text)
        return -ENOMEM;
    for (const char *p = strchr(text, '\n'); p && p[1]; p = strchr(p + 1, '\n'))
        n++;
    n = MIN_OF(n, (size_t)USAGE_MAX_CPUS);
    uint64_t *all = arena_array(a, n, uint64_t), *user = arena_array(a, n, uint64_t),
             *kernel = arena_array(a, n, uint64_t);
    if (!all || !user || !kernel)
        return -ENOMEM;
    size_t i = 0;
    for (const char *p = strchr(text, '\n'); p && p[1] && i < n; p = strchr(p + 1, '\n'), i++) {
        const char *first = strchr(p + 1, ' ');
        const char *second = first ? strchr(first + 1, ' ') : NULL;
        user[i] = first ? digits(first) : 0;
        kernel[i] = second ? digits(second) : 0;
        all[i] = user[i] + kernel[i];
    }
    u->cpu.percpu = all;
    u->cpu.percpu_user = user;
    u->cpu.percpu_kernel = kernel;
    u->cpu.n_cpus = n;
    return 0;
}

static int cpuacct_v1(const char *dir, struct arena *a, struct cgroup_usage *u) {
    long hz = sysconf(_SC_CLK_TCK);
    uint64_t tick_ns = 1000000000U / (uint64_t)(hz > 0 ? hz : 100);
    const char *text = cgroup_usage_text(a, dir, "cpuacct.stat");

    if (!text)
        return -ENOMEM;
    u->cpu.total_ns = cgroup_usage_number(dir, "cpuacct.usage");
    u->cpu.user_ns = cgroup_usage_keyed(text, "user") * tick_ns;
    u->cpu.kernel_ns = cgroup_usage_keyed(text, "system") * tick_ns;
    return cpu_each(dir, a, u);
}

int cgroup_usage_cpu(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u) {
    int r = 0;

    if (s->v2) {
        const char *text = cgroup_usage_text(a, s->v2, "cpu.stat");
        if (!text)
            return -ENOMEM;
        cpu_v2(text, u);
        r = cgroup_usage_pressure(a, s->v2, "cpu.pressure", &u->cpu.psi);
    }
    if (r == 0 && s->ctl[CG_CPUACCT])
        r = cpuacct_v1(s->ctl[CG_CPUACCT], a, u);
    if (r == 0 && s->ctl[CG_CPU]) {
        const char *text = cgroup_usage_text(a, s->ctl[CG_CPU], "cpu.stat");
        if (!text)
            return -ENOMEM;
        u->cpu.periods = cgroup_usage_keyed(text, "nr_periods");
        u->cpu.throttled_periods = cgroup_usage_keyed(text, "nr_throttled");
        u->cpu.throttled_ns = cgroup_usage_keyed(text, "throttled_time");
        u->cpu.bursts = cgroup_usage_keyed(text, "nr_bursts");
        u->cpu.burst_ns = cgroup_usage_keyed(text, "burst_time");
    }
    return r;
}

/* --- cpuset ----------------------------------------------------------------------------------- */

/* "0-2,5" → 0 1 2 5 */
static int number_list(struct arena *a, const char *text, uint16_t **ret, size_t *n) {
    uint16_t *v = NULL;
    size_t count = 0;

    for (int pass = 0; pass < 2; pass++) {
        count = 0;
        for (const char *p = text; *p >= '0' && *p <= '9';) {
            uint64_t first = digits(p), last = first;
            p += strspn(p, "0123456789");
            if (*p == '-') {
                last = digits(++p);
                p += strspn(p, "0123456789");
            }
            for (; first <= last && last < USAGE_MAX_CPUS; first++, count++)
                if (v)
                    v[count] = (uint16_t)first;
            p += *p == ',';
        }
        if (!v && !(v = arena_array(a, count, uint16_t)))
            return -ENOMEM;
    }
    *ret = v;
    *n = count;
    return 0;
}

static int cpuset_list(struct arena *a, const char *dir, const char *file, uint16_t **ret,
                       size_t *n) {
    const char *text = cgroup_usage_text(a, dir, file);

    return text ? number_list(a, text, ret, n) : -ENOMEM;
}

int cgroup_usage_cpuset(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u) {
    const char *v1 = s->ctl[CG_CPUSET], *dir = v1 ? v1 : s->v2;

    if (!dir)
        return 0;
    int r = cpuset_list(a, dir, v1 ? "cpuset.cpus" : "cpuset.cpus.effective", &u->cpuset.cpus,
                        &u->cpuset.n_cpus);
    if (r == 0)
        r = cpuset_list(a, dir, v1 ? "cpuset.mems" : "cpuset.mems.effective", &u->cpuset.mems,
                        &u->cpuset.n_mems);
    if (r < 0 || !v1)
        return r;
    u->cpuset.cpu_exclusive = cgroup_usage_number(v1, "cpuset.cpu_exclusive");
    u->cpuset.mem_hardwall = cgroup_usage_number(v1, "cpuset.mem_hardwall");
    u->cpuset.mem_exclusive = cgroup_usage_number(v1, "cpuset.mem_exclusive");
    u->cpuset.memory_migrate = cgroup_usage_number(v1, "cpuset.memory_migrate");
    u->cpuset.memory_spread_page = cgroup_usage_number(v1, "cpuset.memory_spread_page");
    u->cpuset.memory_spread_slab = cgroup_usage_number(v1, "cpuset.memory_spread_slab");
    u->cpuset.memory_pressure = cgroup_usage_number(v1, "cpuset.memory_pressure");
    u->cpuset.sched_load_balance = cgroup_usage_number(v1, "cpuset.sched_load_balance");
    char level[32];
    if (read_word(v1, "cpuset.sched_relax_domain_level", level, sizeof(level)))
        str_to_i64(level, &u->cpuset.sched_relax_domain_level);
    return 0;
}

/* --- memory and processes --------------------------------------------------------------------- */

static int memory_raw(const char *dir, struct arena *a, struct cgroup_usage *u) {
    const char *text = cgroup_usage_text(a, dir, "memory.stat");
    size_t n = 0, lines = 0;

    if (!text)
        return -ENOMEM;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    struct cgroup_counter *v = arena_array(a, lines, struct cgroup_counter);
    if (!v)
        return -ENOMEM;
    for (const char *p = text; n < lines && *p; p += strcspn(p, "\n") + 1) {
        size_t len = strcspn(p, " \n");
        if (p[len] != ' ')
            break;
        v[n].name = arena_strndup(a, p, len);
        v[n].value = digits(p + len);
        if (!v[n++].name)
            return -ENOMEM;
    }
    u->memory.raw = v;
    u->memory.n_raw = n;
    u->memory.cache = cgroup_usage_keyed(text, "cache");
    if (u->memory.cache == 0)
        u->memory.cache = cgroup_usage_keyed(text, "file");
    return 0;
}

static struct cgroup_amount amount_v1(const char *dir, const char *kind) {
    struct cgroup_amount x;
    char file[64];

    snprintf(file, sizeof(file), "memory.%susage_in_bytes", kind);
    x.usage = cgroup_usage_number(dir, file);
    snprintf(file, sizeof(file), "memory.%smax_usage_in_bytes", kind);
    x.peak = cgroup_usage_number(dir, file);
    snprintf(file, sizeof(file), "memory.%slimit_in_bytes", kind);
    x.limit = cgroup_usage_limit(dir, file);
    snprintf(file, sizeof(file), "memory.%sfailcnt", kind);
    x.failures = cgroup_usage_number(dir, file);
    return x;
}

static int memory_v2(const char *dir, struct arena *a, struct cgroup_usage *u) {
    const char *events = cgroup_usage_text(a, dir, "memory.events");

    if (!events)
        return -ENOMEM;
    struct cgroup_amount *m = &u->memory.use, *sum = &u->memory.swap;
    m->usage = cgroup_usage_number(dir, "memory.current");
    m->peak = cgroup_usage_number(dir, "memory.peak");
    m->limit = cgroup_usage_limit(dir, "memory.max");
    m->failures = cgroup_usage_keyed(events, "max");
    sum->usage = m->usage + cgroup_usage_number(dir, "memory.swap.current");
    sum->limit = cgroup_usage_limit(dir, "memory.swap.max");
    if (m->limit == UINT64_MAX || sum->limit == UINT64_MAX)
        sum->limit = UINT64_MAX;
    else
        sum->limit += m->limit;
    u->memory.kernel.usage = cgroup_usage_keyed(cgroup_usage_text(a, dir, "memory.stat"), "kernel");
    u->memory.kernel.limit = u->memory.kernel_tcp.limit = UINT64_MAX;
    u->memory.use_hierarchy = true;
    return cgroup_usage_pressure(a, dir, "memory.pressure", &u->memory.psi);
}

int cgroup_usage_memory(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u) {
    const char *v1 = s->ctl[CG_MEMORY];
    bool v2 = !v1 && s->v2 && (s->v2_ctls & CG_BIT(CG_MEMORY));

    if (!v1 && !v2)
        return 0;
    u->memory.given = true;
    u->memory.oom_kills = cgroup_oom_kills(s);
    int r = memory_raw(v1 ? v1 : s->v2, a, u);
    if (r == 0 && v2)
        r = memory_v2(s->v2, a, u);
    if (r < 0 || !v1)
        return r;
    u->memory.use = amount_v1(v1, "");
    u->memory.swap = amount_v1(v1, "memsw.");
    u->memory.kernel = amount_v1(v1, "kmem.");
    u->memory.kernel_tcp = amount_v1(v1, "kmem.tcp.");
    u->memory.use_hierarchy = cgroup_usage_number(v1, "memory.use_hierarchy") == 1;
    return 0;
}

static int usage_pids(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u) {
    const char *dir = s->ctl[CG_PIDS] ? s->ctl[CG_PIDS] : s->v2;

    if (!dir)
        return 0;
    uint64_t limit = cgroup_usage_limit(dir, "pids.max");
    u->pids.current = cgroup_usage_number(dir, "pids.current");
    u->pids.limit = limit == UINT64_MAX ? 0 : limit;
    return 0;
}

int cgroup_usage_read(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *ret,
                      struct err *e) {
    static cgroup_usage_fn *const parts[] = {
        cgroup_usage_cpu, cgroup_usage_cpuset, cgroup_usage_memory, usage_pids,
        cgroup_usage_io,  cgroup_usage_huge,   cgroup_usage_rdma,
    };
    struct cgroup_usage u = {.cpu = {0}};
    const char *dirs[CG_COUNT + 1];

    if (cgroup_dirs(s, dirs) == 0)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT, "no statistics: this container has no cgroup");
    if (access(dirs[0], F_OK) < 0)
        return err_sys(e, "no statistics: cgroup %s", dirs[0]);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (parts[i](s, a, &u) < 0)
            return err_oom(e);
    *ret = u;
    return 0;
}
