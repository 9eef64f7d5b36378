/* SPDX-License-Identifier: Apache-2.0 */
/* Which groups a machine gets, and where; cgroup_limits*.c know what goes into their files. */
#include "machine/container/cgroup_plan.h"

#include "base/str.h"
#include "machine/container/cgroup_limits.h"

#include <string.h>

static const char *limit_word(enum cgroup_ctl ctl) {
    static const char *const words[CG_COUNT] = {
        [CG_CPU] = "CPU time",
        [CG_CPUSET] = "the CPUs",
        [CG_MEMORY] = "memory",
        [CG_PIDS] = "the number of processes",
        [CG_IO] = "block I/O",
        [CG_HUGETLB] = "huge pages",
        [CG_NET_CLS] = "the network class",
        [CG_NET_PRIO] = "network priorities",
        [CG_RDMA] = "RDMA",
    };

    return words[ctl] ? words[ctl] : cgroup_ctl_name(ctl, false);
}

static enum cgroup_ctl first_of(uint32_t ctls) {
    int c = 0;

    while (c < CG_COUNT - 1 && !(ctls & CG_BIT(c)))
        c++;
    return (enum cgroup_ctl)c;
}

/* Why the limits of these controllers cannot be kept on this host, and what helps. */
static int cannot_limit(const struct cgroup_layout *l, uint32_t missing, struct err *e) {
    enum cgroup_ctl ctl = first_of(missing);
    bool v2;
    const struct cgroup_hierarchy *h = cgroup_layout_find(l, ctl, &v2);
    const char *what = limit_word(ctl);

    if (h && !v2)
        return err_set(e, ERR_DENIED, -EACCES,
                       "cannot limit %s: no cgroup write access: %s (cgroup v1) is not yours; run "
                       "as root, or use a host with cgroup v2",
                       what, h->base);
    if (h)
        return err_set(e, ERR_DENIED, -EACCES,
                       "cannot limit %s: no cgroup write access: %s is not yours; run as root, or "
                       "in a group delegated to you: systemd-run --user --scope -p Delegate=yes "
                       "hako …",
                       what, h->base);
    if (l->kind == CGROUP_V2)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                       "cannot limit %s: controller %s is not delegated to %s; as root: systemctl "
                       "edit user@.service, and add [Service] Delegate=cpu cpuset io memory pids",
                       what, cgroup_ctl_name(ctl, true), l->v2.base);
    return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                   "cannot limit %s: this host has no cgroup controller %s", what,
                   cgroup_ctl_name(ctl, false));
}

static int check_path(const char *path, struct err *e) {
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if ((n == 2 && p[0] == '.' && p[1] == '.') || (n == 1 && p[0] == '.') || n > 200)
            return err_set(e, ERR_USAGE, -EINVAL, "linux.cgroupsPath: \"%.200s\" is not a path",
                           path);
        p += n + (p[n] == '/');
    }
    return 0;
}

/* Beneath what a path is meant: an absolute one beneath the mount point, where that is allowed. */
static const char *base_of(const struct cgroup_hierarchy *h, const char *path) {
    return path[0] == '/' && h->mount_writable ? h->mount : h->base;
}

/* Absolute directory of the machine's group in one hierarchy; NULL without memory. */
static const char *place(struct cgroup_build *b, const char *base, const char *path) {
    path += strspn(path, "/");
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    return arena_printf(b->a, "%s/%.*s", base, (int)n, path);
}

static bool usable(const struct cgroup_hierarchy *h, const char *path) {
    return h->writable || (path[0] == '/' && h->mount_writable);
}

static int add_join(struct cgroup_build *b, const char *dir, struct err *e) {
    if (!b->plan.join)
        b->plan.join = arena_array(b->a, CG_COUNT, const char *);
    if (!b->plan.join)
        return err_oom(e);
    b->plan.join[b->plan.n_join++] = dir;
    return 0;
}

/* A v1 cpuset is empty at every new level, so every level is filled before the next one. */
static int make_cpuset(struct cgroup_build *b, const char *base, const char *dir, struct err *e) {
    for (const char *p = dir + strlen(base) + 1; p;) {
        p = strchr(p, '/');
        char *level = p ? arena_strndup(b->a, dir, (size_t)(p - dir)) : arena_strdup(b->a, dir);
        if (!level)
            return err_oom(e);
        int r = cgroup_limits_add(b, &(struct cgroup_op){.kind = CGROUP_OP_MKDIR, .dir = level}, e);
        if (r == 0)
            r = cgroup_limits_add(b, &(struct cgroup_op){.kind = CGROUP_OP_CPUSET, .dir = level},
                                  e);
        if (r < 0)
            return r;
        p = p ? p + 1 : NULL;
    }
    return 0;
}

