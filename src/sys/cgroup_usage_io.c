/* SPDX-License-Identifier: Apache-2.0 */
/* Block devices, huge pages, RDMA. */
#include "base/io.h"
#include "base/str.h"
#include "sys/cgroup_usage_parts.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static size_t count_lines(const char *text) {
    size_t n = 0;

    for (const char *p = text; *p; p++)
        n += *p == '\n';
    return n + 1;
}

/* Digits at *p, which moves behind them. */
static uint64_t number_at(const char **p) {
    uint64_t v = 0;

    for (; **p >= '0' && **p <= '9'; (*p)++)
        v = v * 10 + (uint64_t)(**p - '0');
    return v;
}

/* "8:0 " at *p. */
static bool device_at(const char **p, struct cgroup_io_entry *x) {
    if (**p < '0' || **p > '9')
        return false;
    x->major = number_at(p);
    if (**p != ':')
        return false;
    (*p)++;
    x->minor = number_at(p);
    *p += strspn(*p, " ");
    return true;
}

/* --- v1: "8:0 Read 4096", or "8:0 123" without an operation
 * --------------------------------------- */

static int table_v1(const char *dir, const char *file, struct arena *a,
                    struct cgroup_io_table *ret) {
    const char *text = cgroup_usage_text(a, dir, file);
    struct cgroup_io_table t = {0};

    if (!text)
        return -ENOMEM;
    t.v = arena_array(a, count_lines(text), struct cgroup_io_entry);
    if (!t.v)
        return -ENOMEM;
    for (const char *line = text; *line; line += *line == '\n') {
        struct cgroup_io_entry x = {.op = ""};
        const char *p = line;
        line += strcspn(line, "\n");
        if (!device_at(&p, &x)) /* "Total 123" */
            continue;
        size_t op = strcspn(p, " 0123456789\n");
        if (op && !(x.op = arena_strndup(a, p, op)))
            return -ENOMEM;
        p += op;
        p += strspn(p, " ");
        x.value = number_at(&p);
        t.v[t.n++] = x;
    }
    *ret = t;
    return 0;
}

struct io_names {
    size_t offset;
    const char *file;
};
#define IO_TABLE(m) offsetof(struct cgroup_usage, io.m)

static int tables_v1(const char *dir, const struct io_names *v, size_t n, struct arena *a,
                     struct cgroup_usage *u) {
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++)
        r = table_v1(dir, v[i].file, a,
                     (struct cgroup_io_table *)(void *)((char *)u + v[i].offset));
    return r;
}

/* What the scheduler of the disks counts, else what the throttling layer does. */
static int io_v1(const char *dir, struct arena *a, struct cgroup_usage *u) {
    static const struct io_names cfq[] = {
        {IO_TABLE(sectors), "blkio.sectors_recursive"},
        {IO_TABLE(bytes), "blkio.io_service_bytes_recursive"},
        {IO_TABLE(serviced), "blkio.io_serviced_recursive"},
        {IO_TABLE(queued), "blkio.io_queued_recursive"},
        {IO_TABLE(service_time), "blkio.io_service_time_recursive"},
        {IO_TABLE(wait_time), "blkio.io_wait_time_recursive"},
        {IO_TABLE(merged), "blkio.io_merged_recursive"},
        {IO_TABLE(time), "blkio.time_recursive"},
    };
    static const struct io_names bfq[] = {
        {IO_TABLE(sectors), "blkio.bfq.sectors_recursive"},
        {IO_TABLE(bytes), "blkio.bfq.io_service_bytes_recursive"},
        {IO_TABLE(serviced), "blkio.bfq.io_serviced_recursive"},
        {IO_TABLE(queued), "blkio.bfq.io_queued_recursive"},
        {IO_TABLE(service_time), "blkio.bfq.io_service_time_recursive"},
        {IO_TABLE(wait_time), "blkio.bfq.io_wait_time_recursive"},
        {IO_TABLE(merged), "blkio.bfq.io_merged_recursive"},
        {IO_TABLE(time), "blkio.bfq.time_recursive"},
    };
    static const struct io_names throttle[] = {
        {IO_TABLE(bytes), "blkio.throttle.io_service_bytes_recursive"},
        {IO_TABLE(serviced), "blkio.throttle.io_serviced_recursive"},
    };
    int r = tables_v1(dir, cfq, ARRAY_SIZE(cfq), a, u);

    if (r == 0 && u->io.serviced.n == 0)
        r = tables_v1(dir, bfq, ARRAY_SIZE(bfq), a, u);
    if (r == 0 && u->io.serviced.n == 0)
        r = tables_v1(dir, throttle, ARRAY_SIZE(throttle), a, u);
    return r;
}

/* --- v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …"
 * --------------------------------------------------- */

static void add_v2(struct cgroup_io_table *t, const struct cgroup_io_entry *device,
                   const char *line, size_t len, const char *key, const char *op) {
    const char *p = memmem(line, len, key, strlen(key));
    struct cgroup_io_entry x = *device;

    if (!p || (p != line && p[-1] != ' '))
        return;
    p += strlen(key);
    x.op = op;
    x.value = number_at(&p);
    t->v[t->n++] = x;
}

