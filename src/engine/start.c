/* SPDX-License-Identifier: Apache-2.0 */
/* Starting: one exec of the monitor, one packet with descriptors, one answer. */
#include "engine/container.h"
#include "engine/place.h"
#include "sys/tty.h"

#include <fcntl.h>
#include <string.h>

int start_send_attach(int sock, const struct hako_stdio *io, struct err *e) {
    struct mon_msg m = {.word = MON_ATTACH};
    int fds[3];
    size_t n = 0;
    if (io->in >= 0) {
        m.flags |= MON_F_STDIN;
        fds[n++] = io->in;
    }
    if (io->out >= 0) {
        m.flags |= MON_F_STDOUT;
        fds[n++] = io->out;
    }
    if (io->err >= 0) {
        m.flags |= MON_F_STDERR;
        fds[n++] = io->err;
    }
    return mon_send(sock, &m, NULL, fds, n, e);
}

/* The answer to START: STARTED, or what went wrong. */
static int start_answer(int sock, struct err *e) {
    for (;;) {
        struct mon_msg m;
        int fds[8];
        size_t nfds = 0;
        int r = mon_recv(sock, &m, NULL, 0, fds, &nfds, 0, e);
        if (r < 0)
            return r;
        for (size_t i = 0; i < nfds; i++)
            fd_close(&fds[i]);
        if (m.word == MON_STARTED)
            return 0;
    }
}

static int start_monitor(hako_container *c, int *sock, struct err *e) {
    char *path = NULL;
    int r = engine_helper(c->g, "hako-monitor", c->a, &path, e);
    if (r < 0)
        return r;
    AUTO_FD int monitor = open(path, O_RDONLY | O_CLOEXEC);
    if (monitor < 0)
        return err_sys(e, "%s", path);
    struct place AUTO_PLACE place = PLACE_NONE;
    r = place_open(c->g, monitor, &c->rec, &place, e);
    if (r < 0)
        return r;
    struct mon_spawn s = {.monitor_fd = monitor,
                          .dirfd = c->dirfd,
                          .userns_fd = place.userns,
                          .host_netns = place.netns,
                          .holder_conn = place.holder,
                          .rundir = c->g->runfd,
                          .lasting = !c->rec.auto_remove,
                          .stays_child = c->g->leaves_soon};
    r = mon_spawn(&s, sock, e);
    if (r == 0)
        r = place_send_ports(*sock, &place, e);
    if (r < 0)
        fd_close(sock);
    return r;
}

/* Before the start, so that the box never sees another size than its user's terminal has. */
static int start_send_size(int sock, int out, struct err *e) {
    struct mon_msg m = {.word = MON_RESIZE};
    if (out < 0 || tty_get_size(out, &m.rows, &m.cols) < 0 || !m.rows || !m.cols)
        return 0;
    return mon_send(sock, &m, NULL, NULL, 0, e);
}

int hako_container_start(hako_container *c, const struct hako_stdio *io, hako_error *he) {
    struct err *e = as_err(he);
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r < 0)
        return r;
    if (st.status == HAKO_RUNNING || st.status == HAKO_PAUSED)
        return 0;
    if (unlinkat(c->dirfd, MON_EXIT, 0) < 0 && errno != ENOENT) /* "created" has one, too */
        return err_sys(e, "container %s: cannot forget its last end", c->rec.name);
    c->ended = false;
    AUTO_FD int sock = -1;
    r = start_monitor(c, &sock, e);
    if (r == 0 && io)
        r = start_send_attach(sock, io, e);
    if (r == 0 && io && c->rec.tty)
        r = start_send_size(sock, io->out, e);
    struct mon_msg go = {.word = MON_GO, .flags = MON_F_START};
    if (r == 0)
        r = mon_send(sock, &go, NULL, NULL, 0, e);
    if (r == 0)
        r = start_answer(sock, e);
    if (r < 0)
        return r;
    fd_close(&c->sock);
    c->sock = TAKE_FD(sock);
    c->watching = true;
    return 0;
}