/* One v1 hierarchy, with all of its controllers that are wanted. */
static int build_v1(struct cgroup_build *b, const struct cgroup_hierarchy *h, const char *path,
                    struct err *e) {
    const char *base = base_of(h, path), *dir = place(b, base, path);
    int r = 0;

    if (!dir)
        return err_oom(e);
    if (!b->update && (h->ctls & CG_BIT(CG_CPUSET)))
        r = make_cpuset(b, base, dir, e);
    else if (!b->update)
        r = cgroup_limits_add(b, &(struct cgroup_op){.kind = CGROUP_OP_MKDIR, .dir = dir}, e);
    for (int c = 0; c < CG_COUNT && r == 0; c++) {
        if (!(h->ctls & CG_BIT(c)))
            continue;
        b->plan.set.ctl[c] = dir;
        if (c != CG_DEVICES || b->layout->can_make_devices)
            r = cgroup_limits_v1(b, (enum cgroup_ctl)c, dir, e);
    }
    return r == 0 ? add_join(b, dir, e) : r;
}

/* "+cpu +memory" */
static const char *enable_words(struct arena *a, uint32_t ctls) {
    AUTO_STR struct str s = STR_INIT(256);

    for (int c = 0; c < CG_COUNT; c++)
        if ((ctls & CG_BIT(c)) &&
            str_addf(&s, "%s+%s", s.len ? " " : "", cgroup_ctl_name((enum cgroup_ctl)c, true)) < 0)
            return NULL;
    return arena_strdup(a, str_c(&s));
}

static int enable(struct cgroup_build *b, const char *dir, uint32_t ctls, bool optional,
                  struct err *e) {
    if (ctls == 0)
        return 0;
    const char *words = enable_words(b->a, ctls);
    if (!words)
        return err_oom(e);
    return cgroup_limits_add(
        b,
        &(struct cgroup_op){
            .kind = CGROUP_OP_ENABLE, .dir = dir, .value = words, .optional = optional},
        e);
}

/* Hand controllers down from base to dir, making every level. */
static int make_v2(struct cgroup_build *b, const struct cgroup_hierarchy *h, const char *base,
                   const char *dir, uint32_t need, uint32_t nice, struct err *e) {
    uint32_t have = base == h->base ? h->enabled : 0;
    int r = 0;

    if (h->leaf && base == h->base && ((need | nice) & ~have))
        r = cgroup_limits_add(b, &(struct cgroup_op){.kind = CGROUP_OP_LEAF, .dir = base}, e);
    for (const char *level = base; r == 0;) {
        r = enable(b, level, need & ~have, false, e);
        if (r == 0)
            r = enable(b, level, nice & ~have, true, e);
        have = 0;
        if (r < 0)
            break;
        const char *end = strchr(dir + strlen(level) + 1, '/');
        level = end ? arena_strndup(b->a, dir, (size_t)(end - dir)) : dir;
        if (!level)
            return err_oom(e);
        r = cgroup_limits_add(b, &(struct cgroup_op){.kind = CGROUP_OP_MKDIR, .dir = level}, e);
        if (!end)
            break;
    }
    return r;
}

static int build_v2(struct cgroup_build *b, const char *path, uint32_t need, uint32_t nice,
                    struct err *e) {
    const struct cgroup_hierarchy *h = &b->layout->v2;
    const char *base = base_of(h, path), *dir = place(b, base, path);
    int r;

    if (!dir)
        return err_oom(e);
    nice &= h->ctls & ~need;
    if (b->update) /* a controller that no limit needed before */
        r = enable(b, base, base == h->base ? need & ~h->enabled : need, false, e);
    else
        r = make_v2(b, h, base, dir, need, nice, e);
    for (int c = 0; c < CG_COUNT && r == 0; c++)
        if ((need | nice) & CG_BIT(c))
            r = cgroup_limits_v2(b, (enum cgroup_ctl)c, dir, e);
    if (r == 0)
        r = cgroup_limits_unified(b, dir, need | nice, e);
    if (r == 0 && b->r->n_devices && b->layout->v2_bpf_devices && !b->plan.set.ctl[CG_DEVICES])
        r = cgroup_limits_devices_v2(b, dir, e);
    b->plan.set.v2 = dir;
    b->plan.set.v2_ctls = need | nice;
    return r;
}

