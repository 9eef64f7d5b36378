/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/apply.h"
#include "machine/container/bind.h"
#include "machine/container/sync.h"
#include "sys/mount.h"
#include "sys/ns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#define SOURCE_STACK (16 * 1024)

/* --- init --------------------------------------------------------------------------------------
 */

int source_take(struct apply *a, const struct plan_step *s, bool *asked) {
    uint32_t n;
    const struct plan_step *first = plan_steps(a->plan, PLAN_INIT, &n);
    int mnt = bind_source(apply_str(a, s, 0), s->flags, a->e);
    if (mnt != -EACCES || !(a->plan->h->all_ns & CLONE_NEWUSER))
        return mnt;
    *asked = true;
    mnt = sync_ask_source(a->sock, (uint32_t)(s - first));
    return mnt < 0 ? apply_failed(a, mnt, "bind", apply_str(a, s, 0)) : mnt;
}

/* --- starter -----------------------------------------------------------------------------------
 */

struct source_visit {
    const char *source;
    uint32_t flags;
    bool attach; /* on itself */
    int mntns;
    struct err *e;
    int ret;
};

static int source_attach(struct source_visit *v) {
    AUTO_FD int at = open(v->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = at < 0 ? -errno : mount_put(v->ret, at);
    if (r == 0)
        return 0;
    fd_close(&v->ret);
    return err_sysn(v->e, r, "cannot attach the root on %s", v->source);
}

/* It shares our memory and descriptors, not our place in the file system. */
static int source_visit(void *data) {
    struct source_visit *v = data;
    int r = ns_enter(v->mntns, CLONE_NEWNS);
    v->ret = r < 0 ? err_sysn(v->e, r, "cannot bind %s: no way into the box's mounts", v->source)
                   : bind_source(v->source, v->flags, v->e);
    if (v->ret >= 0 && v->attach && (r = source_attach(v)) < 0)
        v->ret = r;
    return 0;
}

int source_open(const struct plan *p, pid_t pid, uint32_t number, struct err *e) {
    _Alignas(16) char stack[SOURCE_STACK];
    uint32_t n;
    const struct plan_step *s = plan_steps(p, PLAN_INIT, &n);
    if (number >= n || (s[number].op != PLAN_BIND && s[number].op != PLAN_BIND_SOURCE &&
                        s[number].op != PLAN_ROOT_DIR))
        return err_set(e, ERR_INTERNAL, -EPROTO, "init asks for a source that no step has");
    AUTO_FD int mntns = ns_of(pid, "mnt");
    struct source_visit v = {.source = plan_str(p, s[number].ref[0]),
                             .flags = s[number].flags,
                             .attach = s[number].op == PLAN_ROOT_DIR,
                             .mntns = mntns,
                             .e = e,
                             .ret = -ECHILD};
    pid_t child = mntns < 0 ? -1
                            : clone(source_visit, stack + sizeof(stack),
                                    CLONE_VM | CLONE_VFORK | CLONE_FILES, &v);
    if (child < 0)
        return err_sysn(e, mntns < 0 ? mntns : -errno, "cannot bind %s", v.source);
    while (waitpid(child, NULL, __WCLONE) < 0 && errno == EINTR)
        ;
    return v.ret;
}
