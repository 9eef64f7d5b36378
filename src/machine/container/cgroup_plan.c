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

/* Is an absolute path one in our own part of the tree? */
static bool in_base(const struct cgroup_hierarchy *h, const char *path) {
    size_t mount = strlen(h->mount), base = strlen(h->base);

    return h->writable && base > mount && str_starts(path, h->base + mount) &&
           path[base - mount] == '/';
}

/* Absolute directory of the machine's group in one hierarchy, and the one beneath which its levels
 * are ours to make. An absolute path is meant from the mount point, where that is allowed. */
struct place {
    const char *base, *dir;
};

static int find_place(const struct cgroup_build *b, const struct cgroup_hierarchy *h,
                      const char *path, struct place *ret, struct err *e) {
    struct place p = {.base = h->base};
    const char *from = h->base;

    if (path[0] == '/' && (h->mount_writable || (b->flags & PLAN_CGROUP_UNIT)))
        p.base = from = h->mount;
    else if (path[0] == '/' && in_base(h, path))
        from = h->mount;
    path += strspn(path, "/");
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    p.dir = arena_printf(b->a, "%s/%.*s", from, (int)n, path);
    if (!p.dir)
        return err_oom(e);
    *ret = p;
    return 0;
}

static bool usable(const struct cgroup_build *b, const struct cgroup_hierarchy *h,
                   const char *path) {
    if (b->flags & PLAN_CGROUP_UNIT)
        return true;
    if (path[0] == '/' && (b->flags & PLAN_CGROUP_ASKED))
        return h->mount_writable || in_base(h, path);
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
    struct place p;
    int r = find_place(b, h, path, &p, e);

    if (r < 0)
        return r;
    if (h->ctls & CG_BIT(CG_CPUSET))
        r = make_cpuset(b, p.base, p.dir, e);
    else
        r = cgroup_limits_add(b, &(struct cgroup_op){.kind = CGROUP_OP_MKDIR, .dir = p.dir}, e);
    for (int c = 0; c < CG_COUNT && r == 0; c++) {
        if (!(h->ctls & CG_BIT(c)))
            continue;
        b->plan.set.ctl[c] = p.dir;
        if (c != CG_DEVICES || b->layout->can_make_devices)
            r = cgroup_limits_v1(b, (enum cgroup_ctl)c, p.dir, e);
    }
    return r == 0 ? add_join(b, p.dir, e) : r;
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

/* The files of one v2 group. */
static int fill_v2(struct cgroup_build *b, const char *dir, uint32_t ctls, struct err *e) {
    int r = 0;

    for (int c = 0; c < CG_COUNT && r == 0; c++)
        if (ctls & CG_BIT(c))
            r = cgroup_limits_v2(b, (enum cgroup_ctl)c, dir, e);
    return r == 0 ? cgroup_limits_unified(b, dir, ctls, e) : r;
}

static int build_v2(struct cgroup_build *b, const char *path, uint32_t need, uint32_t nice,
                    struct err *e) {
    const struct cgroup_hierarchy *h = &b->layout->v2;
    bool theirs = (b->flags & PLAN_CGROUP_UNIT) && !h->mount_writable;
    struct place p;
    int r = find_place(b, h, path, &p, e);

    if (r < 0)
        return r;
    nice &= h->ctls & ~need;
    if (theirs) /* systemd has handed the controllers down as far as it may */
        r = cgroup_limits_add(b, &(struct cgroup_op){.kind = CGROUP_OP_MKDIR, .dir = p.dir}, e);
    else
        r = make_v2(b, h, p.base, p.dir, need, nice, e);
    if (r == 0)
        r = fill_v2(b, p.dir, need | nice, e);
    if (r == 0 && cgroup_devices_any(b) && b->layout->v2_bpf_devices &&
        !b->plan.set.ctl[CG_DEVICES])
        r = cgroup_devices_v2(b, p.dir, e);
    b->plan.set.v2 = p.dir;
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
static uint32_t defaults(const struct cgroup_build *b, bool v2) {
    uint32_t nice = CG_BIT(CG_PIDS) | CG_BIT(CG_MEMORY);

    if (b->flags & PLAN_CGROUP_ALL)
        return CG_BIT(CG_COUNT) - 1;
    if (b->layout->kind == CGROUP_V2)
        nice |= CG_BIT(CG_CPU);
    if (!v2)
        nice |= CG_BIT(CG_CPUACCT) | CG_BIT(CG_FREEZER);
    if (b->layout->can_make_devices && cgroup_devices_any(b))
        nice |= CG_BIT(CG_DEVICES);
    return nice;
}

static int build(struct cgroup_build *b, const char *path, struct err *e) {
    const struct cgroup_layout *l = b->layout;
    uint32_t need = cgroup_limits_needs(b->r), got = 0;
    bool v2 = l->has_v2 && usable(b, &l->v2, path);
    uint32_t nice = defaults(b, v2);
    int r = 0;

    if (b->r->n_unified && l->kind != CGROUP_V2)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "invalid configuration: linux.resources.unified: this host has no cgroup v2 "
                       "controllers");
    for (size_t i = 0; i < l->n_v1 && r == 0; i++) {
        const struct cgroup_hierarchy *h = &l->v1[i];
        if (!(h->ctls & (need | nice)) || !usable(b, h, path))
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
    if (r == 0 && (b->flags & PLAN_CGROUP_ASKED) && !b->plan.set.v2 && b->plan.n_join == 0 &&
        l->kind != CGROUP_NONE)
        return err_set(e, ERR_DENIED, -EACCES,
                       "unable to apply cgroup configuration: linux.cgroupsPath: %s: permission "
                       "denied in every hierarchy; run as root, or name a group delegated to you",
                       path);
    if (r == 0 && (need & ~got))
        r = cannot_limit(l, need & ~got, e);
    return r;
}

int cgroup_plan_build(const struct cgroup_layout *layout, const struct rt_resources *r,
                      const char *path, uint32_t flags, struct arena *a, struct cgroup_plan *ret,
                      struct err *e) {
    static const struct cgroup_layout nothing = {.kind = CGROUP_NONE};
    struct cgroup_build b = {.layout = layout ? layout : &nothing, .r = r, .a = a, .flags = flags};

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

/* The limit of a controller that the machine's groups do not have. */
static int cannot_update(uint32_t missing, struct err *e) {
    enum cgroup_ctl ctl = first_of(missing);

    return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                   "cannot limit %s: the container was made without the cgroup controller %s: set "
                   "the limit when it is made",
                   limit_word(ctl), cgroup_ctl_name(ctl, false));
}

int cgroup_plan_update(const struct cgroup_set *set, const struct cgroup_now *now,
                       const struct rt_resources *r, struct arena *a, struct cgroup_plan *ret,
                       struct err *e) {
    struct cgroup_build b = {.r = r, .a = a, .now = now, .plan = {.set = *set}};
    uint32_t v1 = 0, need = cgroup_limits_needs(r);
    int rc = 0;

    for (int c = 0; c < CG_COUNT; c++)
        v1 |= set->ctl[c] ? CG_BIT(c) : 0;
    uint32_t v2 = set->v2 ? set->v2_ctls & ~v1 : 0;
    if (need & ~(v1 | v2))
        return cannot_update(need & ~(v1 | v2), e);
    if (r->n_unified && !v2)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "invalid configuration: linux.resources.unified: this container has no "
                       "cgroup v2 controllers");
    for (int c = 0; c < CG_COUNT && rc == 0; c++)
        if ((v1 & CG_BIT(c)) && (c != CG_DEVICES || r->n_devices))
            rc = cgroup_limits_v1(&b, (enum cgroup_ctl)c, set->ctl[c], e);
    if (rc == 0 && set->v2)
        rc = fill_v2(&b, set->v2, v2, e);
    if (rc == 0 && r->n_devices && set->v2 && !set->ctl[CG_DEVICES])
        rc = cgroup_devices_v2(&b, set->v2, e);
    if (rc == 0)
        *ret = b.plan;
    return rc;
}
