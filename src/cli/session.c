/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include "cli/keys.h"

#include "base/io.h"
#include "sys/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

struct session {
    struct session_options o;
    struct tty tty;
    int keys_in, keys_out; /* pipe: the monitor reads keys_in, we write keys_out */
    int sigfd;
    sigset_t old_mask;
    bool masked;
    struct keys keys;
    bool stdin_open;
};

/* Signals that a box should get instead of us. */
static void session_signals(sigset_t *set, bool proxy, bool tty) {
    static const int proxied[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                  SIGUSR1, SIGUSR2, SIGALRM, SIGCONT};
    sigemptyset(set);
    if (tty)
        sigaddset(set, SIGWINCH);
    for (size_t i = 0; proxy && i < ARRAY_SIZE(proxied); i++)
        sigaddset(set, proxied[i]);
}

static int session_open_keys(struct session *s, hako_error *e) {
    int p[2];
    if (!tty_is(STDIN_FILENO))
        return err_set((struct err *)e, ERR_USAGE, -ENOTTY, "the input device is not a TTY");
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys((struct err *)e, "pipe");
    s->keys_in = p[0];
    s->keys_out = p[1];
    int r = tty_raw(&s->tty, STDIN_FILENO);
    return r < 0 ? err_sysn((struct err *)e, r, "cannot set the terminal to raw mode") : 0;
}

int session_open(const struct session_options *o, struct session **ret, struct hako_stdio *io,
                 hako_error *e) {
    struct session *s = calloc(1, sizeof(*s));
    if (!s)
        return err_oom((struct err *)e);
    s->o = *o;
    s->keys_in = s->keys_out = s->sigfd = s->tty.fd = -1;
    int r = keys_parse(o->detach_keys, &s->keys, (struct err *)e);
    if (r == 0 && o->tty && o->input)
        r = session_open_keys(s, e);
    sigset_t set;
    session_signals(&set, o->sig_proxy && !o->tty, o->tty);
    if (r == 0) {
        sigprocmask(SIG_BLOCK, &set, &s->old_mask);
        s->masked = true;
        s->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->sigfd < 0)
            r = err_sys((struct err *)e, "signalfd");
    }
    if (r < 0) {
        session_close(s);
        return r;
    }
    s->stdin_open = o->input;
    *io = (struct hako_stdio){.in = !o->input ? -1
                                    : o->tty  ? s->keys_in
                                              : STDIN_FILENO,
                              .out = STDOUT_FILENO,
                              .err = o->tty ? -1 : STDERR_FILENO};
    *ret = s;
    return 0;
}

void session_close(struct session *s) {
    if (!s)
        return;
    tty_restore(&s->tty);
    fd_close(&s->keys_in);
    fd_close(&s->keys_out);
    fd_close(&s->sigfd);
    if (s->masked)
        sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
    free(s);
}

static void session_resize(hako_container *c) {
    uint16_t rows, cols;
    hako_error ignored = {0};
    if (tty_get_size(STDOUT_FILENO, &rows, &cols) == 0 && rows && cols)
        hako_container_resize(c, cols, rows, &ignored);
}

static void session_signal(struct session *s, hako_container *c) {
    struct signalfd_siginfo si;
    while (read(s->sigfd, &si, sizeof(si)) == sizeof(si)) {
        char number[12];
        hako_error ignored = {0};
        if (si.ssi_signo == SIGWINCH) {
            session_resize(c);
            continue;
        }
        snprintf(number, sizeof(number), "%u", si.ssi_signo);
        hako_container_kill(c, number, &ignored);
    }
}

static bool session_keys(struct session *s) {
    unsigned char buf[1024];
    ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
    if (n <= 0) {
        s->stdin_open = n < 0 && (errno == EINTR || errno == EAGAIN);
        if (!s->stdin_open)
            fd_close(&s->keys_out);
        return false;
    }
    AUTO_STR struct str out = STR_INIT(4096);
    bool detach = keys_filter(&s->keys, buf, (size_t)n, &out);
    if (out.len && s->keys_out >= 0)
        io_write_all(s->keys_out, str_c(&out), out.len);
    return detach;
}

int session_run(struct session *s, hako_container *c, int *exit_code, bool *detached,
                hako_error *e) {
    bool keys = s->o.tty && s->o.input;
    fd_close(&s->keys_in); /* the monitor has its own */
    if (s->o.tty)
        session_resize(c);
    for (;;) {
        struct pollfd p[] = {{hako_container_fd(c), POLLIN, 0},
                             {s->sigfd, POLLIN, 0},
                             {keys && s->stdin_open ? STDIN_FILENO : -1, POLLIN, 0}};
        if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
            return err_sys((struct err *)e, "poll");
        if (p[1].revents)
            session_signal(s, c);
        if (p[2].revents && session_keys(s)) {
            *detached = true;
            return hako_container_detach(c, e);
        }
        if (p[0].revents || p[0].fd < 0) {
            int r = hako_container_wait(c, 0, exit_code, e);
            if (r != -ETIMEDOUT)
                return r;
        }
    }
}
