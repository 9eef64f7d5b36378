/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/relay.h"

#include "cli/keys.h"

#include "base/io.h"
#include "sys/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#define RELAY_CHUNK 65536
#define RELAY_LINGER_MS 100 /* for the last words of a terminal that others still hold open */

/* --- pipes ----------------------------------------------------------------------------------- */

int relay_open(bool input, struct relay *ret, hako_error *e) {
    *ret = (struct relay){{-1, -1, -1}, {-1, -1, -1}};
    for (int i = 0; i < 3; i++) {
        int p[2];
        if (i == 0 && !input)
            continue;
        if (pipe2(p, O_CLOEXEC) < 0) {
            relay_close(ret);
            return err_sys(cli_err(e), "pipe");
        }
        ret->task[i] = p[i != 0];
        ret->mine[i] = p[i == 0];
    }
    /* a task that does not read must not keep us from reading what it writes */
    if (input)
        fcntl(ret->mine[0], F_SETFL, O_NONBLOCK);
    return 0;
}

void relay_started(struct relay *r) {
    for (int i = 0; i < 3; i++)
        fd_close(&r->task[i]);
}

void relay_close(struct relay *r) {
    relay_started(r);
    for (int i = 0; i < 3; i++)
        fd_close(&r->mine[i]);
}

/* One chunk; false at the end or when the other side has gone. */
static bool relay_move(int from, int to) {
    char buf[RELAY_CHUNK];
    ssize_t n = read(from, buf, sizeof(buf));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    return n > 0 && io_write_all(to, buf, (size_t)n) == 0;
}

/* Input on its way to the task. */
struct relay_input {
    char buf[RELAY_CHUNK];
    size_t from, to;
    bool ended; /* of our stdin */
};

static void relay_read_input(struct relay_input *in) {
    ssize_t n = read(STDIN_FILENO, in->buf, sizeof(in->buf));
    in->from = 0;
    in->to = n > 0 ? (size_t)n : 0;
    in->ended = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

static void relay_write_input(struct relay *r, struct relay_input *in) {
    if (in->from < in->to) {
        ssize_t n = write(r->mine[0], in->buf + in->from, in->to - in->from);
        in->from += n > 0 ? (size_t)n : 0;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            fd_close(&r->mine[0]); /* the task has closed its end */
    }
    if (in->from == in->to && in->ended)
        fd_close(&r->mine[0]);
}

/* What poll found: stdin, the two outputs, our end of the task's stdin. */
static void relay_serve(struct relay *r, struct relay_input *in, const struct pollfd p[4]) {
    if (p[0].revents)
        relay_read_input(in);
    if (p[3].revents & POLLERR)
        fd_close(&r->mine[0]);
    else if (p[3].revents || p[0].revents)
        relay_write_input(r, in);
    if (p[1].revents && !relay_move(r->mine[1], STDOUT_FILENO))
        fd_close(&r->mine[1]);
    if (p[2].revents && !relay_move(r->mine[2], STDERR_FILENO))
        fd_close(&r->mine[2]);
}

int relay_run(struct relay *r, hako_exec *x, int *exit_code, hako_error *e) {
    struct relay_input in = {.ended = false};
    bool ended = false;
    while (!ended || r->mine[1] >= 0 || r->mine[2] >= 0) {
        bool want = r->mine[0] >= 0 && in.from == in.to && !in.ended;
        struct pollfd p[] = {{want ? STDIN_FILENO : -1, POLLIN, 0},
                             {r->mine[1], POLLIN, 0},
                             {r->mine[2], POLLIN, 0},
                             {r->mine[0], want ? 0 : POLLOUT, 0},
                             {ended ? -1 : hako_exec_fd(x), POLLIN, 0}};
        int n = poll(p, ARRAY_SIZE(p), -1);
        if (n < 0 && errno != EINTR)
            return err_sys(cli_err(e), "poll");
        if (n < 0)
            continue;
        relay_serve(r, &in, p);
        if (p[4].revents) {
            int rc = hako_exec_wait(x, exit_code, e);
            if (rc < 0)
                return rc;
            ended = true;
        }
    }
    return 0;
}

/* --- a terminal ------------------------------------------------------------------------------ */

struct terminal {
    int master, sigfd;
    bool input, output, ended;
    struct tty tty;
    struct keys keys;
    struct str typed; /* on its way to the box; no more is read before it has arrived */
    sigset_t old_mask;
};

static int terminal_open(struct terminal *t, hako_error *e) {
    sigset_t set;
    fcntl(t->master, F_SETFL, fcntl(t->master, F_GETFL) | O_NONBLOCK);
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, &t->old_mask);
    t->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (t->sigfd < 0)
        return err_sys(cli_err(e), "signalfd");
    int r = t->input ? tty_raw(&t->tty, STDIN_FILENO) : 0;
    return r < 0 ? err_sysn(cli_err(e), r, "cannot set the terminal to raw mode") : 0;
}

