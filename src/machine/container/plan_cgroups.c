/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups: made by the monitor, entered by init, shown in the box. */
#include "machine/container/build.h"

#include "base/str.h"

#include <linux/mount.h>
#include <sched.h>
#include <string.h>

/* Without a pids controller the kernel can still count per user namespace: a rootless box has one
 * of its own, so RLIMIT_NPROC is a limit on the box's processes. */
static bool pids_by_rlimit(const struct build *b) {
    bool v2;
    const struct cgroup_layout *l = b->host->cgroups;
    const struct cgroup_hierarchy *h = l ? cgroup_layout_find(l, CG_PIDS, &v2) : NULL;
    return b->host->rootless && (b->made & CLONE_NEWUSER) && !(h && h->writable);
}

static void set_refs(struct build *b) {
    const struct cgroup_set *s = &b->cgroups.set;
    b->w.h.cg_v2 = build_str(b, s->v2);
    b->w.h.cg_v2_ctls = s->v2_ctls;
    for (size_t i = 0; i < CG_COUNT; i++)
        b->w.h.cg_ctl[i] = build_str(b, s->ctl[i]);
}

static void add_op(struct build *b, const struct cgroup_op *op) {
    static const uint16_t ops[] = {
        [CGROUP_OP_MKDIR] = PLAN_CG_MKDIR,   [CGROUP_OP_LEAF] = PLAN_CG_LEAF,
        [CGROUP_OP_ENABLE] = PLAN_CG_ENABLE, [CGROUP_OP_CPUSET] = PLAN_CG_CPUSET,
        [CGROUP_OP_WRITE] = PLAN_CG_WRITE,   [CGROUP_OP_DEVICES] = PLAN_CG_DEVICES,
    };
    struct plan_step s = {.op = ops[op->kind],
                          .flags = op->optional ? PLAN_OPTIONAL : 0,
                          .ref = {build_str(b, op->dir)}};
    if (op->kind == CGROUP_OP_ENABLE)
        s.ref[1] = build_str(b, op->value);
    if (op->kind == CGROUP_OP_WRITE) {
        s.ref[1] = build_str(b, op->file);
        s.ref[2] = build_str(b, op->value);
        s.ref[3] = build_str(b, op->json);
    }
    if (op->kind == CGROUP_OP_DEVICES)
        s.ref[1] = plan_writer_blob(&b->w, op->bytes, op->len);
    plan_writer_step(&b->w, PLAN_HOST_OPEN, s);
}

static int copy_cgroups(struct build *b) {
    const struct plan *box = b->host->box;
    struct cgroup_plan *c = &b->cgroups;
    plan_cgroups(box, &c->set);
    c->join = arena_array(b->a, CG_COUNT, const char *);
    if (!c->join)
        return err_oom(b->e);
    for (int s = 0; s < PLAN_SECTIONS; s++) {
        uint32_t n;
        const struct plan_step *v = plan_steps(box, (enum plan_section)s, &n);
        for (uint32_t i = 0; i < n && c->n_join < CG_COUNT; i++) {
            if (v[i].op == PLAN_JOIN_CGROUP)
                c->join[c->n_join++] = plan_str(box, v[i].ref[0]);
        }
    }
    return 0;
}

/* --- exec --cgroup ------------------------------------------------------------------------------
 */

/* dir/path; "" and "/" are dir itself. NULL with an error. */
static const char *sub_group(struct build *b, const char *dir, const char *path) {
    for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/')
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0')) {
            err_set(b->e, ERR_USAGE, -EINVAL, "bad cgroup path: %.200s is not a sub cgroup path",
                    path);
            return NULL;
        }
    path += strspn(path, "/");
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    if (n == 0)
        return dir;
    char *sub = arena_printf(b->a, "%s/%.*s", dir, (int)n, path);
    if (!sub)
        err_oom(b->e);
    return sub;
}

/* Put another directory where dir stands. */
static int enter_instead(struct build *b, const char *dir, const char *path) {
    struct cgroup_plan *c = &b->cgroups;
    const char *sub = dir ? sub_group(b, dir, path) : NULL;
    if (!sub)
        return dir ? b->e->code : 0;
    for (size_t i = 0; i < c->n_join; i++)
        if (strcmp(c->join[i], dir) == 0)
            c->join[i] = sub;
    return 0;
}

