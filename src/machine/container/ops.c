/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/container.h"

#include "machine/container/rdt.h"
#include "machine/container/sync.h"
#include "sys/pidref.h"
#include "sys/syscalls.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>

static int ops_probe(struct err *e) {
    if (access("/proc/self/ns/user", F_OK) < 0)
        return err_sys(e, "this kernel has no user namespaces, or /proc is not mounted");
    if (sys_close_range(~0U, ~0U, 0) < 0 && errno == ENOSYS)
        return err_set(e, ERR_UNAVAILABLE, -ENOSYS, "Linux 5.12 or later is needed");
    return 0;
}

static int ops_open(struct machine *m, const struct plan *plan, const struct machine_stdio *io,
                    struct err *e) {
    struct container *c = (struct container *)(void *)m->room;
    memset(c, 0, sizeof(*c));
    c->sock = c->mntns = -1;
    m->priv = c;
    plan_cgroups(plan, &c->cgroups);
    int r = rdt_make(plan, e);
    c->rdt = r == 0;
    if (r == 0)
        r = host_apply(plan, e);
    return r < 0 ? r : spawn_init(m, io, e);
}

static int ops_boot(struct machine *m, struct err *e) {
    return 0; /* no kernel of its own */
}

static int ops_create(struct machine *m, struct err *e) {
    const struct spawn_talk t = spawn_talk_of(m);
    return spawn_hear(&t, SYNC_PARKED, e);
}

static int ops_start(struct machine *m, struct err *e) {
    struct container *c = container_of(m);
    const struct spawn_talk t = spawn_talk_of(m);
    int r = sync_say(c->sock, SYNC_RELEASE, -1);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET) /* a dead init is heard of next */
        return err_sysn(e, r, "cannot release the box's first process");
    r = spawn_hear(&t, 0, e);
    fd_close(&c->sock);
    return r;
}

static void ops_keep_exec(struct container *c, int pidfd) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->n_execs; i++) {
        if (pidref_is_collected(c->execs[i]))
            close(c->execs[i]);
        else
            c->execs[kept++] = c->execs[i];
    }
    int fd = kept < CONTAINER_EXECS ? fcntl(pidfd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd >= 0)
        c->execs[kept++] = fd;
    c->n_execs = kept;
}

static int ops_exec(struct machine *m, const struct plan *exec_plan, const struct machine_stdio *io,
                    struct machine_exec *ret, struct err *e) {
    struct container *c = container_of(m);
    int r = exec_start(m, exec_plan, io, ret, e);
    if (r == 0)
        ops_keep_exec(c, ret->exit_fd);
    return r;
}

static int ops_signal(struct machine *m, int signo, bool all, struct err *e) {
    struct container *c = container_of(m);
    if (all && host_has_cgroup(&c->cgroups))
        return cgroup_signal(&c->cgroups, signo, e);
    int r = m->exit_fd >= 0 ? pidref_signal(m->exit_fd, signo) : -ESRCH;
    if (signo == SIGKILL && r == 0)
        host_thaw_for_kill(&c->cgroups, m->exit_fd);
    if (r == -ESRCH)
        return err_set(e, ERR_CONFLICT, r, "the container has stopped");
    return r < 0 ? err_sysn(e, r, "cannot send signal %d", signo) : 0;
}

static int ops_freeze(struct machine *m, bool frozen, struct err *e) {
    struct container *c = container_of(m);
    if (!host_has_cgroup(&c->cgroups))
        return err_set(e, ERR_UNAVAILABLE, -ENOTSUP,
                       "this container has no cgroup, without which it cannot be paused");
    return cgroup_freeze(&c->cgroups, frozen, e);
}

static int ops_stats(struct machine *m, struct machine_stats *ret, struct err *e) {
    struct cgroup_stats s;
    struct container *c = container_of(m);
    if (!host_has_cgroup(&c->cgroups))
        return err_set(e, ERR_UNAVAILABLE, -ENOTSUP,
                       "this container has no cgroup, which alone counts what it uses");
    int r = cgroup_stats(&c->cgroups, &s, e);
    if (r < 0)
        return r;
    *ret = (struct machine_stats){.cpu_ns = s.cpu_ns,
                                  .memory_bytes = s.memory_bytes,
                                  .memory_limit = s.memory_limit,
                                  .pids = s.pids,
                                  .pids_limit = s.pids_limit,
                                  .oom_kills = s.oom_kills};
    return 0;
}

