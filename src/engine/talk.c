/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the monitor of a running box: wait, attach, signal, stop, pause. */
#include "engine/container.h"

#include "base/str.h"
#include "spec/signal.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define TALK_TRIES 3 /* connections that a living monitor drops */

static int talk_send(hako_container *c, uint32_t word, uint32_t flags, int32_t arg, struct err *e) {
    int r = container_connect(c, e);
    if (r < 0)
        return r;
    struct mon_msg m = {.word = word, .flags = flags, .arg = arg};
    r = mon_send(c->sock, &m, NULL, NULL, 0, e);
    if (r == -ECONNRESET) {
        fd_close(&c->sock); /* the next word goes over a new one */
        c->watching = false;
    }
    return r;
}

/* The next word; descriptors are not expected here. */
static int talk_recv(hako_container *c, struct mon_msg *m, int64_t deadline, struct err *e) {
    int fds[8];
    size_t nfds = 0;
    int r = mon_recv(c->sock, m, NULL, 0, fds, &nfds, deadline, e);
    for (size_t i = 0; i < nfds; i++)
        fd_close(&fds[i]);
    if (r == 0 && m->word == MON_EXITED) {
        c->ended = true;
        c->exit_code = m->arg;
    }
    return r;
}

static int talk_over(hako_container *c, int code) {
    c->ended = true;
    c->exit_code = code;
    return 0;
}

/* What the files say: 1 = it runs, 0 = it has ended. */
static int talk_files(hako_container *c, struct err *e) {
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r == -ENOENT)
        return talk_over(c, 128 + SIGKILL);
    if (r < 0)
        return r;
    bool runs = st.status == HAKO_RUNNING || st.status == HAKO_PAUSED;
    return runs ? 1 : talk_over(c, st.exit.code); /* 0 of what was never started */
}

/* The connection is lost, with the monitor most likely: then the files tell, as soon as its lock is
 * free. -ECONNRESET: it lives, and there is a new connection, over which nothing was said. */
static int talk_lost(hako_container *c, struct err *e) {
    fd_close(&c->sock);
    c->watching = false;
    int r = talk_files(c, e);
    if (r <= 0)
        return r;
    r = container_connect(c, e);
    if (r == -ESRCH) {
        r = mon_wait_unlocked(c->dirfd);
        r = r < 0 ? err_sysn(e, r, "container %s: cannot wait", c->rec.name) : talk_files(c, e);
    }
    if (r < 0 || c->ended)
        return r;
    return err_set(e, ERR_CONFLICT, -ECONNRESET,
                   "container %s: the connection to its monitor is lost", c->rec.name);
}

/* -ESRCH is the answer to a signal that came too late: the end follows. */
static int talk_until_ended(hako_container *c, int64_t deadline, struct err *e) {
    int r = 0;
    while (!c->ended && (r == 0 || r == -ESRCH)) {
        struct mon_msg m;
        r = talk_recv(c, &m, deadline, e);
    }
    return c->ended ? 0 : r;
}

/* Of a box that cannot be reached: is it at its end? Its lock is free after this. One that has not
 * come far enough to listen, or that nobody can talk to, is an error. */
static int talk_ended(hako_container *c, struct err *e) {
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (st.status != HAKO_RUNNING && st.status != HAKO_PAUSED)
        return 0;
    if (faccessat(c->dirfd, MON_EXIT, F_OK, 0) < 0 &&
        faccessat(c->g->containersfd, c->id, F_OK, 0) == 0)
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "container %s does not answer: it may be about to start, try again",
                       c->rec.name);
    r = mon_wait_unlocked(c->dirfd);
    return r < 0 ? err_sysn(e, r, "cannot wait for the end of container %s", c->rec.name) : 0;
}

int hako_container_fd(const hako_container *c) {
    return c->sock;
}

static int talk_watch(hako_container *c, struct err *e) {
    if (c->watching)
        return 0;
    int r = talk_send(c, MON_WAIT, 0, 0, e);
    if (r == 0)
        c->watching = true;
    return r;
}

/* Read on until the monitor has closed its end: its last clean-up is done then. */
void talk_until_gone(hako_container *c) {
    char buf[64];
    if (c->sock < 0)
        return;
    while (recv(c->sock, buf, sizeof(buf), 0) > 0 || errno == EINTR)
        errno = 0;
    fd_close(&c->sock);
}

static int talk_wait(hako_container *c, int64_t deadline, struct err *e) {
    if (c->ended)
        return 0;
    int r = talk_watch(c, e);
    if (r == 0)
        r = talk_until_ended(c, deadline, e);
    return r == -ECONNRESET || r == -ESRCH ? talk_lost(c, e) : r;
}