static int io_v2(const char *dir, struct arena *a, struct cgroup_usage *u) {
    const char *text = cgroup_usage_text(a, dir, "io.stat");

    if (!text)
        return -ENOMEM;
    u->io.bytes.v = arena_array(a, 2 * count_lines(text), struct cgroup_io_entry);
    u->io.serviced.v = arena_array(a, 2 * count_lines(text), struct cgroup_io_entry);
    if (!u->io.bytes.v || !u->io.serviced.v)
        return -ENOMEM;
    for (const char *line = text; *line; line += *line == '\n') {
        struct cgroup_io_entry x = {0};
        const char *p = line;
        line += strcspn(line, "\n");
        if (!device_at(&p, &x))
            continue;
        size_t len = (size_t)(line - p);
        add_v2(&u->io.bytes, &x, p, len, "rbytes=", "Read");
        add_v2(&u->io.bytes, &x, p, len, "wbytes=", "Write");
        add_v2(&u->io.serviced, &x, p, len, "rios=", "Read");
        add_v2(&u->io.serviced, &x, p, len, "wios=", "Write");
    }
    return cgroup_usage_pressure(a, dir, "io.pressure", &u->io.psi);
}

int cgroup_usage_io(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u) {
    if (s->ctl[CG_IO])
        return io_v1(s->ctl[CG_IO], a, u);
    return s->v2 ? io_v2(s->v2, a, u) : 0;
}

/* --- huge pages: a file per size
 * -------------------------------------------------------------------- */

static int huge_one(const char *dir, const char *name, const char *tail, struct arena *a,
                    struct cgroup_huge *ret) {
    char *size = arena_strndup(a, name + 8, strlen(name) - 8 - strlen(tail));
    bool v1 = tail[1] == 'u';
    char *peak = arena_printf(a, "hugetlb.%s.max_usage_in_bytes", size ? size : "");
    char *fail = arena_printf(a, v1 ? "hugetlb.%s.failcnt" : "hugetlb.%s.events", size ? size : "");

    if (!size || !peak || !fail)
        return -ENOMEM;
    *ret = (struct cgroup_huge){.size = size, .usage = cgroup_usage_number(dir, name)};
    if (v1) {
        ret->peak = cgroup_usage_number(dir, peak);
        ret->failures = cgroup_usage_number(dir, fail);
        return 0;
    }
    const char *events = cgroup_usage_text(a, dir, fail);
    ret->failures = events ? cgroup_usage_keyed(events, "max") : 0;
    return events ? 0 : -ENOMEM;
}

int cgroup_usage_huge(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u) {
    enum { SIZES = 16 };
    const char *v1 = s->ctl[CG_HUGETLB], *dir = v1 ? v1 : s->v2;
    const char *tail = v1 ? ".usage_in_bytes" : ".current";
    DIR *d = dir ? opendir(dir) : NULL;
    int r = 0;

    if (!d)
        return 0;
    u->huge = arena_array(a, SIZES, struct cgroup_huge);
    if (!u->huge)
        r = -ENOMEM;
    for (struct dirent *x; r == 0 && u->n_huge < SIZES && (x = readdir(d));) {
        const char *name = x->d_name;
        if (!str_starts(name, "hugetlb.") || !str_ends(name, tail) || strstr(name, ".rsvd.") ||
            strstr(name, ".max_usage"))
            continue;
        r = huge_one(dir, name, tail, a, &u->huge[u->n_huge]);
        u->n_huge += r == 0;
    }
    closedir(d);
    return r;
}

/* --- RDMA: "mlx4_0 hca_handle=2 hca_object=2000"
 * ------------------------------------------------------ */

static uint64_t rdma_value(const char *line, size_t len, const char *key) {
    const char *p = memmem(line, len, key, strlen(key));

    if (!p)
        return 0;
    p += strlen(key);
    return *p == 'm' ? UINT64_MAX : number_at(&p);
}

static const char *rdma_line(const char *text, const char *device, size_t n) {
    for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
        if (strncmp(p, device, n) == 0 && p[n] == ' ')
            return p;
    return "";
}

int cgroup_usage_rdma(const struct cgroup_set *s, struct arena *a, struct cgroup_usage *u) {
    const char *dir = s->ctl[CG_RDMA] ? s->ctl[CG_RDMA] : s->v2;
    const char *now = dir ? cgroup_usage_text(a, dir, "rdma.current") : "";
    const char *max = dir ? cgroup_usage_text(a, dir, "rdma.max") : "";

    if (!now || !max)
        return -ENOMEM;
    u->rdma = arena_array(a, count_lines(now), struct cgroup_rdma);
    if (!u->rdma)
        return -ENOMEM;
    for (const char *p = now; *p; p += *p == '\n') {
        size_t len = strcspn(p, "\n"), name = strcspn(p, " \n");
        const char *limits = rdma_line(max, p, name);
        size_t limits_len = strcspn(limits, "\n");
        struct cgroup_rdma *r = &u->rdma[u->n_rdma];
        *r = (struct cgroup_rdma){
            .device = arena_strndup(a, p, name),
            .handles = rdma_value(p, len, "hca_handle="),
            .objects = rdma_value(p, len, "hca_object="),
            .max_handles = rdma_value(limits, limits_len, "hca_handle="),
            .max_objects = rdma_value(limits, limits_len, "hca_object="),
        };
        if (!r->device)
            return -ENOMEM;
        u->n_rdma += name > 0;
        p += len;
    }
    return 0;
}