/* Controllers that a unified map names. */
static uint32_t unified_needs(const struct rt_resources *r, uint32_t available) {
    uint32_t needs = 0;

    for (size_t i = 0; i < r->n_unified; i++)
        for (int c = 0; c < CG_COUNT; c++) {
            const char *name = cgroup_ctl_name((enum cgroup_ctl)c, true);
            size_t n = strlen(name);
            if (strncmp(r->unified[i].key, name, n) == 0 && r->unified[i].key[n] == '.')
                needs |= CG_BIT(c) & available;
        }
    return needs;
}

/* What a box joins without being asked: accounting, the means to end it, and on v2, where it costs
 * nothing, what `update` may want later. Next to a v2 tree, v1 needs no freezer and no cpuacct.
 * v1's cpu is only for those who ask: a process that enters it goes to the end of the run queue,
 * which on a busy host is a whole time slice (4 ms measured). */
static uint32_t defaults(const struct cgroup_layout *l, const struct rt_resources *r, bool v2) {
    uint32_t nice = CG_BIT(CG_PIDS) | CG_BIT(CG_MEMORY);

    if (l->kind == CGROUP_V2)
        nice |= CG_BIT(CG_CPU);
    if (!v2)
        nice |= CG_BIT(CG_CPUACCT) | CG_BIT(CG_FREEZER);
    if (l->can_make_devices && r->n_devices)
        nice |= CG_BIT(CG_DEVICES);
    return nice;
}

static int build(struct cgroup_build *b, const char *path, struct err *e) {
    const struct cgroup_layout *l = b->layout;
    uint32_t need = cgroup_limits_needs(b->r), got = 0;
    bool v2 = l->has_v2 && usable(&l->v2, path);
    uint32_t nice = defaults(l, b->r, v2);
    int r = 0;

    if (b->r->n_unified && l->kind != CGROUP_V2)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "linux.resources.unified: this host has no cgroup v2 controllers");
    for (size_t i = 0; i < l->n_v1 && r == 0; i++) {
        const struct cgroup_hierarchy *h = &l->v1[i];
        if (!(h->ctls & (need | nice)) || !usable(h, path))
            continue;
        r = build_v1(b, h, path, e);
        got |= h->ctls;
    }
    if (r == 0 && v2) {
        uint32_t rest = (need & ~got) | unified_needs(b->r, l->v2.ctls);
        got |= l->v2.ctls;
        if ((need & ~got) == 0)
            r = build_v2(b, path, rest, nice, e);
    }
    if (r == 0 && (need & ~got))
        r = cannot_limit(l, need & ~got, e);
    return r;
}

static int run(const struct cgroup_layout *layout, const struct rt_resources *r, const char *path,
               bool update, struct arena *a, struct cgroup_plan *ret, struct err *e) {
    static const struct cgroup_layout nothing = {.kind = CGROUP_NONE};
    struct cgroup_build b = {
        .layout = layout ? layout : &nothing, .r = r, .a = a, .update = update};

    if (str_empty(path) || path[strspn(path, "/")] == '\0') {
        uint32_t need = cgroup_limits_needs(r);
        if (need)
            return err_set(e, ERR_USAGE, -EINVAL, "linux.cgroupsPath: missing, but limits are set");
        *ret = b.plan;
        return 0;
    }
    int rc = check_path(path, e);
    if (rc == 0)
        rc = build(&b, path, e);
    if (rc == 0)
        *ret = b.plan;
    return rc;
}

int cgroup_plan_build(const struct cgroup_layout *layout, const struct rt_resources *r,
                      const char *path, struct arena *a, struct cgroup_plan *ret, struct err *e) {
    return run(layout, r, path, false, a, ret, e);
}

int cgroup_plan_update(const struct cgroup_layout *layout, const struct rt_resources *r,
                       const char *path, struct arena *a, struct cgroup_plan *ret, struct err *e) {
    return run(layout, r, path, true, a, ret, e);
}
