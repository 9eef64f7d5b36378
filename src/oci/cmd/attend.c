/* SPDX-License-Identifier: Apache-2.0 */
/* In the foreground: bytes between our terminal and the task's, signals to it, its exit code. */
#include "oci/cmd/cmd.h"
#include "oci/console.h"

#include "base/io.h"
#include "sys/pidref.h"
#include "sys/tty.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>

struct relay {
    struct oci_task *t;
    struct tty tty;
    int signals;
    bool input; /* ours is still open */
};

/* Lines come as the task wrote them; it is our terminal, if any, that adds a carriage return. */
static void relay_lines(const struct relay *r) {
    struct termios mode;
    oci_console_lines(r->t->console);
    if (r->tty.fd >= 0 && tcgetattr(r->tty.fd, &mode) == 0) {
        mode.c_oflag |= OPOST;
        tcsetattr(r->tty.fd, TCSANOW, &mode);
    }
}

static int relay_begin(struct relay *r, struct err *e) {
    sigset_t all;
    sigfillset(&all);
    static const int kept[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                               SIGILL,  SIGABRT, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        sigdelset(&all, kept[i]);
    if (sigprocmask(SIG_BLOCK, &all, NULL) < 0 ||
        (r->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return err_sys(e, "cannot watch signals");
    if (r->t->console >= 0 && tty_is(STDIN_FILENO))
        tty_raw(&r->tty, STDIN_FILENO);
    relay_lines(r);
    return 0;
}

static void relay_size(const struct relay *r) {
    uint16_t rows, cols;
    if (r->t->console >= 0 && tty_get_size(STDIN_FILENO, &rows, &cols) == 0 && rows && cols)
        tty_set_size(r->t->console, rows, cols);
}

static void relay_signals(const struct relay *r) {
    struct signalfd_siginfo s;
    while (read(r->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
        if (s.ssi_signo == SIGWINCH)
            relay_size(r);
        /* Go's runtime pokes itself with SIGURG, and so passes none on */
        else if (s.ssi_signo != SIGCHLD && s.ssi_signo != SIGURG && s.ssi_signo != SIGPIPE)
            pidref_signal(r->t->exit_fd, (int)s.ssi_signo);
    }
}

/* False at the end of `from`. */
static bool relay_bytes(int from, int to) {
    char buf[16384];
    ssize_t n;
    do
        n = read(from, buf, sizeof(buf));
    while (n < 0 && errno == EINTR);
    return n > 0 && io_write_all(to, buf, (size_t)n) == 0;
}

static void relay_drain(const struct relay *r) {
    struct pollfd p = {.fd = r->t->console, .events = POLLIN};
    while (r->t->console >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN) &&
           relay_bytes(r->t->console, STDOUT_FILENO))
        ;
}

static void relay_loop(struct relay *r) {
    for (;;) {
        struct pollfd p[] = {
            {.fd = r->t->exit_fd, .events = POLLIN},
            {.fd = r->signals, .events = POLLIN},
            {.fd = r->t->console, .events = POLLIN},
            {.fd = r->t->console >= 0 && r->input ? STDIN_FILENO : -1, .events = POLLIN}};
        if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
            return;
        if (p[1].revents)
            relay_signals(r);
        if (p[2].revents && !relay_bytes(r->t->console, STDOUT_FILENO))
            fd_close(&r->t->console);
        if (p[3].revents)
            r->input = r->t->console >= 0 && relay_bytes(STDIN_FILENO, r->t->console);
        if (p[0].revents)
            return;
    }
}

int attend(struct oci_task *t, struct err *e) {
    struct relay r = {.t = t, .tty.fd = -1, .signals = -1, .input = true};
    int code = 0, signo = 0;
    int err = relay_begin(&r, e);
    if (err == 0) {
        relay_size(&r);
        relay_loop(&r);
        relay_drain(&r);
    }
    tty_restore(&r.tty);
    fd_close(&r.signals);
    if (err == 0 && (err = pidref_reap(t->exit_fd, &code, &signo)) < 0)
        err_sysn(e, err, "cannot collect the exit code");
    return err < 0 ? err : code;
}
