/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks entered later: started for a client, outliving it, reported to it when they end. */
#include "monitor/monitor.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define EXECS_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int execs_code(struct exec_slot *x) {
    siginfo_t si = {0};

    if (waitid(P_PIDFD, (id_t)x->exit_fd, &si, WEXITED | WNOHANG | __WALL) < 0 || si.si_pid == 0)
        return 128 + SIGKILL;
    return si.si_code == CLD_EXITED ? si.si_status & 255 : 128 + si.si_status;
}

static void execs_finish(struct monitor *m, struct exec_slot *x) {
    struct mon_msg msg = {.word = MON_EXEC_EXITED, .arg = execs_code(x)};

    loop_del(&m->loop, &x->src);
    close(x->exit_fd);
    x->used = false;
    if (x->conn)
        control_send(x->conn, &msg, NULL, 0);
}

static void execs_event(struct loop_source *src, uint32_t events) {
    struct exec_slot *x = src->data;
    execs_finish(x->mon, x);
}

bool execs_reaped(struct monitor *m, pid_t pid) {
    for (size_t i = 0; i < MONITOR_MAX_EXECS; i++)
        if (m->execs[i].used && m->execs[i].pid == pid) {
            execs_finish(m, &m->execs[i]);
            return true;
        }
    return false;
}

void execs_forget(struct conn *c) {
    for (size_t i = 0; i < MONITOR_MAX_EXECS; i++)
        if (c->mon->execs[i].used && c->mon->execs[i].conn == c)
            c->mon->execs[i].conn = NULL;
}

void execs_end(struct monitor *m) {
    for (size_t i = 0; i < MONITOR_MAX_EXECS; i++)
        if (m->execs[i].used)
            execs_finish(m, &m->execs[i]);
}

/* A plan too large for a packet comes in a memfd that nobody can change any more. */
static int execs_map(int fd, void **map, size_t *len, struct err *e) {
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & EXECS_SEALS) != EXECS_SEALS || fstat(fd, &st) < 0 ||
        st.st_size <= 0 || (uint64_t)st.st_size > MON_MAX_PLAN)
        return err_set(e, ERR_USAGE, -EINVAL, "exec: the plan is not a sealed memory file");
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "exec: cannot map the plan");
    *map = p;
    *len = (size_t)st.st_size;
    return 0;
}

static int execs_run(struct monitor *m, struct exec_slot *x, const void *bytes, size_t len,
                     const struct machine_stdio *io, int *console, struct err *e) {
    struct machine_exec task = {.exit_fd = -1, .console = -1};
    struct plan plan;
    int r = plan_open(bytes, len, &plan, e);

    if (r < 0 || (r = m->machine.ops->exec(&m->machine, &plan, io, &task, e)) < 0)
        return r;
    *x = (struct exec_slot){.mon = m, .pid = task.pid, .exit_fd = task.exit_fd};
    r = loop_add(&m->loop, &x->src, task.exit_fd, EPOLLIN, execs_event, x);
    if (r < 0) {
        fd_close(&task.exit_fd);
        fd_close(&task.console);
        return err_sysn(e, r, "exec: cannot watch the task");
    }
    x->used = true;
    *console = task.console;
    return 0;
}

static int execs_try(struct conn *c, const struct mon_msg *msg, const int *fds, int *console,
                     struct exec_slot **ret, struct err *e) {
    struct monitor *m = c->mon;
    struct machine_stdio io = {.fd = {-1, -1, -1}, .terminal = msg->flags & MON_F_TTY};
    struct exec_slot *x = NULL;
    const void *bytes = m->payload;
    size_t len = msg->len, n = 0;
    void *map = NULL;

    for (size_t i = 0; i < MONITOR_MAX_EXECS && !x; i++)
        if (!m->execs[i].used)
            x = &m->execs[i];
    if (!x)
        return err_set(e, ERR_CONFLICT, -EAGAIN,
                       "this container runs %d exec tasks already: wait for one of them to end",
                       MONITOR_MAX_EXECS);
    for (uint32_t i = 0; i < 3; i++)
        if (msg->flags & (MON_F_STDIN << i))
            io.fd[i] = fds[n++];
    if (msg->flags & MON_F_MEMFD) {
        int r = execs_map(fds[n], &map, &len, e);
        if (r < 0)
            return r;
        bytes = map;
    }
    int r = execs_run(m, x, bytes, len, &io, console, e);
    if (map)
        munmap(map, len);
    *ret = x;
    return r;
}

void execs_start(struct conn *c, const struct mon_msg *msg, const int *fds) {
    AUTO_FD int console = -1;
    struct exec_slot *x = NULL;
    struct err e = {0};

    if (execs_try(c, msg, fds, &console, &x, &e) < 0) {
        control_send_error(c, &e);
        return;
    }
    x->conn = c;
    struct mon_msg answer = {.word = MON_EXEC_STARTED, .arg = x->pid};
    if (console >= 0)
        answer.flags = MON_F_TTY;
    control_send(c, &answer, &console, console >= 0);
}