static int ops_reap(struct machine *m, struct machine_exit *ret, struct err *e) {
    struct container *c = container_of(m);
    struct machine_exit x = {0};
    int r = pidref_reap(m->exit_fd, &x.code, &x.signal);
    if (r < 0)
        return err_sysn(e, r, "cannot collect the box's exit code");
    c->reaped = true;
    x.oom_killed = host_has_cgroup(&c->cgroups) && cgroup_oom_kills(&c->cgroups) > 0;
    *ret = x;
    return 0;
}

/* After the SIGKILL to init: what the monitor has not collected yet is, here. */
static void ops_end_execs(struct container *c, bool dying) {
    int code, signo;
    for (uint32_t i = 0; i < c->n_execs; i++) {
        if (dying)
            pidref_reap(c->execs[i], &code, &signo);
        close(c->execs[i]);
    }
    c->n_execs = 0;
}

static int ops_remove(struct machine *m, struct err *e) {
    struct container *c = container_of(m);
    if (!c)
        return 0;
    fd_close(&c->sock);
    int r = 0;
    bool own_pids = m->plan->h->clone_ns & CLONE_NEWPID;
    if (m->exit_fd >= 0 && !c->reaped && own_pids && c->n_execs) {
        host_thaw_for_kill(&c->cgroups, m->exit_fd);
        if (pidref_signal(m->exit_fd, SIGKILL) == 0)
            ops_end_execs(c, true);
    }
    if (m->exit_fd >= 0 && !(c->reaped && own_pids))
        r = host_kill(m->plan, m->exit_fd, e);
    if (m->exit_fd >= 0 && !c->reaped && r == 0) {
        int code, signo;
        pidref_reap(m->exit_fd, &code, &signo);
        c->reaped = true;
    }
    ops_end_execs(c, false);
    fd_close(&m->exit_fd);
    return r;
}

static int ops_halt(struct machine *m, struct err *e) {
    struct container *c = container_of(m);
    struct err later = {0};
    fd_close(&m->netns);
    fd_close(&m->console);
    if (c)
        fd_close(&c->mntns);
    int r = c ? host_remove(m->plan, &c->cgroups, e) : 0;
    int g = c && c->rdt ? rdt_remove(m->plan, r < 0 ? &later : e) : 0;
    return r < 0 ? r : g;
}

static int ops_detach(struct machine *m, struct err *e) {
    struct container *c = container_of(m);
    if (!(m->plan->h->flags & PLAN_F_OUTLIVE))
        return err_set(e, ERR_INTERNAL, -EINVAL, "this plan's task does not outlive its starter");
    const struct spawn_talk t = spawn_talk_of(m);
    int r = sync_say(c->sock, SYNC_DETACH, -1);
    if (r == 0 || r == -EPIPE || r == -ECONNRESET) /* end of file: it can do without us */
        r = spawn_hear(&t, 0, e);
    else
        err_sysn(e, r, "cannot part from the box's first process");
    if (r < 0)
        return r;
    fd_close(&c->sock);
    fd_close(&c->mntns);
    return 0;
}

static int ops_adopt(struct machine *m, struct err *e) {
    struct container *c = (struct container *)(void *)m->room;
    memset(c, 0, sizeof(*c));
    c->sock = c->mntns = -1;
    c->rdt = true;
    m->priv = c;
    plan_cgroups(m->plan, &c->cgroups);
    return 0;
}

const struct machine_ops machine_container_ops = {
    .name = "container",
    .probe = ops_probe,
    .open = ops_open,
    .boot = ops_boot,
    .create = ops_create,
    .start = ops_start,
    .exec = ops_exec,
    .signal = ops_signal,
    .freeze = ops_freeze,
    .stats = ops_stats,
    .reap = ops_reap,
    .remove = ops_remove,
    .halt = ops_halt,
    .detach = ops_detach,
    .adopt = ops_adopt,
};

int machine_release(int sock, struct err *e) {
    int r = sync_say(sock, SYNC_RELEASE, -1);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET)
        return err_sysn(e, r, "cannot release the box's first process");
    int console = -1;
    const struct spawn_talk t = {.sock = sock, .pidfd = -1, .console = &console};
    r = spawn_hear(&t, 0, e);
    fd_close(&console);
    return r;
}

int machine_sweep(const struct plan *plan, pid_t pid, uint64_t pid_start, struct err *e) {
    struct cgroup_set set;
    struct err later = {0};
    AUTO_FD int pidfd = pid > 0 ? pidref_open_started(pid, pid_start) : -1;
    plan_cgroups(plan, &set);
    int r = host_kill(plan, pidfd, e);
    int k = host_remove(plan, &set, r < 0 ? &later : e);
    r = r < 0 ? r : k;
    k = rdt_remove(plan, r < 0 ? &later : e);
    return r < 0 ? r : k;
}
