/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/build.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

/* The order is that of the steps, and it matters: cgroups before their namespace, mounts before
 * what lies on them, everything that needs the host before the pivot, rights last. */
static build_fn *const box_parts[] = {
    build_refuse,      build_rdt,          build_hooks,        build_namespaces,
    build_cgroups,     build_oom,          build_mapped_binds, build_enter,
    build_net_devices, build_shared_binds, build_root,         build_mounts,
    build_devices,     build_hooks_create, build_paths,        build_memory_policy,
    build_limits,      build_mounts_done,  build_root_done,    build_kernel,
    build_user,
};

void build_warn(struct build *b, const char *fmt, ...) {
    char text[300];
    va_list ap;
    if (!b->host->warnings)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!strlist_has(b->host->warnings, text))
        (void)!strlist_add(b->a, b->host->warnings, text); /* a warning less is no failure */
}

static int build_parts(struct build *b, build_fn *const *parts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int r = parts[i](b);
        if (r < 0)
            return r;
    }
    return 0;
}

static int finish(struct build *b, int r, struct arena *a, void **ret, size_t *ret_len) {
    if (r == 0)
        r = plan_writer_finish(&b->w, a, ret, ret_len, b->e);
    plan_writer_end(&b->w);
    return r;
}

/* Before it parks, not after: only the starter can hand over a listener's descriptor; and whoever
 * shares a pid namespace with us must not find a task with all rights that waits for its start. */
static bool rights_come_early(const struct build *b) {
    const struct rt_namespace *pid = rt_spec_ns(b->spec, RT_NS_PID);
    return build_listens(b) || (b->host->outlive && pid && pid->path);
}

int plan_build(const struct rt_spec *spec, const struct root_recipe *root,
               const struct plan_host *host, struct arena *a, void **ret, size_t *ret_len,
               struct err *e) {
    struct build b = {
        .spec = spec, .process = &spec->process, .root = root, .host = host, .a = a, .e = e};
    if (!spec->has_process)
        return err_set(e, ERR_USAGE, -EINVAL, "process: the spec has none");
    plan_writer_begin(&b.w);
    if (spec->process.terminal)
        b.w.h.flags |= PLAN_F_TERMINAL;
    if (host->outlive)
        b.w.h.flags |= PLAN_F_OUTLIVE;
    if (host->late_unmount)
        b.w.h.flags |= PLAN_F_LATE_UNMOUNT;
    int r = build_parts(&b, box_parts, ARRAY_SIZE(box_parts));
    bool early = rights_come_early(&b);
    if (r == 0 && early)
        r = build_rights(&b);
    if (r == 0) {
        build_init(&b, PLAN_PARK, .flags = 0);
        r = early ? 0 : build_rights(&b);
    }
    if (r == 0)
        r = build_hooks_start(&b);
    if (r == 0)
        r = build_exec(&b);
    return finish(&b, r, a, ret, ret_len);
}

/* Into the namespaces of a running box: its cgroups first, while the host's are in sight. */
static int build_join(struct build *b) {
    uint64_t inside = b->all & ~(uint64_t)CLONE_NEWPID; /* entered by birth */
    int r = build_listens(b) ? build_state(b, PLAN_INIT) : 0;
    if (r == 0)
        r = build_affinity_initial(b);
    if (r < 0)
        return r;
    for (size_t i = 0; i < b->cgroups.n_join; i++)
        plan_writer_step(
            &b->w, PLAN_BIRTH,
            (struct plan_step){.op = PLAN_JOIN_CGROUP, .ref = {build_str(b, b->cgroups.join[i])}});
    bool chroot = b->host->box && (b->host->box->h->flags & PLAN_F_CHROOT);
    const uint64_t own = CLONE_NEWPID | CLONE_NEWNS;
    if (chroot)
        build_init(b, PLAN_BOX_ROOT, .flags = 0);
    else if ((b->all & (own | CLONE_NEWUSER)) == own) /* else nobody there may look at it */
        b->w.h.flags |= PLAN_F_BORN_INSIDE;
    if (inside)
        build_init(b, PLAN_JOIN_BOX, .num = {inside});
    if (chroot)
        build_init(b, PLAN_CHROOT, .flags = 0);
    if (b->all & CLONE_NEWUSER)
        build_init(b, PLAN_ROOT_IDS, .flags = 0);
    if (b->process->terminal)
        build_init(
            b, PLAN_CONSOLE,
            .num = {b->process->user.uid, b->process->console_width, b->process->console_height});
    return build_keyring(b);
}

static build_fn *const exec_parts[] = {
    build_refuse, build_namespaces,     build_cgroups,       build_oom,
    build_join,   build_affinity_final, build_memory_policy, build_limits,
    build_user,   build_rights,         build_exec,
};

int plan_build_exec(const struct rt_spec *spec, const struct rt_process *process,
                    const struct plan_host *host, struct arena *a, void **ret, size_t *ret_len,
                    struct err *e) {
    struct build b = {.spec = spec, .process = process, .host = host, .a = a, .e = e};
    plan_writer_begin(&b.w);
    b.w.h.flags = PLAN_F_EXEC | (process->terminal ? PLAN_F_TERMINAL : 0) |
                  (host->outlive ? PLAN_F_OUTLIVE : 0);
    int r = build_parts(&b, exec_parts, ARRAY_SIZE(exec_parts));
    b.w.h.clone_ns = 0;
    return finish(&b, r, a, ret, ret_len);
}
