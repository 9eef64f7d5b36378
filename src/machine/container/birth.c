/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/birth.h"

#include "machine/container/apply.h"
#include "machine/container/container.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

#include <fcntl.h>
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
        spawn_child(b);
    }
    if (pid < 0 && errno == EPERM)
        return err_set(e, ERR_DENIED, -EPERM,
                       "cannot make namespaces: permission denied (are user namespaces allowed on "
                       "this host?)");
    if (pid < 0 && errno == EACCES && b->cgroup >= 0)
        return err_set(e, ERR_DENIED, -EACCES,
                       "cannot enter the container's cgroup from ours: permission denied; start "
                       "from the part of the tree that is delegated to you: systemd-run --user "
                       "--scope …");
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

int birth_join_failed(const struct plan *p, const struct plan_step *s, int code, struct err *e) {
    const char *path = plan_str(p, s->ref[0]), *kind = plan_str(p, s->ref[1]);
    if (code == -EINVAL)
        return err_set(e, ERR_USAGE, code,
                       "cannot join the %s namespace %s: it is none of this kind, or we are in it "
                       "already",
                       kind, path);
    return err_sysn(e, code, "cannot join the %s namespace %s", kind, path);
}

/* --- namespaces to join ------------------------------------------------------------------------
 */

#define BIRTH_JOINS 8

struct birth_joins {
    const struct plan_step *step[BIRTH_JOINS];
    int fd[BIRTH_JOINS];
    uint32_t n;
};

static int birth_join_open(struct birth_joins *j, const struct plan *p, const struct plan_step *s,
                           struct err *e) {
    if (j->n == BIRTH_JOINS)
        return err_set(e, ERR_CORRUPT, -E2BIG, "too many namespaces to join");
    int fd = open(plan_str(p, s->ref[0]), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return birth_join_failed(p, s, -errno, e);
    j->step[j->n] = s;
    j->fd[j->n++] = fd;
    return 0;
}

/* All were opened by paths of ours before the first is entered. What the caller has no right to
 * may belong to the joined user namespace: once more after that one. */
static int birth_join(struct birth_joins *j, const struct plan *p, struct err *e) {
    bool user = false, last = false;
    for (uint32_t i = 0; i < j->n; i++)
        user = user || j->step[i]->num[0] == CLONE_NEWUSER;
    for (;; last = true) {
        for (uint32_t i = 0; i < j->n; i++) {
            int r = j->fd[i] < 0 ? 0 : ns_enter(j->fd[i], j->step[i]->num[0]);
            if (r == -EPERM && user && !last && j->step[i]->num[0] != CLONE_NEWUSER)
                continue;
            if (r < 0)
                return birth_join_failed(p, j->step[i], r, e);
            fd_close(&j->fd[i]);
        }
        if (last || !user)
            return 0;
    }
}

/* --- the helper --------------------------------------------------------------------------------
 */

static int birth_source(struct birth *b, uint32_t *n, const struct plan_step *s, struct err *e) {
    if (*n == PLAN_MAX_MAPPED)
        return err_set(e, ERR_CORRUPT, -E2BIG, "too many mapped binds");
    int fd = idmapped_source(b->plan, s, e);
    if (fd < 0)
        return fd;
    b->mapped[(*n)++] = fd;
    b->mapped[*n] = -1;
    return 0;
}

#define BIRTH_UNSAID 1

struct birth_helper {
    struct birth *b;
    struct err *e;
    int code;
    struct birth_joins joins;
    uint32_t n_mapped;
};

/* The helper's, from which the task has it. */
static int birth_affinity(const struct plan *p, const struct plan_step *s, struct err *e) {
    struct apply a = {.plan = p, .e = e};
    return apply_affinity(&a, s);
}

static int birth_step(struct birth_helper *h, const struct plan_step *s, struct err *e) {
    const struct plan *p = h->b->plan;
    const char *path = plan_str(p, s->ref[0]);
    int r;
    switch (s->op) {
    case PLAN_JOIN_CGROUP:
        r = cgroup_join_v1(path);
        return r < 0 ? host_join_failed(path, r, e) : 0;
    case PLAN_AFFINITY:
        return birth_affinity(p, s, e);
    case PLAN_JOIN_NS:
        return birth_join_open(&h->joins, p, s, e);
    case PLAN_IDMAP_SOURCE:
        return birth_source(h->b, &h->n_mapped, s, e);
    default:
        return err_set(e, ERR_CORRUPT, -EINVAL, "step %s has no place in birth",
                       plan_op_info[s->op].word);
    }
}

static int birth_prepare(struct birth_helper *h, struct err *e) {
    uint32_t n;
    struct birth *b = h->b;
    const struct plan_step *s = plan_steps(b->plan, PLAN_BIRTH, &n);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = birth_step(h, &s[i], e);
    if (r == 0)
        r = birth_join(&h->joins, b->plan, e);
    if (r == 0 && b->box >= 0 && (b->plan->h->all_ns & CLONE_NEWPID)) {
        /* from its birth the task can be looked at by a CAP_SYS_PTRACE of the box's: its root and
         * working directory must not be the host's then */
        bool inside = b->plan->h->flags & PLAN_F_BORN_INSIDE;
        uint64_t flags = inside ? CLONE_NEWPID | CLONE_NEWNS : CLONE_NEWPID;
        r = ns_join_process(b->box, flags);
        if (r == -EPERM && (b->plan->h->all_ns & CLONE_NEWUSER)) /* no root of the host's */
            r = ns_join_process(b->box, CLONE_NEWPID | CLONE_NEWUSER);
        if (r == -ESRCH)
            return err_set(e, ERR_CONFLICT, r, "the container has stopped");
        if (r < 0)
            return err_sysn(e, r, "cannot enter the container's pid namespace");
    }
    return r;
}

/* Descriptors are the starter's too: what is not passed on is closed here. */
static void birth_close(struct birth_helper *h) {
    for (uint32_t i = 0; i < h->joins.n; i++)
        fd_close(&h->joins.fd[i]);
    for (uint32_t i = 0; i < h->n_mapped; i++)
        fd_close(&h->b->mapped[i]);
}

static int birth_help(void *data) {
    struct birth_helper *h = data;
    h->code = birth_prepare(h, h->e);
    if (h->code == 0)
        h->code = birth_clone(h->b, CLONE_PARENT, h->e);
    birth_close(h);
    return 0;
}

int birth(struct birth *b, struct err *e) {
    _Alignas(16) char stack[BIRTH_STACK];
    struct birth_helper h = {.b = b, .e = e, .code = BIRTH_UNSAID};
    int status;
    b->mapped[0] = -1;
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
