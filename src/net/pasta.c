/* SPDX-License-Identifier: Apache-2.0 */
#include "net/holder_wire.h"

#include "base/str.h"
#include "sys/netlink.h"
#include "sys/netns.h"
#include "sys/syscalls.h"
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define READY_MS 10000
#define WORDS 1500
/* Descriptors in the child. */
enum { CHILD_NETNS = 3, CHILD_USERNS = 4 };

/* Only outgoing traffic: ports come in through net/forward.h. Boxes must not reach the host's
 * loopback (no-map-gw); only its resolver, by a door of its own (dns-forward). */
static _Noreturn void become_pasta(int userns, int netns, int words, pid_t parent) {
    static const char *const argv[] = {"pasta",           "--foreground",
                                       "--quiet",         "--stderr",
                                       "--ipv4-only",     "--config-net",
                                       "--no-map-gw",     "--no-dhcp",
                                       "--dns-forward",   HOLDER_DNS,
                                       "--ns-ifname",     "pasta0",
                                       "--tcp-ports",     "none",
                                       "--udp-ports",     "none",
                                       "--tcp-ns",        "none",
                                       "--udp-ns",        "none",
                                       "--netns",         "/proc/self/fd/3",
                                       "--userns",        "/proc/self/fd/4",
                                       "--no-netns-quit", NULL};
    char *args[ARRAY_SIZE(argv)];
    struct sigaction dflt = {.sa_handler = SIG_DFL};
    sigset_t none;

    memcpy(args, argv, sizeof(args));
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigaction(SIGPIPE, &dflt, NULL); /* it takes an ignored one for a failure */
    /* All three lie above the places they go to. */
    dup2(netns, CHILD_NETNS);
    dup2(userns, CHILD_USERNS);
    dup2(words, 2);
    sys_close_range(CHILD_USERNS + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent)
        execvp("pasta", args);
    _exit(127);
}

/* High above the places in the child. */
static int lift(int fd) {
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 16);
    return up < 0 ? -errno : up;
}

/* A socket that becomes readable when a default route appears in the namespace: pasta's last
 * step. -errno. */
static int watch_routes(int userns, int netns) {
    struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE};
    AUTO_FD int s = netns_socket_in(userns, netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

    if (s < 0)
        return s;
    if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0)
        return -errno;
    return TAKE_FD(s);
}

static bool has_default_route(int s) {
    _Alignas(struct nlmsghdr) uint8_t in[8192];
    ssize_t n;
    bool found = false;

    while ((n = recv(s, in, sizeof(in), MSG_DONTWAIT)) > 0) {
        int left = (int)n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)in; NLMSG_OK(h, (unsigned)left);
             h = NLMSG_NEXT(h, left)) {
            const struct rtmsg *m = netlink_head(h);
            found = found || (h->nlmsg_type == RTM_NEWROUTE && m->rtm_dst_len == 0 &&
                              m->rtm_table == RT_TABLE_MAIN);
        }
    }
    return found;
}

void pasta_reason(const char *text, char *buf, size_t size) {
    const char *best = "no reason given";
    size_t best_n = strlen(best);

    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");
        /* The 2023 version complains of a missing syslog for every line that it writes. */
        if (n > 0 && at[0] != ' ' && !str_starts(at, "Failed to send")) {
            best = at;
            best_n = n;
        }
        at += n + (at[n] == '\n');
    }
    snprintf(buf, size, "%.*s", (int)MIN_OF(best_n, (size_t)160), best);
}

struct start {
    int words, routes, pidfd;
    char text[WORDS + 1];
    size_t n;
    bool ready, ended;
};

static void hear(struct start *s) {
    char lost[256];
    ssize_t n = s->n < WORDS ? read(s->words, s->text + s->n, WORDS - s->n)
                             : read(s->words, lost, sizeof(lost));
    if (n > 0 && s->n < WORDS)
        s->n += (size_t)n;
    s->text[s->n] = '\0';
    if (n <= 0)
        fd_close(&s->words); /* poll ignores -1 */
}

/* Until it has set up the route, has ended, or has taken too long. */
static void await(struct start *s) {
    int64_t end = now_mono_ns() + INT64_C(1000000) * READY_MS;

    while (!s->ready && !s->ended) {
        struct pollfd p[] = {{.fd = s->routes, .events = POLLIN},
                             {.fd = s->words, .events = POLLIN},
                             {.fd = s->pidfd, .events = POLLIN}};
        int64_t left = (end - now_mono_ns()) / 1000000;
        int n = left > 0 ? poll(p, ARRAY_SIZE(p), (int)left) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        if (p[0].revents)
            s->ready = has_default_route(s->routes);
        if (p[1].revents)
            hear(s);
        else if (p[2].revents)
            s->ended = true; /* after its last words */
    }
}

static int give_up(struct start *s, pid_t pid, char warning[256], struct err *e) {
    char reason[180];
    int status = 0;

    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (s->ended && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                       "pasta(1) not found, and bridge networks of ordinary users need it: "
                       "install the package \"passt\", or use --network none or host");
    pasta_reason(s->text, reason, sizeof(reason));
    snprintf(warning, 256, "boxes cannot reach the world: pasta(1) %s: %s",
             s->ended ? "gave up" : "is not ready in time", reason);
    return 0;
}

int pasta_start(int userns, int netns, int *ret_pidfd, char warning[256], struct err *e) {
    struct start s = {.words = -1, .routes = -1, .pidfd = -1};
    int p[2];
    pid_t self = getpid();

    AUTO_FD int routes = watch_routes(userns, netns);
    if (routes < 0)
        return err_sysn(e, routes, "cannot enter the boxes' network");
    AUTO_FD int high_user = lift(userns);
    AUTO_FD int high_net = lift(netns);
    if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_sys(e, "pipe");
    AUTO_FD int from = p[0];
    AUTO_FD int to = lift(p[1]);
    close(p[1]);
    if (high_user < 0 || high_net < 0 || to < 0)
        return err_sysn(e, EMFILE, "cannot start pasta(1)");
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "cannot start pasta(1)");
    if (pid == 0)
        become_pasta(high_user, high_net, to, self);
    fd_close(&to);
    AUTO_FD int pidfd = sys_pidfd_open(pid);
    s.routes = routes;
    s.words = TAKE_FD(from);
    s.pidfd = pidfd;
    await(&s);
    int r = s.ready ? 0 : give_up(&s, pid, warning, e);
    fd_close(&s.words);
    if (r == 0)
        *ret_pidfd = s.ready ? TAKE_FD(pidfd) : -1;
    return r;
}
