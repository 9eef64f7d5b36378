/* SPDX-License-Identifier: Apache-2.0 */
/* A second task in a running box: born in its pid namespace, it joins the rest itself. */
#include "machine/container/container.h"

#include "machine/container/birth.h"
#include "machine/container/rdt.h"
#include "machine/container/sync.h"
#include "sys/pidref.h"

#include <fcntl.h>
#include <sys/prctl.h>

#define EXEC_KILL_TIMEOUT_MS 10000

static void exec_undo(struct machine_exec *x) {
    int code, signo;
    if (x->exit_fd >= 0) {
        pidref_kill(x->exit_fd, EXEC_KILL_TIMEOUT_MS);
        pidref_reap(x->exit_fd, &code, &signo);
    }
    fd_close(&x->exit_fd);
    fd_close(&x->console);
}

/* Opened here, where /dev is the host's. */
static int exec_null(const struct plan *p, const struct machine_stdio *io) {
    bool missing = io->fd[0] < 0 || io->fd[1] < 0 || io->fd[2] < 0;
    return missing && !plan_has_terminal(p) ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
}

int exec_start(struct machine *m, const struct plan *p, const struct machine_stdio *io,
               struct machine_exec *ret, struct err *e) {
    struct cgroup_set set;
    plan_cgroups(p, &set);
    AUTO_FD int cgroup = set.v2 ? cgroup_open(set.v2) : -1;
    if (set.v2 && cgroup < 0)
        return host_join_failed(set.v2, cgroup, e);
    AUTO_FD int null = exec_null(p, io);
    struct birth b = {
        .plan = p, .io = io, .box = m->exit_fd, .cgroup = cgroup, .null = null, .pidfd = -1};
    int r = sync_pair(b.ends);
    if (r < 0)
        return err_sysn(e, r, "socketpair");
    /* the task is in sight of the box from its birth: nothing of ours in it may be looked at */
    int dumpable = prctl(PR_GET_DUMPABLE);
    prctl(PR_SET_DUMPABLE, 0);
    r = birth(&b, e);
    if ((r == -EBUSY || r == -EOPNOTSUPP) && cgroup >= 0 && !(p->h->flags & PLAN_F_CGROUP_ASKED)) {
        /* init has moved on and handed controllers to groups of its own */
        fd_close(&cgroup);
        b.cgroup = cgroup = cgroup_open_beside(set.v2, m->pid);
        if (cgroup >= 0)
            r = birth(&b, e);
    }
    if ((r == -EBUSY || r == -EOPNOTSUPP) && cgroup >= 0)
        err_set(e, ERR_CONFLICT, r,
                "cannot enter the cgroup: adding pid to cgroups: %s/cgroup.procs: device or "
                "resource busy: it has groups with controllers",
                set.v2);
    if (dumpable == 1)
        prctl(PR_SET_DUMPABLE, 1);
    close(b.ends[1]);
    struct machine_exec x = {.pid = b.pid, .exit_fd = b.pidfd, .console = -1};
    const struct spawn_talk t = {.sock = b.ends[0],
                                 .plan = p,
                                 .pid = x.pid,
                                 .box = m->pid,
                                 .pidfd = x.exit_fd,
                                 .console = &x.console};
    if (r == 0)
        r = rdt_join(m->plan, x.pid, e);
    if (r == 0)
        r = spawn_hear(&t, 0, e);
    close(b.ends[0]);
    if (r < 0) {
        exec_undo(&x);
        return r;
    }
    *ret = x;
    return 0;
}
