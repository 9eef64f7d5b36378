/* SPDX-License-Identifier: Apache-2.0 */
#include "net/forward.h"

#include "base/io.h"
#include "net/forwarder.h"
#include "sys/caps.h"
#include "sys/syscalls.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Descriptors a connection may need at once: two sockets, two pipes. */
#define FDS_PER_CONN 6

/* Close everything but 0–2, the listeners and `report`. */
static void close_others(const int *listener, size_t n, int report) {
    for (unsigned at = 3;;) {
        unsigned keep = ~0U;
        if (report >= (int)at)
            keep = (unsigned)report;
        for (size_t i = 0; i < n; i++)
            if (listener[i] >= (int)at && (unsigned)listener[i] < keep)
                keep = (unsigned)listener[i];
        if (keep > at)
            sys_close_range(at, keep - 1, 0);
        if (keep == ~0U)
            return;
        at = keep + 1;
    }
}

static int arrive(int netns, pid_t parent) {
    const struct caps none = {0};
    sigset_t all;

    /* Signals as a fresh process has them: the monitor takes its own by descriptor. */
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    if (netns >= 0 && setns(netns, CLONE_NEWNET) < 0)
        return -errno;
    int r = caps_set(&none);
    if (r < 0)
        return r;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_NAME, "hako-forward", 0, 0, 0);
    /* Last: a change of credentials takes it off. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

static size_t conns_that_fit(size_t nlisteners) {
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0)
        return 16;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur < nlisteners + FORWARD_MAX_PEERS + 64)
        return 16;
    size_t fit = (l.rlim_cur - nlisteners - FORWARD_MAX_PEERS - 32) / FDS_PER_CONN;
    return MIN_OF(fit, (size_t)FORWARD_MAX_CONNS);
}

static int open_listeners(struct forwarder *f, const struct netplan *p, const int *listener,
                          size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (listener[i] < 0)
            continue;
        struct forward_listener *l = &f->listener[f->nlisteners++];
        *l = (struct forward_listener){.f = f,
                                       .src = {.fd = -1},
                                       .fd = listener[i],
                                       .proto = p->port[i].proto,
                                       .box = {.sin_family = AF_INET,
                                               .sin_port = htons(p->port[i].box_port),
                                               .sin_addr.s_addr = htonl(p->address)}};
        if (fcntl(l->fd, F_SETFL, O_NONBLOCK) < 0)
            return -errno;
        int r = l->proto == IPPROTO_UDP ? forward_udp_listen(l) : forward_tcp_listen(l);
        if (r < 0)
            return r;
    }
    return 0;
}

static _Noreturn void child(const struct netplan *p, const int *listener, size_t n, int netns,
                            pid_t parent, int report) {
    struct err e = {0};
    int r = arrive(netns, parent);

    if (r < 0)
        err_sysn(&e, r, "cannot enter the network of the boxes");
    close_others(listener, n, report);
    /* Untouched pages of this cost nothing. */
    struct forwarder *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r == 0 && f == MAP_FAILED)
        r = err_sys(&e, "no memory to forward ports");
    if (r == 0) {
        f->spare[0] = f->spare[1] = f->timer = -1;
        f->max_conns = conns_that_fit(n);
        r = loop_init(&f->loop);
        if (r == 0)
            r = open_listeners(f, p, listener, n);
        if (r < 0)
            err_sysn(&e, r, "cannot serve published ports");
    }
    io_write_all(report, &e, sizeof(e));
    close(report);
    if (r == 0)
        loop_run(&f->loop);
    _exit(r < 0);
}

static int spawn(const struct netplan *p, const int *listener, size_t n, int netns, pid_t *ret,
                 struct err *e) {
    int pair[2];
    struct err theirs = {0};
    pid_t self = getpid();

    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    AUTO_FD int from = pair[0];
    AUTO_FD int to = pair[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "cannot start the port forwarder");
    if (pid == 0)
        child(p, listener, n, netns, self, to);
    fd_close(&to);
    ssize_t got = io_read_full(from, &theirs, sizeof(theirs));
    if (got == sizeof(theirs) && theirs.code == 0) {
        *ret = pid;
        return 0;
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (got != sizeof(theirs))
        return err_set(e, ERR_INTERNAL, -ECHILD, "the port forwarder died at once");
    *e = theirs;
    return e->code;
}

int forward_spawn(const void *plan, size_t len, const int *listener, size_t n, int netns,
                  pid_t *ret_pid, int *ret_pidfd, struct err *e) {
    const struct netplan *p = NULL;
    pid_t pid = 0;
    int r = netplan_open(plan, len, &p, e);

    if (r < 0)
        return r;
    if (n > p->nports || n > FORWARD_MAX_LISTENERS)
        return err_set(e, ERR_INTERNAL, -EINVAL, "%zu listeners for %u published ports", n,
                       p->nports);
    r = spawn(p, listener, n, netns, &pid, e);
    if (r < 0)
        return r;
    int pidfd = sys_pidfd_open(pid);
    if (pidfd < 0) {
        r = err_sys(e, "cannot watch the port forwarder");
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return r;
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}

void forward_stop(pid_t pid, int *pidfd) {
    if (*pidfd < 0)
        return;
    sys_pidfd_send_signal(*pidfd, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    fd_close(pidfd);
}
