/* SPDX-License-Identifier: Apache-2.0 */
/* Output of the box: pipe or console → log and every attached client, piece by piece. */
#include "monitor/monitor.h"

#include "sys/tty.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#define STREAM_TTY_MOST ((size_t)1 << 20) /* the kernel buffers less */

static void stream_flush(struct stream *s);
static void stream_read(struct stream *s);

static unsigned stream_index(const struct stream *s) {
    return (unsigned)(s - s->mon->streams);
}

static void stream_event(struct loop_source *src, uint32_t events) {
    stream_read(src->data);
}

static void stream_watch(struct stream *s, bool on) {
    struct loop *l = &s->mon->loop;

    if (on && !s->watched)
        s->watched = loop_add(l, &s->src, s->fd, EPOLLIN, stream_event, s) == 0;
    else if (!on && s->watched) {
        loop_del(l, &s->src);
        s->watched = false;
    }
}

static void stream_close(struct stream *s) {
    if (!s->open)
        return;
    stream_watch(s, false);
    close(s->fd);
    s->open = false;
}

/* --- sinks ----------------------------------------------------------------------------------- */

static void sink_close(struct sink *k) {
    if (k->watched)
        loop_del(&k->conn->mon->loop, &k->src);
    k->watched = false;
    foreign_close(&k->to);
}

static void sink_event(struct loop_source *src, uint32_t events) {
    struct sink *k = src->data;
    struct stream *s = &k->conn->mon->streams[k->stream];

    if (events & (EPOLLERR | EPOLLHUP))
        sink_close(k); /* nobody reads there any more */
    if (s->pending)
        stream_flush(s);
}

static void sink_open(struct conn *c, unsigned stream, int fd) {
    struct sink *k = &c->sinks[stream];

    sink_close(k);
    foreign_open(fd, true, &k->to);
    k->conn = c;
    k->stream = stream;
    k->done = c->mon->streams[stream].len; /* the piece under way belongs to the others */
    if (k->to.kind == FOREIGN_FILE)
        return;
    int r = loop_add(&c->mon->loop, &k->src, k->to.fd, 0, sink_event, k);
    k->watched = r == 0;
    if (r == -EPERM)
        k->to.kind = FOREIGN_FILE; /* a device without poll: /dev/null */
    else if (r < 0)
        sink_close(k);
}

/* True when it has all, or is gone. */
static bool sink_write(struct sink *k, const struct stream *s) {
    while (k->to.kind != FOREIGN_NONE && k->done < s->len) {
        ssize_t n = foreign_write(&k->to, s->buf + k->done, s->len - k->done);
        if (n == -EAGAIN && !k->conn->mon->hurry)
            break;
        if (n < 0)
            sink_close(k);
        else
            k->done += (size_t)n;
    }
    bool owed = k->to.kind != FOREIGN_NONE && k->done < s->len;
    if (k->watched)
        loop_mod(&k->conn->mon->loop, &k->src, owed ? EPOLLOUT : 0);
    return !owed;
}

/* --- streams --------------------------------------------------------------------------------- */

static void stdio_check_drained(struct monitor *m) {
    if (m->life == LIFE_DRAINING && !m->streams[0].open && !m->streams[1].open)
        monitor_drained(m);
}

/* Bring the piece to all who lack it; read on only when nobody does. */
static void stream_flush(struct stream *s) {
    struct monitor *m = s->mon;
    bool owed = false;

    for (size_t i = 0; i < MONITOR_MAX_CONNS; i++) {
        struct conn *c = &m->conns[i];
        if (c->used && c->attached && !sink_write(&c->sinks[stream_index(s)], s))
            owed = true;
    }
    bool was_pending = s->pending;
    s->pending = owed;
    if (!owed)
        s->len = 0;
    if (!s->open)
        return;
    stream_watch(s, !owed);
    if (was_pending && !owed && m->life == LIFE_DRAINING)
        stream_read(s);
}

/* One piece; while draining, all there is. */
static void stream_read(struct stream *s) {
    struct monitor *m = s->mon;

    do {
        bool draining = m->life == LIFE_DRAINING;
        size_t most = draining ? MIN_OF(sizeof(s->buf), s->owed) : sizeof(s->buf);
        ssize_t n = most > 0 ? read(s->fd, s->buf, most) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && !draining)
            return;
        if (n <= 0) { /* EOF, EIO of a console without slaves; empty and all writers dead */
            stream_close(s);
            break;
        }
        s->owed -= draining ? (size_t)n : 0;
        log_write(&m->log, (int)stream_index(s) + 1, s->buf, (size_t)n);
        s->len = (size_t)n;
        for (size_t i = 0; i < MONITOR_MAX_CONNS; i++)
            if (m->conns[i].used)
                m->conns[i].sinks[stream_index(s)].done = 0;
        stream_flush(s);
    } while (m->life == LIFE_DRAINING && s->open && !s->pending);
    stdio_check_drained(m);
}

