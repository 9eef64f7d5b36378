/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/cgroup_update.h"

#include "base/io.h"
#include "base/str.h"
#include "sys/bpf_device.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* --- what stands ------------------------------------------------------------------------------ */

static int read_word(const char *dir, const char *file, char *buf, size_t size) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    return io_read_line(AT_FDCWD, path, buf, size);
}

/* The first number of a file; "max", "-1" and v1's page-rounded maximum are -1. */
static struct rt_opt_i64 read_limit(const char *dir, const char *file) {
    struct rt_opt_i64 ret = {.given = false};
    char buf[64];
    uint64_t v;

    if (read_word(dir, file, buf, sizeof(buf)) < 0)
        return ret;
    buf[strcspn(buf, " ")] = '\0';
    ret.given = true;
    ret.v = str_to_u64(buf, &v) < 0 || v >= (uint64_t)INT64_MAX / 4096 * 4096 ? -1 : (int64_t)v;
    return ret;
}

static uint64_t read_number(const char *dir, const char *file) {
    struct rt_opt_i64 v = read_limit(dir, file);

    return v.given && v.v > 0 ? (uint64_t)v.v : 0;
}

/* cpu.max: "max 100000" */
static uint64_t read_period(const char *dir) {
    char buf[64];
    uint64_t v;

    if (read_word(dir, "cpu.max", buf, sizeof(buf)) < 0)
        return 0;
    const char *gap = strchr(buf, ' ');
    return gap && str_to_u64(gap + 1, &v) == 0 ? v : 0;
}

int cgroup_update_read(const struct cgroup_set *set, struct cgroup_now *ret, struct err *e) {
    struct cgroup_now now = {0};
    const char *memory = set->ctl[CG_MEMORY], *cpu = set->ctl[CG_CPU];

    if (memory) {
        now.memory = read_limit(memory, "memory.limit_in_bytes");
        now.swap = read_limit(memory, "memory.memsw.limit_in_bytes");
        now.memory_usage = read_number(memory, "memory.usage_in_bytes");
        now.memory_peak = read_number(memory, "memory.max_usage_in_bytes");
    } else if (set->v2) {
        now.memory = read_limit(set->v2, "memory.max");
        now.swap = read_limit(set->v2, "memory.swap.max");
        now.memory_usage = read_number(set->v2, "memory.current");
        now.memory_peak = read_number(set->v2, "memory.peak");
    }
    now.has_swap = now.swap.given;
    if (cpu) {
        now.quota = read_limit(cpu, "cpu.cfs_quota_us");
        now.period.v = read_number(cpu, "cpu.cfs_period_us");
    } else if (set->v2) {
        now.quota = read_limit(set->v2, "cpu.max");
        now.period.v = read_period(set->v2);
    }
    now.period.given = now.period.v != 0;
    *ret = now;
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

struct undo {
    const struct cgroup_op *op;
    char *old; /* NULL: cannot be taken back by writing what was read */
};

struct update {
    const struct cgroup_set *set;
    const struct cgroup_now *now;
    struct arena *a;
    bool *done;
    struct undo *undo;
    size_t n_undo;
};

/* Files that hold one value, which can be written as it was read. */
static bool single_value(const char *file) {
    return !str_starts(file, "blkio.") && !str_starts(file, "io.") &&
           !str_starts(file, "devices.") && !str_starts(file, "rdma.") &&
           !str_starts(file, "net_prio.") && strcmp(file, "memory.oom_control") != 0;
}

static int write_op(struct update *u, const struct cgroup_op *op, struct err *e) {
    char old[256] = "";
    bool keep = single_value(op->file) && read_word(op->dir, op->file, old, sizeof(old)) == 0;

    if (keep && strcmp(old, op->value) == 0)
        return 0;
    int r = cgroup_write(op->dir, op->file, op->value, e);
    if (r == -EBUSY && str_eq(op->json, "linux.resources.memory.limit"))
        err_set(e, ERR_CONFLICT, r,
                "unable to set memory limit to %s (current usage: %llu, peak usage: %llu)",
                op->value, (unsigned long long)u->now->memory_usage,
                (unsigned long long)u->now->memory_peak);
    if (r < 0)
        return op->json ? err_wrap(e, "%s", op->json) : r;
    u->undo[u->n_undo++] = (struct undo){op, keep ? arena_strdup(u->a, old) : NULL};
    return 0;
}

static int do_op(struct update *u, const struct cgroup_op *op, struct err *e) {
    if (op->kind == CGROUP_OP_DEVICES)
        return bpf_device_replace(op->dir, op->bytes, op->len, e);
    return write_op(u, op, e);
}

/* One turn over what is not done yet. *again: something the kernel refused may pass later. */
static int write_turn(struct update *u, const struct cgroup_plan *p, bool *progress, bool *again,
                      struct err *first, struct err *e) {
    *progress = *again = false;
    for (size_t i = 0; i < p->n; i++) {
        struct err one = {0};
        if (u->done[i])
            continue;
        int r = do_op(u, &p->v[i], &one);
        bool later = r == -EINVAL || r == -EBUSY, optional = p->v[i].optional;
        u->done[i] = !later;
        *progress = *progress || r == 0;
        if (r == 0 || (optional && !later))
            continue;
        if (!later) {
            *e = one;
            return r;
        }
        *again = *again || !optional;
        if (first->code == 0 && !optional)
            *first = one;
    }
    return 0;
}

/* The kernel refuses values that do not fit those which are still to come (swap below memory, a
 * period too short for the old quota, a burst above the quota): they get another turn as long as
 * others succeed. */
static int write_all(struct update *u, const struct cgroup_plan *p, struct err *e) {
    for (;;) {
        struct err first = {0};
        bool progress, again;
        int r = write_turn(u, p, &progress, &again, &first, e);
        if (r < 0 || !again)
            return r;
        if (!progress) {
            *e = first;
            return first.code;
        }
    }
}

static void take_back(struct update *u) {
    /* twice: the way back has an order too */
    for (int round = 0; round < 2; round++)
        for (size_t i = u->n_undo; i-- > 0;) {
            struct err ignored = {0};
            if (u->undo[i].old)
                cgroup_write(u->undo[i].op->dir, u->undo[i].op->file, u->undo[i].old, &ignored);
        }
}

/* v1 device rules are taken away before they are given anew: nobody may look meanwhile. */
static bool must_freeze(const struct cgroup_set *set, const struct rt_resources *r) {
    return r->n_devices > 0 && set->ctl[CG_DEVICES];
}

int cgroup_update(const struct cgroup_set *set, const struct rt_resources *r, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct cgroup_now now;
    struct cgroup_plan plan;
    struct err ignored = {0};
    bool frozen = false;

    if (!a)
        return err_oom(e);
    int rc = cgroup_update_read(set, &now, e);
    if (rc == 0)
        rc = cgroup_plan_update(set, &now, r, a, &plan, e);
    if (rc < 0)
        return rc;
    struct update u = {.set = set,
                       .now = &now,
                       .a = a,
                       .done = arena_array(a, plan.n, bool),
                       .undo = arena_array(a, plan.n, struct undo)};
    if (!u.done || !u.undo)
        return err_oom(e);
    if (must_freeze(set, r) && !cgroup_is_frozen(set))
        frozen = cgroup_freeze(set, true, &ignored) == 0;
    rc = write_all(&u, &plan, e);
    if (rc < 0)
        take_back(&u);
    if (frozen)
        cgroup_freeze(set, false, &ignored);
    return rc;
}