int hako_container_wait(hako_container *c, int timeout_ms, int *exit_code, hako_error *he) {
    struct err *e = as_err(he);
    int64_t deadline = timeout_ms < 0 ? 0 : now_mono_ns() + (int64_t)timeout_ms * 1000000;
    int r = -ECONNRESET;
    for (int i = 0; i < TALK_TRIES && r == -ECONNRESET; i++)
        r = talk_wait(c, deadline, e);
    if (r == 0)
        *exit_code = c->exit_code;
    return r;
}

static int talk_gone(hako_container *c, int r, struct err *e) {
    if (r == 0)
        talk_until_gone(c);
    return r == 0 || r == -ESRCH ? talk_ended(c, e) : r;
}

int talk_kill(hako_container *c, struct err *e) {
    int r = -ECONNRESET;
    for (int i = 0; i < TALK_TRIES && r == -ECONNRESET; i++) {
        r = hako_container_kill(c, "KILL", (hako_error *)e);
        if (r == 0)
            r = talk_wait(c, 0, e);
    }
    return talk_gone(c, r, e);
}

int hako_container_attach(hako_container *c, const struct hako_stdio *io, hako_error *he) {
    struct err *e = as_err(he);
    int r = container_connect(c, e);
    if (r == 0)
        r = start_send_attach(c->sock, io, e);
    return r < 0 ? r : talk_watch(c, e);
}

int hako_container_detach(hako_container *c, hako_error *he) {
    return talk_send(c, MON_DETACH, 0, 0, as_err(he));
}

int hako_container_resize(hako_container *c, uint16_t cols, uint16_t rows, hako_error *he) {
    struct err *e = as_err(he);
    int r = container_connect(c, e);
    if (r < 0)
        return r;
    struct mon_msg m = {.word = MON_RESIZE, .cols = cols, .rows = rows};
    return mon_send(c->sock, &m, NULL, NULL, 0, e);
}

int hako_container_kill(hako_container *c, const char *name, hako_error *he) {
    struct err *e = as_err(he);
    int signo = SIGKILL;
    int r = name ? signal_parse(name, &signo, e) : 0;
    if (r < 0)
        return r;
    r = talk_send(c, MON_SIGNAL, 0, signo, e);
    if (r == -ESRCH)
        return err_set(e, ERR_CONFLICT, -ESRCH,
                       "cannot kill container: %s: container %s is not running", c->rec.name,
                       c->id);
    return r;
}

/* Signal, and patience: 0 with or without the end, or an error; -ETIMEDOUT. */
static int talk_ask_to_end(hako_container *c, const char *signal, int timeout, bool paused,
                           struct err *e) {
    int r = talk_watch(c, e);
    if (r == 0)
        r = hako_container_kill(c, signal, (hako_error *)e);
    if (r == 0 && paused)
        r = talk_send(c, MON_FREEZE, 0, 0, e);
    if (r == 0 && timeout > 0)
        r = talk_wait(c, now_mono_ns() + (int64_t)timeout * 1000000000, e);
    return r;
}

int hako_container_stop(hako_container *c, const char *signal, int timeout, hako_error *he) {
    struct err *e = as_err(he);
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (st.status != HAKO_RUNNING && st.status != HAKO_PAUSED)
        return 0;
    if (timeout < 0)
        timeout = c->rec.stop_timeout >= 0 ? (int)c->rec.stop_timeout : 10;
    if (!signal)
        signal = c->rec.stop_signal ? c->rec.stop_signal : "TERM";
    r = talk_ask_to_end(c, signal, timeout, st.status == HAKO_PAUSED, e);
    if ((r == 0 && !c->ended) || r == -ETIMEDOUT || r == -ECONNRESET)
        return talk_kill(c, e);
    return talk_gone(c, r, e);
}

int hako_container_pause(hako_container *c, bool pause, hako_error *he) {
    struct err *e = as_err(he);
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r < 0)
        return r;
    if (st.status == (pause ? HAKO_PAUSED : HAKO_RUNNING))
        return err_set(e, ERR_CONFLICT, -EALREADY, "container %s is %s paused", c->rec.name,
                       pause ? "already" : "not");
    r = talk_send(c, MON_FREEZE, 0, pause, e);
    struct mon_msg m = {0};
    while (r == 0 && m.word != MON_OK && !c->ended)
        r = talk_recv(c, &m, 0, e);
    return r;
}