/* --- for monitor and connections ------------------------------------------------------------- */

static int stdio_pipe(struct monitor *m, int box_end, int *ours, struct err *e) {
    int p[2];

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe for the container's stdio");
    m->box_ends[box_end] = p[box_end != 0];
    *ours = p[box_end == 0];
    fcntl(*ours, F_SETFL, O_NONBLOCK); /* each end has its own description */
    return 0;
}

int stdio_prepare(struct monitor *m, struct machine_stdio *ret, struct err *e) {
    const struct mon_settings *s = m->bundle.settings;
    int fd = -1, r;

    for (int i = 0; i < 3; i++)
        m->box_ends[i] = -1;
    for (unsigned i = 0; i < 2; i++)
        m->streams[i].mon = m;
    if (s->keep_logs)
        log_open(&m->log, m->dirfd, s->log_max_bytes, s->log_max_files);
    for (int i = 1; i < 3 && !s->tty; i++) {
        if ((r = stdio_pipe(m, i, &fd, e)) < 0)
            return r;
        m->streams[i - 1].fd = fd;
        m->streams[i - 1].open = true;
    }
    if (s->open_stdin && !s->tty) {
        if ((r = stdio_pipe(m, 0, &fd, e)) < 0)
            return r;
        input_begin(m, fd);
    }
    *ret = (struct machine_stdio){
        .fd = {m->box_ends[0], m->box_ends[1], m->box_ends[2]},
        .terminal = s->tty != 0,
    };
    return 0;
}

int stdio_begin(struct monitor *m, struct err *e) {
    for (int i = 0; i < 3; i++)
        fd_close(&m->box_ends[i]);
    if (m->bundle.settings->tty) {
        struct stream *s = &m->streams[0];
        int fd = take_fd(&m->machine.console);
        int in = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (in < 0) {
            fd_close(&fd);
            return err_set(e, ERR_INTERNAL, -EBADF, "the container's terminal is missing");
        }
        s->fd = fd;
        s->open = true;
        input_begin(m, in); /* sets both non-blocking: one description */
        stdio_resize(m, m->cols, m->rows);
    }
    for (unsigned i = 0; i < 2; i++)
        if (m->streams[i].open)
            stream_watch(&m->streams[i], true);
    return 0;
}

int stdio_attach(struct conn *c, uint32_t flags, const int *fds, struct err *e) {
    struct monitor *m = c->mon;
    size_t n = 0;

    if (!m->booted || m->life >= LIFE_OVER) {
        int count = !!(flags & MON_F_STDIN) + !!(flags & MON_F_STDOUT) + !!(flags & MON_F_STDERR);
        for (int i = 0; i < count; i++)
            close(fds[i]);
        return err_set(e, ERR_CONFLICT, -ESRCH, "the container is not running");
    }
    c->attached = true;
    if (flags & MON_F_STDIN) {
        if (m->bundle.settings->open_stdin)
            input_attach(c, fds[n]);
        else
            close(fds[n]);
        n++;
    }
    if (flags & MON_F_STDOUT)
        sink_open(c, 0, fds[n++]);
    if (flags & MON_F_STDERR)
        sink_open(c, 1, fds[n++]);
    return 0;
}

void stdio_detach(struct conn *c) {
    struct monitor *m = c->mon;

    input_detach(c);
    if (!c->attached)
        return;
    c->attached = false;
    for (unsigned i = 0; i < 2; i++) {
        sink_close(&c->sinks[i]);
        if (m->streams[i].pending)
            stream_flush(&m->streams[i]);
    }
}

/* What the dead box has written. A descriptor that it gave away to a stranger may still be written
 * to, for ever: that is not waited for. */
static size_t stream_owed(const struct stream *s) {
    int n = 0;

    if (s->mon->bundle.settings->tty) /* what a console holds is in several places */
        return STREAM_TTY_MOST;
    return ioctl(s->fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

void stdio_drain(struct monitor *m) {
    input_close(m);
    for (unsigned i = 0; i < 2; i++)
        if (m->streams[i].open)
            m->streams[i].owed = stream_owed(&m->streams[i]);
    for (unsigned i = 0; i < 2; i++)
        if (m->streams[i].open && !m->streams[i].pending && m->life == LIFE_DRAINING)
            stream_read(&m->streams[i]);
    stdio_check_drained(m);
}

void stdio_abandon(struct monitor *m) {
    m->hurry = true;
    for (unsigned i = 0; i < 2; i++)
        if (m->streams[i].pending)
            stream_flush(&m->streams[i]);
}

void stdio_resize(struct monitor *m, uint16_t cols, uint16_t rows) {
    m->cols = cols;
    m->rows = rows;
    if (cols > 0 && rows > 0 && m->bundle.settings->tty && m->streams[0].open)
        tty_set_size(m->streams[0].fd, rows, cols);
}
