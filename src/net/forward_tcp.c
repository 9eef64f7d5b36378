/* SPDX-License-Identifier: Apache-2.0 */
#include "net/forwarder.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CHUNK 65536

static void on_listener(struct loop_source *src, uint32_t events);
static void on_side(struct loop_source *src, uint32_t events);

/* --- listeners rest while the table is full ----------------------------------------------------
 */

static void rest(struct forwarder *f) {
    f->full = true;
    for (size_t i = 0; i < f->nlisteners; i++)
        if (f->listener[i].proto == IPPROTO_TCP)
            loop_del(&f->loop, &f->listener[i].src);
}

static void resume(struct forwarder *f) {
    f->full = false;
    for (size_t i = 0; i < f->nlisteners; i++)
        if (f->listener[i].proto == IPPROTO_TCP)
            forward_tcp_listen(&f->listener[i]);
}

/* --- pipes -------------------------------------------------------------------------------------
 */

static int take_pipe(struct forwarder *f, struct forward_half *h) {
    if (h->pipe[0] >= 0)
        return 0;
    if (f->spare[0] >= 0) {
        h->pipe[0] = take_fd(&f->spare[0]);
        h->pipe[1] = take_fd(&f->spare[1]);
        return 0;
    }
    return pipe2(h->pipe, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

static void give_pipe(struct forwarder *f, struct forward_half *h) {
    if (h->pipe[0] >= 0 && h->held == 0 && f->spare[0] < 0) {
        f->spare[0] = take_fd(&h->pipe[0]);
        f->spare[1] = take_fd(&h->pipe[1]);
    }
    fd_close(&h->pipe[0]);
    fd_close(&h->pipe[1]);
    h->held = 0;
}

/* --- a connection ------------------------------------------------------------------------------
 */

static void drop(struct forward_conn *c, bool reset) {
    struct forwarder *f = c->f;
    const struct linger hard = {.l_onoff = 1};

    for (int i = 0; i < 2; i++) {
        loop_del(&f->loop, &c->src[i]);
        if (reset && c->fd[i] >= 0)
            setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        fd_close(&c->fd[i]);
        give_pipe(f, &c->half[i]);
    }
    c->used = false;
    f->nconns--;
    if (f->full)
        resume(f);
}

/* Watch a side for exactly what can make progress; not at all when nothing can, so that a hung-up
 * socket does not wake us for ever. */
static int watch(struct forward_conn *c, int side) {
    struct loop_source *src = &c->src[side];
    const struct forward_half *in = &c->half[side], *out = &c->half[!side];
    uint32_t want = 0;

    if (!c->connected)
        want = side == 1 ? EPOLLOUT : 0;
    else
        want = (in->held == 0 && !in->ended ? EPOLLIN : 0U) | (out->held > 0 ? EPOLLOUT : 0U);
    if (want == 0) {
        loop_del(&c->f->loop, src);
        return 0;
    }
    return src->fd < 0 ? loop_add(&c->f->loop, src, c->fd[side], want, on_side, c)
                       : loop_mod(&c->f->loop, src, want);
}

/* 1 = progress, 0 = has to wait, or -errno. */
static int move(struct forward_conn *c, int from) {
    struct forward_half *h = &c->half[from];
    ssize_t n;

    if (h->held > 0) {
        n = splice(h->pipe[0], NULL, c->fd[!from], NULL, h->held,
                   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        h->held -= (size_t)n;
        return n > 0;
    }
    if (h->ended)
        return 0;
    int r = take_pipe(c->f, h);
    if (r < 0)
        return r;
    n = splice(c->fd[from], NULL, h->pipe[1], NULL, CHUNK, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    h->held = (size_t)n;
    if (n > 0)
        return 1;
    h->ended = true; /* nothing is held: pass it on at once */
    return shutdown(c->fd[!from], SHUT_WR) < 0 ? -errno : 0;
}

static void pump(struct forward_conn *c) {
    for (int from = 0; from < 2; from++) {
        int r = 1;
        for (int turn = 0; r == 1 && turn < FORWARD_TURNS; turn++)
            r = move(c, from);
        if (r < 0) {
            drop(c, true);
            return;
        }
        if (c->half[from].held == 0)
            give_pipe(c->f, &c->half[from]);
    }
    if (c->half[0].ended && c->half[1].ended && c->half[0].held + c->half[1].held == 0)
        drop(c, false);
    else if (watch(c, 0) < 0 || watch(c, 1) < 0)
        drop(c, true);
}

static void on_side(struct loop_source *src, uint32_t events) {
    struct forward_conn *c = src->data;
    int code = 0;
    socklen_t n = sizeof(code);

    (void)events;
    if (!c->connected) {
        if (getsockopt(c->fd[1], SOL_SOCKET, SO_ERROR, &code, &n) < 0 || code != 0) {
            drop(c, true); /* nobody listens in the box: refuse as it did */
            return;
        }
        c->connected = true;
    }
    pump(c);
}

/* --- taking connections ------------------------------------------------------------------------
 */

static struct forward_conn *new_conn(struct forwarder *f) {
    for (size_t i = 0; i < f->max_conns; i++) {
        struct forward_conn *c = &f->conn[i];
        if (c->used)
            continue;
        *c = (struct forward_conn){.f = f,
                                   .used = true,
                                   .fd = {-1, -1},
                                   .src = {{.fd = -1}, {.fd = -1}},
                                   .half = {{.pipe = {-1, -1}}, {.pipe = {-1, -1}}}};
        f->nconns++;
        return c;
    }
    return NULL;
}

static void begin(struct forward_listener *l, int fd) {
    const int one = 1;
    struct forward_conn *c = new_conn(l->f);

    c->fd[0] = fd;
    c->fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd[1] < 0) {
        drop(c, true);
        return;
    }
    /* Bytes were gathered by the sender already; waiting for more here only adds delay. */
    setsockopt(c->fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(c->fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    int r = connect(c->fd[1], (struct sockaddr *)&l->box, sizeof(l->box));
    if ((r < 0 && errno != EINPROGRESS) || watch(c, 1) < 0)
        drop(c, true);
}

static void on_listener(struct loop_source *src, uint32_t events) {
    struct forward_listener *l = src->data;
    struct forwarder *f = l->f;

    (void)events;
    for (int turn = 0; turn < FORWARD_TURNS; turn++) {
        if (f->nconns >= f->max_conns) {
            rest(f);
            return;
        }
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            begin(l, fd);
            continue;
        }
        /* Out of descriptors: wait for one of ours, else the host's next try wakes us. */
        if ((errno == EMFILE || errno == ENFILE) && f->nconns > 0)
            rest(f);
        return;
    }
}

int forward_tcp_listen(struct forward_listener *l) {
    return loop_add(&l->f->loop, &l->src, l->fd, EPOLLIN, on_listener, l);
}
