/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/machine.h"

#include "sys/pidref.h"

#include <string.h>

static const char *const state_names[] = {"new",     "open",    "booted", "created",
                                          "running", "stopped", "halted"};

static int check_state(const struct machine *m, enum machine_state want, const char *what,
                       struct err *e) {
    if (m->state == want)
        return 0;
    return err_set(e, ERR_CONFLICT, -EINVAL, "machine: cannot %s while it is %s", what,
                   state_names[m->state]);
}

void machine_init(struct machine *m, const struct machine_ops *ops) {
    memset(m, 0, sizeof(*m));
    m->ops = ops;
    m->state = MACHINE_NEW;
    m->netns = m->exit_fd = m->console = -1;
}

/* A failed open leaves the state at OPEN: there may be things to take down. */
int machine_open(struct machine *m, const struct plan *plan, const struct machine_stdio *io,
                 struct err *e) {
    int r = check_state(m, MACHINE_NEW, "open", e);
    if (r < 0)
        return r;
    m->plan = plan;
    m->state = MACHINE_OPEN;
    return m->ops->open(m, plan, io, e);
}

static int advance(struct machine *m, enum machine_state from, enum machine_state to,
                   const char *what, int (*fn)(struct machine *m, struct err *e), struct err *e) {
    int r = check_state(m, from, what, e);
    if (r == 0)
        r = fn(m, e);
    if (r == 0)
        m->state = to;
    return r;
}

int machine_boot(struct machine *m, struct err *e) {
    return advance(m, MACHINE_OPEN, MACHINE_BOOTED, "boot", m->ops->boot, e);
}

int machine_create(struct machine *m, struct err *e) {
    return advance(m, MACHINE_BOOTED, MACHINE_CREATED, "create", m->ops->create, e);
}

int machine_start(struct machine *m, struct err *e) {
    return advance(m, MACHINE_CREATED, MACHINE_RUNNING, "start", m->ops->start, e);
}

int machine_reap(struct machine *m, struct machine_exit *ret, struct err *e) {
    if (m->state != MACHINE_RUNNING && m->state != MACHINE_CREATED)
        return check_state(m, MACHINE_RUNNING, "reap", e);
    int r = m->ops->reap(m, ret, e);
    if (r == 0)
        m->state = MACHINE_STOPPED;
    return r;
}

int machine_detach(struct machine *m, struct err *e) {
    int r = check_state(m, MACHINE_CREATED, "detach", e);
    if (r == 0 && !m->ops->detach)
        r = err_set(e, ERR_UNAVAILABLE, -ENOTSUP, "machine: %s cannot detach", m->ops->name);
    if (r == 0)
        r = m->ops->detach(m, e);
    if (r < 0)
        return r;
    fd_close(&m->netns);
    fd_close(&m->exit_fd);
    fd_close(&m->console);
    m->state = MACHINE_HALTED;
    return 0;
}

int machine_adopt(struct machine *m, const struct machine_ops *ops, const struct plan *plan,
                  pid_t pid, uint64_t pid_start, struct err *e) {
    machine_init(m, ops);
    if (!ops->adopt)
        return err_set(e, ERR_UNAVAILABLE, -ENOTSUP, "machine: %s cannot be taken over", ops->name);
    int fd = pidref_open_started(pid, pid_start);
    if (fd < 0)
        return fd == -ESRCH ? err_set(e, ERR_CONFLICT, fd, "the container has stopped")
                            : err_sysn(e, fd, "cannot open the container's process");
    m->plan = plan;
    m->pid = pid;
    m->exit_fd = fd;
    int r = ops->adopt(m, e);
    if (r < 0)
        fd_close(&m->exit_fd);
    else
        m->state = MACHINE_RUNNING;
    return r;
}

int machine_end(struct machine *m, struct err *e) {
    struct err later = {0};
    if (m->state == MACHINE_NEW || m->state == MACHINE_HALTED) {
        m->state = MACHINE_HALTED;
        return 0;
    }
    int r = m->ops->remove(m, e);
    int h = m->ops->halt(m, r < 0 ? &later : e);
    fd_close(&m->netns);
    fd_close(&m->exit_fd);
    fd_close(&m->console);
    m->state = MACHINE_HALTED;
    return r < 0 ? r : h;
}
