/* SPDX-License-Identifier: Apache-2.0 */
/* stdin of the box: one small buffer, filled from attached clients when it is empty. */
#include "monitor/monitor.h"

#include <fcntl.h>
#include <sys/epoll.h>

#define INPUT_TURN 16 /* pieces per event, so that a huge file does not starve the others */

static void input_pump(struct monitor *m);

static void input_unwatch_client(struct conn *c) {
    if (c->in_watched)
        loop_del(&c->mon->loop, &c->in_src);
    c->in_watched = false;
}

static void input_client_event(struct loop_source *src, uint32_t events) {
    struct conn *c = src->data;

    input_pump(c->mon);
}

static void input_watch_client(struct conn *c) {
    if (c->in_watched || c->in.kind == FOREIGN_NONE || c->in.kind == FOREIGN_FILE)
        return;
    int r = loop_add(&c->mon->loop, &c->in_src, c->in.fd, EPOLLIN, input_client_event, c);
    if (r == 0)
        c->in_watched = true;
    else if (r == -EPERM)
        c->in.kind = FOREIGN_FILE; /* a device that is always ready */
    else
        input_detach(c);
}

void input_close(struct monitor *m) {
    struct input *in = &m->in;

    if (!in->open)
        return;
    if (in->watched)
        loop_del(&m->loop, &in->src);
    close(in->fd);
    in->open = in->watched = false;
    in->len = 0;
    for (size_t i = 0; i < MONITOR_MAX_CONNS; i++)
        if (m->conns[i].used)
            input_detach(&m->conns[i]);
}

void input_client_done(struct conn *c) {
    struct monitor *m = c->mon;

    if (c->in.kind == FOREIGN_NONE)
        return;
    input_detach(c);
    if (m->bundle.settings->stdin_once && !m->bundle.settings->tty)
        input_close(m);
}

static void input_room_event(struct loop_source *src, uint32_t events) {
    struct monitor *m = src->data;
    input_pump(m);
}

static void input_set_watch(struct monitor *m, bool on) {
    struct input *in = &m->in;

    if (on && !in->watched)
        in->watched = loop_add(&m->loop, &in->src, in->fd, EPOLLOUT, input_room_event, m) == 0;
    else if (!on && in->watched) {
        loop_del(&m->loop, &in->src);
        in->watched = false;
    }
}

/* Write what is pending. True when the buffer is empty (or the input closed). */
static bool input_flush(struct monitor *m) {
    struct input *in = &m->in;

    while (in->open && in->off < in->len) {
        ssize_t k = write(in->fd, in->buf + in->off, in->len - in->off);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && errno == EAGAIN)
            return false;
        if (k < 0)
            input_close(m); /* the box has closed its stdin */
        else
            in->off += (size_t)k;
    }
    in->off = in->len = 0;
    return true;
}

/* Fill the empty buffer from one client. False when none has anything. */
static bool input_fill(struct monitor *m) {
    struct input *in = &m->in;

    for (size_t i = 0; i < MONITOR_MAX_CONNS && in->open; i++) {
        struct conn *c = &m->conns[i];
        if (!c->used || c->in.kind == FOREIGN_NONE)
            continue;
        ssize_t k = foreign_read(&c->in, in->buf, sizeof(in->buf));
        if (k > 0) {
            in->len = (size_t)k;
            return true;
        }
        if (k != -EAGAIN)
            input_client_done(c);
    }
    return false;
}

static void input_pump(struct monitor *m) {
    struct input *in = &m->in;
    bool more = in->open;

    for (int turn = 0; turn < INPUT_TURN && more; turn++)
        more = input_flush(m) && input_fill(m);
    if (!in->open)
        return;
    /* Either something waits for room in the box's stdin, or clients are asked for more. */
    bool pending = in->len > 0 || more;
    input_set_watch(m, pending);
    for (size_t i = 0; i < MONITOR_MAX_CONNS; i++) {
        struct conn *c = &m->conns[i];
        if (!c->used || c->in.kind == FOREIGN_NONE)
            continue;
        if (pending)
            input_unwatch_client(c);
        else
            input_watch_client(c);
    }
}

void input_attach(struct conn *c, int fd) {
    struct monitor *m = c->mon;

    input_detach(c);
    foreign_open(fd, false, &c->in);
    if (m->in.open)
        input_pump(m);
}

void input_detach(struct conn *c) {
    input_unwatch_client(c);
    foreign_close(&c->in);
}

void input_begin(struct monitor *m, int fd) {
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK); /* our description: made here or given to us */
    m->in.fd = fd;
    m->in.open = true;
    input_pump(m);
}