static int enter_controllers(struct build *b, const char *words, const char *path) {
    const struct cgroup_set *s = &b->cgroups.set;
    for (const char *p = words; *p && *p != ':'; p += *p == ',') {
        size_t n = strcspn(p, ",:");
        const char *dir = NULL;
        for (int c = 0; c < CG_COUNT && !dir; c++) {
            const char *name = cgroup_ctl_name((enum cgroup_ctl)c, false);
            if (strlen(name) == n && strncmp(p, name, n) == 0)
                dir = s->ctl[c];
        }
        if (!dir)
            return err_set(b->e, ERR_USAGE, -EINVAL, "unknown controller %.*s in SubCgroupPaths",
                           (int)MIN_OF(n, (size_t)60), p);
        int r = enter_instead(b, dir, path);
        if (r < 0)
            return r;
        p += n;
    }
    return 0;
}

static int enter_everywhere(struct build *b, const char *path) {
    struct cgroup_set *s = &b->cgroups.set;
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(s, dirs);
    for (size_t i = 0; i < n; i++) {
        int r = dirs[i] == s->v2 ? 0 : enter_instead(b, dirs[i], path);
        if (r < 0)
            return r;
    }
    b->w.h.flags |= PLAN_F_CGROUP_ASKED;
    if (s->v2_ctls) {
        const char *sub = sub_group(b, s->v2, path);
        if (!sub)
            return b->e->code;
        s->v2 = sub;
    }
    return 0;
}

static int exec_groups(struct build *b) {
    const struct strlist *asked = b->host->exec_cgroups;
    int r = 0;
    for (size_t i = 0; asked && i < asked->n && r == 0; i++) {
        const char *colon = strchr(asked->v[i], ':');
        if (colon && strchr(colon + 1, ':'))
            return err_set(b->e, ERR_USAGE, -EINVAL, "invalid --cgroup argument: %.200s",
                           asked->v[i]);
        if (!colon && asked->n > 1)
            return err_set(b->e, ERR_USAGE, -EINVAL,
                           "invalid --cgroup argument: %.200s (missing <controller>: prefix)",
                           asked->v[i]);
        r = colon ? enter_controllers(b, asked->v[i], colon + 1) : enter_everywhere(b, asked->v[i]);
    }
    return r;
}

/* The box's user on the host; UINT32_MAX = not mapped. */
static uint32_t host_uid(const struct build *b) {
    const struct rt_idmaps *m = &b->spec->uid_mappings;
    uint32_t uid = b->process->user.uid;
    for (size_t i = 0; i < m->n; i++)
        if (uid >= m->v[i].container_id && uid - m->v[i].container_id < m->v[i].size)
            return m->v[i].host_id + (uid - m->v[i].container_id);
    return UINT32_MAX;
}

/* runtime-spec, "cgroup ownership": a v2 group that the box sees as its root and may write to
 * belongs to the box's user. */