static void terminal_close(struct terminal *t) {
    tty_restore(&t->tty);
    fd_close(&t->sigfd);
    sigprocmask(SIG_SETMASK, &t->old_mask, NULL);
}

static void terminal_resize(struct terminal *t) {
    struct signalfd_siginfo si;
    uint16_t rows, cols;
    while (read(t->sigfd, &si, sizeof(si)) == sizeof(si))
        continue;
    if (tty_get_size(STDOUT_FILENO, &rows, &cols) == 0 && rows && cols)
        tty_set_size(t->master, rows, cols);
}

/* A box that does not read must not keep us from showing what it writes. */
static void terminal_write(struct terminal *t) {
    ssize_t n = write(t->master, str_c(&t->typed), t->typed.len);
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        t->input = false;
        str_clear(&t->typed);
    }
    if (n > 0) {
        t->typed.len -= (size_t)n;
        memmove(t->typed.s, t->typed.s + n, t->typed.len);
    }
}

/* True when the keys to detach were typed. */
static bool terminal_read(struct terminal *t) {
    unsigned char buf[4096];
    ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
    if (n <= 0) {
        t->input = n < 0 && (errno == EINTR || errno == EAGAIN);
        return false;
    }
    bool detach = keys_filter(&t->keys, buf, (size_t)n, &t->typed);
    if (t->typed.len)
        terminal_write(t);
    return detach;
}

/* stdin, the box's terminal, and its end. */
static int terminal_poll(struct terminal *t, hako_exec *x, struct pollfd p[4]) {
    bool waiting = t->typed.len > 0;
    short events = (short)((t->output ? POLLIN : 0) | (waiting ? POLLOUT : 0));
    p[0] = (struct pollfd){t->input && !t->ended && !waiting ? STDIN_FILENO : -1, POLLIN, 0};
    p[1] = (struct pollfd){t->output ? t->master : -1, events, 0};
    p[2] = (struct pollfd){t->ended ? -1 : hako_exec_fd(x), POLLIN, 0};
    p[3] = (struct pollfd){t->sigfd, POLLIN, 0};
    return poll(p, 4, t->ended ? RELAY_LINGER_MS : -1);
}

static int terminal_run(struct terminal *t, hako_exec *x, int *exit_code, bool *detached,
                        hako_error *e) {
    while (!t->ended || t->output) {
        struct pollfd p[4];
        int n = terminal_poll(t, x, p);
        if (n < 0 && errno != EINTR)
            return err_sys(cli_err(e), "poll");
        if (n == 0)
            return 0; /* ended; the terminal lives on in the background */
        if (n < 0)
            continue;
        if (p[3].revents)
            terminal_resize(t);
        if (p[0].revents && terminal_read(t)) {
            *detached = true;
            return 0;
        }
        if (p[1].revents & POLLOUT)
            terminal_write(t);
        if (p[1].revents & ~POLLOUT)
            t->output = relay_move(t->master, STDOUT_FILENO);
        if (p[2].revents) {
            int r = hako_exec_wait(x, exit_code, e);
            if (r < 0)
                return r;
            t->ended = true;
        }
    }
    return 0;
}

int relay_tty(int master, bool input, const char *detach_keys, hako_exec *x, int *exit_code,
              bool *detached, hako_error *e) {
    struct terminal t = {.master = master, .sigfd = -1, .input = input, .output = true};
    t.tty.fd = -1;
    int r = keys_parse(detach_keys, &t.keys, cli_err(e));
    if (r < 0)
        return r;
    r = terminal_open(&t, e);
    terminal_resize(&t);
    if (r == 0)
        r = terminal_run(&t, x, exit_code, detached, e);
    terminal_close(&t);
    str_free(&t.typed);
    return r;
}
