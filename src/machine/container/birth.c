/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/birth.h"

#include "machine/container/container.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

#include <sched.h>
#include <sys/wait.h>

#define BIRTH_STACK (32 * 1024)

static int birth_clone(struct birth *b, uint64_t extra, struct err *e) {
    int pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_PIDFD | b->flags | extra | (b->cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = extra & CLONE_PARENT ? 0 : SIGCHLD, /* CLONE_PARENT: the helper's */
        .cgroup = b->cgroup >= 0 ? (uint64_t)b->cgroup : 0,
    };
    int pid = sys_clone3(&args);
    if (pid == 0) {
        close(b->ends[0]);
        spawn_child(b->plan, b->io, b->ends[1], b->box, b->flags & CLONE_NEWUSER);
    }
    if (pid < 0 && errno == EPERM)
        return err_set(e, ERR_DENIED, -EPERM,
                       "cannot make namespaces: permission denied (are user namespaces allowed on "
                       "this host?)");
    if (pid < 0 && errno == ENOSPC)
        return err_set(e, ERR_NO_SPACE, -ENOSPC,
                       "cannot make namespaces: the limit in /proc/sys/user/max_*_namespaces is "
                       "reached");
    if (pid < 0)
        return err_sys(e, "cannot start the box's process");
    b->pid = pid;
    b->pidfd = pidfd;
    return 0;
}

static int birth_step(const struct plan *p, const struct plan_step *s, struct err *e) {
    const char *path = plan_str(p, s->ref[0]);
    int r;
    switch (s->op) {
    case PLAN_JOIN_CGROUP:
        r = cgroup_join_v1(path);
        return r < 0 ? err_sysn(e, r, "cannot enter the cgroup %s", path) : 0;
    case PLAN_JOIN_NS:
        r = ns_join(path, s->num[0]);
        return r < 0 ? err_sysn(e, r, "cannot join the namespace %s", path) : 0;
    default:
        return err_set(e, ERR_CORRUPT, -EINVAL, "step %s has no place in birth",
                       plan_op_info[s->op].word);
    }
}

#define BIRTH_UNSAID 1

struct birth_helper {
    struct birth *b;
    struct err *e;
    int code;
};

static int birth_prepare(struct birth *b, struct err *e) {
    uint32_t n;
    const struct plan_step *s = plan_steps(b->plan, PLAN_BIRTH, &n);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = birth_step(b->plan, &s[i], e);
    if (r == 0 && b->box >= 0 && (b->plan->h->all_ns & CLONE_NEWPID)) {
        r = ns_join_process(b->box, CLONE_NEWPID);
        if (r == -ESRCH)
            return err_set(e, ERR_CONFLICT, r, "the container has stopped");
        if (r < 0)
            return err_sysn(e, r, "cannot enter the container's pid namespace");
    }
    return r;
}

static int birth_help(void *data) {
    struct birth_helper *h = data;
    h->code = birth_prepare(h->b, h->e);
    if (h->code == 0)
        h->code = birth_clone(h->b, CLONE_PARENT, h->e);
    return 0;
}

int birth(struct birth *b, struct err *e) {
    _Alignas(16) char stack[BIRTH_STACK];
    struct birth_helper h = {.b = b, .e = e, .code = BIRTH_UNSAID};
    int status;
    if (b->box < 0 && b->plan->h->section[PLAN_BIRTH].n == 0)
        return birth_clone(b, 0, e);
    /* no page table is copied for it, and we sleep until it has left */
    pid_t helper = clone(birth_help, stack + sizeof(stack),
                         CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &h);
    if (helper < 0)
        return err_sys(e, "cannot start a process");
    while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
        ;
    if (h.code == BIRTH_UNSAID)
        return err_set(e, ERR_INTERNAL, -ECHILD, "the process that starts the box's was killed");
    return h.code;
}
