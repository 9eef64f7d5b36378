/* SPDX-License-Identifier: Apache-2.0 */
/* exec: a second task in a running box; its plan travels to the monitor, its stdio is the caller's.
 */
#include "engine/container.h"
#include "engine/exec_plan.h"

#include "base/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

struct hako_exec {
    int sock;
    bool ended;
    int exit_code;
};

/* A plan that does not fit into a packet travels as a sealed file. */
static int exec_send_plan(int sock, struct mon_msg *m, const void *plan, size_t len, int *fds,
                          size_t nfds, struct err *e) {
    if (len + sizeof(*m) <= MON_MAX_MSG) {
        m->len = (uint32_t)len;
        return mon_send(sock, m, plan, fds, nfds, e);
    }
    if (len > MON_MAX_PLAN)
        return err_set(e, ERR_USAGE, -E2BIG, "command and environment are too long (%zu bytes)",
                       len);
    AUTO_FD int file = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r = file < 0 ? -errno : io_write_all(file, plan, len);
    if (r == 0 && fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        r = -errno;
    if (r < 0)
        return err_sysn(e, r, "cannot pass the exec plan");
    m->flags |= MON_F_MEMFD;
    fds[nfds] = file;
    return mon_send(sock, m, NULL, fds, nfds + 1, e);
}

/* Which of the given descriptors go along; /dev/null inside for the others, and with a terminal. */
static size_t exec_fds(const struct hako_stdio *io, struct mon_msg *m, int fds[4]) {
    size_t n = 0;
    if (!io || (m->flags & MON_F_TTY))
        return 0;
    const int all[] = {io->in, io->out, io->err};
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i] >= 0) {
            m->flags |= (uint32_t)MON_F_STDIN << i;
            fds[n++] = all[i];
        }
    return n;
}

static int exec_started(int sock, int *ret_master, struct err *e) {
    for (;;) {
        struct mon_msg m;
        int fds[8];
        size_t nfds = 0;
        int r = mon_recv(sock, &m, NULL, 0, fds, &nfds, 0, e);
        if (r < 0)
            return r;
        if (m.word == MON_EXEC_STARTED) {
            *ret_master = nfds ? fds[0] : -1;
            return 0;
        }
        for (size_t i = 0; i < nfds; i++)
            fd_close(&fds[i]);
    }
}

int hako_container_exec(hako_container *c, const struct hako_exec_options *o,
                        const struct hako_stdio *io, hako_exec **ret, int *ret_master,
                        hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    if (!a)
        return err_oom(e);
    int r = container_connect(c, e);
    if (r == -ESRCH)
        return err_set(e, ERR_CONFLICT, -ESRCH, "container %s is not running", c->id);
    void *plan = NULL;
    size_t len = 0;
    if (r == 0)
        r = exec_plan_build(c, o, a, &plan, &len, e);
    if (r < 0)
        return r;
    AUTO_FD int sock = -1;
    struct mon_msg m = {.word = MON_EXEC, .flags = o->tty ? MON_F_TTY : 0};
    int fds[4];
    size_t nfds = exec_fds(io, &m, fds);
    r = mon_connect(c->dirfd, &sock, e);
    int master = -1;
    if (r == 0)
        r = exec_send_plan(sock, &m, plan, len, fds, nfds, e);
    if (r == 0)
        r = exec_started(sock, &master, e);
    if (r < 0)
        return r;
    hako_exec *x = calloc(1, sizeof(*x));
    if (!x) {
        fd_close(&master);
        return err_oom(e);
    }
    x->sock = TAKE_FD(sock);
    *ret_master = master;
    *ret = x;
    return 0;
}

int hako_exec_fd(const hako_exec *x) {
    return x->sock;
}

int hako_exec_wait(hako_exec *x, int *exit_code, hako_error *he) {
    struct err *e = as_err(he);
    while (!x->ended) {
        struct mon_msg m;
        int fds[8];
        size_t nfds = 0;
        int r = mon_recv(x->sock, &m, NULL, 0, fds, &nfds, 0, e);
        if (r < 0)
            return r;
        for (size_t i = 0; i < nfds; i++)
            fd_close(&fds[i]);
        if (m.word == MON_EXEC_EXITED) {
            x->ended = true;
            x->exit_code = m.arg;
        }
    }
    *exit_code = x->exit_code;
    return 0;
}

void hako_exec_close(hako_exec *x) {
    if (!x)
        return;
    fd_close(&x->sock);
    free(x);
}