static void add_owner(struct build *b) {
    uint32_t uid = host_uid(b);
    bool writable = false;
    for (size_t i = 0; i < b->spec->n_mounts; i++) {
        const struct rt_mount *m = &b->spec->mounts[i];
        writable = writable || ((str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2")) &&
                                !strlist_has(&m->options, "ro"));
    }
    if (!writable || uid == UINT32_MAX || !b->cgroup_ns || !(b->made & CLONE_NEWUSER) ||
        !b->cgroups.set.v2 || b->host->rootless || b->host->cgroups->kind != CGROUP_V2)
        return;
    plan_writer_step(&b->w, PLAN_HOST_OPEN,
                     (struct plan_step){.op = PLAN_CG_OWNER,
                                        .ref = {build_str(b, b->cgroups.set.v2)},
                                        .num = {uid}});
}

/* Also for exec: the groups to enter; then without the operations. */
int build_cgroups(struct build *b) {
    if (!b->root && b->host->box) {
        int r = copy_cgroups(b);
        if (r == 0)
            r = exec_groups(b);
        if (r == 0)
            set_refs(b);
        return r;
    }
    struct rt_resources res = b->spec->resources;
    int64_t pids = res.pids_limit.given ? res.pids_limit.v : 0;
    if (pids > 0 && pids_by_rlimit(b)) {
        res.pids_limit.given = false;
        build_init(b, PLAN_RLIMIT, .flags = PLAN_CLAMP, .ref = {build_str(b, "RLIMIT_NPROC")},
                   .num = {6 /* RLIMIT_NPROC */, (uint64_t)pids, (uint64_t)pids});
    }
    if (!b->host->cgroups)
        return 0;
    int r = cgroup_plan_build(b->host->cgroups, &res, b->spec->cgroups_path, b->host->cgroup_flags,
                              b->a, &b->cgroups, b->e);
    if (r < 0)
        return r;
    set_refs(b);
    if (b->host->cgroup_flags & PLAN_CGROUP_ASKED)
        b->w.h.flags |= PLAN_F_CGROUP_SHARED;
    for (size_t i = 0; b->root && i < b->cgroups.n; i++)
        add_op(b, &b->cgroups.v[i]);
    if (b->root)
        add_owner(b);
    return 0;
}

/* --- the mount ---------------------------------------------------------------------------------
 */

static void add_cgroupfs(struct build *b, const char *type, const char *path,
                         const struct strlist *controllers, const struct mount_words *w) {
    build_init(b, PLAN_MOUNT, .flags = PLAN_OPTIONAL,
               .ref = {build_str(b, type), build_str(b, type), build_str(b, path),
                       controllers ? plan_writer_list(&b->w, controllers->v, controllers->n) : 0},
               .num = {w->set, w->propagation});
}

static const char *own_dir(const struct build *b, const struct cgroup_hierarchy *h) {
    for (int c = 0; c < CG_COUNT; c++) {
        if ((h->ctls & CG_BIT(c)) && b->cgroups.set.ctl[c])
            return b->cgroups.set.ctl[c];
    }
    return NULL;
}

/* In a cgroup namespace the hierarchy shows the box's group as its root; without one, the box's
 * directory alone is bound, so that the host's groups stay out of sight. */
static int add_v1(struct build *b, const char *dest, const struct cgroup_hierarchy *h,
                  const struct mount_words *w) {
    const char *slash = strrchr(h->mount, '/'), *own = own_dir(b, h);
    const char *name = slash ? slash + 1 : h->mount;
    const char *path = arena_printf(b->a, "%s/%s", dest, name);
    struct strlist controllers = {0};
    if (!own)
        return 0;
    bool named = h->ctls & CG_BIT(CG_NAMED);
    if (named && (strlist_add(b->a, &controllers, "none") < 0 ||
                  strlist_add(b->a, &controllers, "name=systemd") < 0))
        return err_oom(b->e);
    for (const char *s = name; path && *s && !named; s += *s == ',') {
        const char *one = arena_strndup(b->a, s, strcspn(s, ","));
        if (!one || strlist_add(b->a, &controllers, one) < 0)
            return err_oom(b->e);
        s += strlen(one);
    }
    if (!path)
        return err_oom(b->e);
    if (b->cgroup_ns)
        add_cgroupfs(b, "cgroup", path, &controllers, w);
    else
        build_init(b, PLAN_BIND, .flags = PLAN_OPTIONAL,
                   .ref = {build_str(b, own), build_str(b, path)},
                   .num = {w->set, 0, 0, 0, w->propagation});
    /* "cpu" and "cpuacct" beside "cpu,cpuacct" */
    for (size_t i = 0; !named && controllers.n > 1 && i < controllers.n; i++)
        build_init(b, PLAN_SYMLINK,
                   .ref = {build_str(b, dest), build_str(b, controllers.v[i]), build_str(b, name)});
    return 0;
}

int build_cgroup_mount(struct build *b, const struct rt_mount *m, const struct mount_words *w) {
    static char *tmpfs_data[] = {(char *)"mode=755"};
    const struct cgroup_layout *l = b->host->cgroups;
    if (!l || l->kind == CGROUP_NONE)
        return 0;
    if (l->kind == CGROUP_V2) {
        add_cgroupfs(b, "cgroup2", m->destination, NULL, w);
        return 0;
    }
    build_init(b, PLAN_MOUNT,
               .ref = {build_str(b, "tmpfs"), build_str(b, "tmpfs"), build_str(b, m->destination),
                       plan_writer_list(&b->w, tmpfs_data, 1)},
               .num = {w->set & ~(uint64_t)MOUNT_ATTR_RDONLY, w->propagation});
    for (size_t i = 0; i < l->n_v1; i++) {
        int r = add_v1(b, m->destination, &l->v1[i], w);
        if (r < 0)
            return r;
    }
    if (w->set & MOUNT_ATTR_RDONLY)
        build_init(b, PLAN_ATTR, .ref = {build_str(b, m->destination)}, .num = {MOUNT_ATTR_RDONLY});
    return 0;
}
