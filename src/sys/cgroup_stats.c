/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a machine's groups, v1 or v2, in one unit. */
#include "base/io.h"
#include "base/str.h"
#include "sys/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Whole file, bounded; empty string when missing. */
static const char *slurp(const char *dir, const char *file, char *buf, size_t size) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    buf[0] = '\0';
    if (n < 0 || (size_t)n >= sizeof(path))
        return buf;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t k = fd < 0 ? -1 : io_read_full(fd, buf, size - 1);
    buf[k < 0 ? 0 : k] = '\0';
    return buf;
}

/* Digits at p; what follows is not our concern. */
static uint64_t leading_number(const char *p) {
    uint64_t v = 0;

    for (; *p >= '0' && *p <= '9'; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    return v;
}

/* "max" and v1's huge page-rounded number mean no limit. */
static uint64_t limit_of(const char *text) {
    uint64_t v = leading_number(text);

    return text[0] < '0' || text[0] > '9' || v >= (uint64_t)INT64_MAX / 4096 * 4096 ? UINT64_MAX
                                                                                    : v;
}

/* N of the line "key N". */
static uint64_t keyed(const char *text, const char *key) {
    size_t len = strlen(key);

    for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
        if (strncmp(p, key, len) == 0 && p[len] == ' ')
            return leading_number(p + len + 1);
    return 0;
}

/* v2 "8:0 rbytes=1 wbytes=2 …" or v1 "8:0 Read 1": sums over devices. */
static uint64_t io_sum(const char *text, const char *key) {
    uint64_t sum = 0;

    for (const char *p = text; (p = strstr(p, key)); p += strlen(key))
        if (p != text && p[-1] == ' ')
            sum += leading_number(p + strlen(key));
    return sum;
}

static uint64_t number(const char *dir, const char *file) {
    char buf[64];

    return leading_number(slurp(dir, file, buf, sizeof(buf)));
}

static uint64_t limit(const char *dir, const char *file) {
    char buf[64];

    slurp(dir, file, buf, sizeof(buf));
    return buf[0] ? limit_of(buf) : UINT64_MAX;
}

static void stats_v2(const struct cgroup_set *s, struct cgroup_stats *st) {
    char buf[8192];

    slurp(s->v2, "cpu.stat", buf, sizeof(buf));
    st->cpu_ns = keyed(buf, "usage_usec") * 1000;
    st->cpu_user_ns = keyed(buf, "user_usec") * 1000;
    st->cpu_system_ns = keyed(buf, "system_usec") * 1000;
    st->throttled_ns = keyed(buf, "throttled_usec") * 1000;
    st->throttled_periods = keyed(buf, "nr_throttled");
    if (!s->ctl[CG_MEMORY]) {
        st->memory_usage = number(s->v2, "memory.current");
        st->memory_limit = limit(s->v2, "memory.max");
        st->memory_swap = number(s->v2, "memory.swap.current");
        uint64_t cache = keyed(slurp(s->v2, "memory.stat", buf, sizeof(buf)), "inactive_file");
        st->memory_bytes = st->memory_usage > cache ? st->memory_usage - cache : 0;
    }
    if (!s->ctl[CG_PIDS]) {
        st->pids = number(s->v2, "pids.current");
        st->pids_limit = limit(s->v2, "pids.max");
    }
    slurp(s->v2, "io.stat", buf, sizeof(buf));
    st->io_read_bytes = io_sum(buf, "rbytes=");
    st->io_write_bytes = io_sum(buf, "wbytes=");
}

static void stats_v1_memory(const char *dir, struct cgroup_stats *st) {
    char buf[8192];

    st->memory_usage = number(dir, "memory.usage_in_bytes");
    st->memory_limit = limit(dir, "memory.limit_in_bytes");
    uint64_t with_swap = number(dir, "memory.memsw.usage_in_bytes");
    st->memory_swap = with_swap > st->memory_usage ? with_swap - st->memory_usage : 0;
    uint64_t cache = keyed(slurp(dir, "memory.stat", buf, sizeof(buf)), "total_inactive_file");
    st->memory_bytes = st->memory_usage > cache ? st->memory_usage - cache : 0;
}

static void stats_v1(const struct cgroup_set *s, struct cgroup_stats *st) {
    char buf[8192];

    if (s->ctl[CG_CPUACCT] && !s->v2) {
        long hz = sysconf(_SC_CLK_TCK);
        uint64_t tick_ns = 1000000000U / (uint64_t)(hz > 0 ? hz : 100);
        st->cpu_ns = number(s->ctl[CG_CPUACCT], "cpuacct.usage");
        slurp(s->ctl[CG_CPUACCT], "cpuacct.stat", buf, sizeof(buf));
        st->cpu_user_ns = keyed(buf, "user") * tick_ns;
        st->cpu_system_ns = keyed(buf, "system") * tick_ns;
    }
    if (s->ctl[CG_CPU]) {
        slurp(s->ctl[CG_CPU], "cpu.stat", buf, sizeof(buf));
        st->throttled_periods = keyed(buf, "nr_throttled");
        st->throttled_ns = keyed(buf, "throttled_time");
    }
    if (s->ctl[CG_MEMORY])
        stats_v1_memory(s->ctl[CG_MEMORY], st);
    if (s->ctl[CG_PIDS]) {
        st->pids = number(s->ctl[CG_PIDS], "pids.current");
        st->pids_limit = limit(s->ctl[CG_PIDS], "pids.max");
    }
    if (s->ctl[CG_IO]) {
        slurp(s->ctl[CG_IO], "blkio.throttle.io_service_bytes_recursive", buf, sizeof(buf));
        st->io_read_bytes = io_sum(buf, "Read ");
        st->io_write_bytes = io_sum(buf, "Write ");
    }
}

int cgroup_stats(const struct cgroup_set *s, struct cgroup_stats *ret, struct err *e) {
    struct cgroup_stats st = {.memory_limit = UINT64_MAX, .pids_limit = UINT64_MAX};
    bool any = s->v2 != NULL;

    for (int c = 0; c < CG_COUNT; c++)
        any = any || s->ctl[c];
    if (!any)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT, "no statistics: this box has no cgroup");
    if (s->v2)
        stats_v2(s, &st);
    stats_v1(s, &st);
    st.oom_kills = cgroup_oom_kills(s);
    *ret = st;
    return 0;
}

uint64_t cgroup_oom_kills(const struct cgroup_set *s) {
    char buf[512];

    if (s->ctl[CG_MEMORY])
        return keyed(slurp(s->ctl[CG_MEMORY], "memory.oom_control", buf, sizeof(buf)), "oom_kill");
    if (s->v2)
        return keyed(slurp(s->v2, "memory.events", buf, sizeof(buf)), "oom_kill");
    return 0;
}
