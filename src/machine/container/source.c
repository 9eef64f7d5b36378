/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/apply.h"
#include "machine/container/bind.h"
#include "machine/container/sync.h"
#include "sys/mount.h"
#include "sys/ns.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SOURCE_STACK (16 * 1024)

/* --- init --------------------------------------------------------------------------------------
 */

int source_ask(struct apply *a, const struct plan_step *s) {
    uint32_t n;
    const struct plan_step *first = plan_steps(a->plan, PLAN_INIT, &n);
    int mnt = sync_ask_source(a->sock, (uint32_t)(s - first));
    const char *what = apply_str(a, s, s->op == PLAN_NODE_BIND ? 2 : 0);
    return mnt < 0 ? apply_failed(a, mnt, "bind", what) : mnt;
}

int source_take(struct apply *a, const struct plan_step *s, bool *asked) {
    int mnt = bind_source(apply_str(a, s, 0), s->flags, a->e);
    if (mnt != -EACCES || !(a->plan->h->all_ns & CLONE_NEWUSER))
        return mnt;
    *asked = true;
    return source_ask(a, s);
}

/* --- starter -----------------------------------------------------------------------------------
 */

struct source_visit {
    const char *source;
    uint32_t flags;
    bool attach; /* on itself */
    int mntns;
    const struct plan_step *node;
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

/* A node in a tmpfs that is mounted in nobody's sight: only what is mounted can be bound. */
static int source_node(void *data) {
    struct source_visit *v = data;
    const struct plan_step *s = v->node;
    umask(0);
    int r = ns_unshare(CLONE_NEWNS);
    if (r == 0)
        r = mount_propagation(MS_REC | MS_PRIVATE);
    AUTO_FD int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fs = r < 0 ? r : mount_fs("tmpfs");
    AUTO_FD int dir = fs < 0 ? fs : mount_fs_done(fs, MOUNT_ATTR_NOEXEC, NULL, 0);
    r = dir < 0 ? dir : mount_put(dir, at);
    if (r == 0 && (mknodat(dir, "node", (mode_t)s->num[0], (dev_t)s->num[1]) < 0 ||
                   fchownat(dir, "node", (uid_t)s->num[2], (gid_t)s->num[3], 0) < 0))
        r = -errno;
    v->ret = r < 0 ? r : mount_bind(dir, "node", false);
    if (v->ret < 0)
        err_sysn(v->e, v->ret, "cannot make the device %s", v->source);
    return 0;
}

/* Run fn in a child that shares our memory and descriptors. */
static int source_send(int (*fn)(void *), struct source_visit *v) {
    _Alignas(16) char stack[SOURCE_STACK];
    v->ret = -ECHILD;
    pid_t child = clone(fn, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES, v);
    if (child < 0)
        return err_sys(v->e, "cannot bind %s", v->source);
    while (waitpid(child, NULL, __WCLONE) < 0 && errno == EINTR)
        ;
    return v->ret;
}

int source_open(const struct plan *p, pid_t pid, uint32_t number, struct err *e) {
    uint32_t n;
    const struct plan_step *s = plan_steps(p, PLAN_INIT, &n);
    if (number >= n)
        return err_set(e, ERR_INTERNAL, -EPROTO, "init asks for a source that no step has");
    s += number;
    struct source_visit v = {.flags = s->flags, .node = s, .e = e};
    if (s->op == PLAN_NODE_BIND && (s->flags & PLAN_GIVEN)) {
        v.source = plan_str(p, s->ref[2]);
        return source_send(source_node, &v);
    }
    if (s->op != PLAN_BIND && s->op != PLAN_BIND_SOURCE && s->op != PLAN_ROOT_DIR)
        return err_set(e, ERR_INTERNAL, -EPROTO, "init asks for a source that no step has");
    AUTO_FD int mntns = ns_of(pid, "mnt");
    v.source = plan_str(p, s->ref[0]);
    v.attach = s->op == PLAN_ROOT_DIR;
    v.mntns = mntns;
    return mntns < 0 ? err_sysn(e, mntns, "cannot bind %s", v.source)
                     : source_send(source_visit, &v);
}
