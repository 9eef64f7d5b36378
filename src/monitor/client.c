/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/client.h"

#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "monitor/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

/* --- what the files say ---------------------------------------------------------------------- */

int mon_probe(int dirfd, struct mon_live *ret) {
    struct mon_live live = {0};
    char text[LIVE_TEXT_MAX];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    AUTO_FD int fd = openat(dirfd, MON_LOCK, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT)
        return -errno;
    if (fd >= 0) {
        if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
            return -errno;
        live.running = lock.l_type != F_UNLCK;
        ssize_t n = io_read_full(fd, text, sizeof(text));
        if (n < 0)
            return (int)n;
        live.was_started = live_parse(text, (size_t)n, &live) == 0;
    }
    *ret = live;
    return 0;
}

int mon_wait_unlocked(int dirfd) {
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    AUTO_FD int fd = openat(dirfd, MON_LOCK, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    while (fcntl(fd, F_OFD_SETLKW, &lock) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int mon_forget(int dirfd) {
    AUTO_FD int fd = openat(dirfd, MON_LOCK, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    return ftruncate(fd, 0) < 0 ? -errno : 0;
}

static int64_t exit_time(const js *doc, const char *key) {
    const char *s = js_get_str(doc, key);
    int64_t t;

    return s && str_from_rfc3339(s, &t) == 0 ? t : 0;
}

int mon_read_exit(int dirfd, struct mon_exit *ret) {
    AUTO_STR struct str text = STR_INIT(8192);
    AUTO_JS js *doc = NULL;
    struct err ignored = {0};
    int r = io_read_file(dirfd, MON_EXIT, &text);

    if (r < 0)
        return r;
    if (js_parse(str_c(&text), text.len, MON_EXIT, &doc, &ignored) < 0)
        return -EBADMSG;
    struct mon_exit x = {
        .code = (int)js_get_i64(doc, "ExitCode", 255),
        .oom_killed = js_get_bool(doc, "OOMKilled", false),
        .started_ns = exit_time(doc, "StartedAt"),
        .finished_ns = exit_time(doc, "FinishedAt"),
    };
    str_copy(x.error, sizeof(x.error), js_get_str_or(doc, "Error", ""));
    *ret = x;
    return 0;
}

/* --- starting one ---------------------------------------------------------------------------- */

#define SPAWN_STACK 16384

struct spawn_child {
    int exe, sock, null, userns;
    bool stays;         /* our child */
    const char *failed; /* which step; read by the parent after the child has gone */
    int error;
    pid_t monitor;
    char *inner_stack;
};

/* From clone to exec: in the caller's memory, so system calls only. */
static int spawn_exec(void *data) {
    static char *const argv[] = {(char *)(uintptr_t) "hako-monitor", (char *)(uintptr_t) "run",
                                 NULL};
    static char *const envp[] = {NULL};
    struct spawn_child *c = data;

    c->failed = "join the user namespace";
    if (c->userns >= 0 && setns(c->userns, CLONE_NEWUSER) < 0)
        goto out;
    c->failed = "arrange descriptors";
    for (int fd = 0; fd < 3; fd++)
        if (dup2(c->null, fd) < 0)
            goto out;
    if (dup2(c->sock, 3) < 0 || dup2(c->exe, 4) < 0 || fcntl(4, F_SETFD, FD_CLOEXEC) < 0)
        goto out;
    c->failed = "close the other descriptors";
    if (syscall(SYS_close_range, 5U, ~0U, 0U) < 0)
        goto out;
    c->failed = "execute hako-monitor";
    syscall(SYS_execveat, 4, "", argv, envp, AT_EMPTY_PATH);
out:
    c->error = errno;
    syscall(SYS_exit_group, 127); /* past every exit handler: they are the caller's */
    return 0;
}

/* A child in our memory with a stack of its own; we sleep until it has exec'd or gone. */
static pid_t spawn_clone(int (*fn)(void *), struct spawn_child *c, char *stack) {
    return clone(fn, stack + SPAWN_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, c);
}

static int spawn_twice(void *data) {
    struct spawn_child *c = data;

    c->monitor = spawn_clone(spawn_exec, c, c->inner_stack);
    if (c->monitor < 0)
        c->error = errno;
    syscall(SYS_exit_group, 0);
    return 0;
}

static int spawn_run(struct spawn_child *c, struct err *e) {
    _Alignas(16) char outer[SPAWN_STACK], inner[SPAWN_STACK];
    sigset_t all, saved;

    /* No handler of ours may run in the child: it shares our memory until it execs. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &saved);
    c->failed = "start a process";
    c->inner_stack = inner;
    /* Twice: the monitor must be nobody's child, or it stays a zombie of a caller that lives long
     * and waits for its own children only. */
    pid_t pid = spawn_clone(c->stays ? spawn_exec : spawn_twice, c, outer);
    if (pid < 0)
        c->error = errno;
    else if (c->stays)
        c->monitor = pid;
    if (pid > 0 && (!c->stays || c->error))
        waitpid(pid, NULL, 0);
    sigprocmask(SIG_SETMASK, &saved, NULL);
    if (c->error)
        return err_sysn(e, c->error, "cannot start the container's monitor: cannot %s", c->failed);
    return 0;
}

/* Out of the way of 0–4, which the child fills. */
static int spawn_high(int fd) {
    return fcntl(fd, F_DUPFD_CLOEXEC, 16);
}

static int spawn_boot(const struct mon_spawn *s, int sock, struct err *e) {
    struct mon_msg msg = {.word = MON_BOOT};
    int fds[3] = {s->dirfd};
    size_t n = 1;

    if (s->host_netns >= 0) {
        msg.flags |= MON_F_HOSTNET;
        fds[n++] = s->host_netns;
    }
    if (s->holder_conn >= 0) {
        msg.flags |= MON_F_HOLDER;
        fds[n++] = s->holder_conn;
    }
    return mon_send(sock, &msg, NULL, fds, n, e);
}

int mon_spawn(const struct mon_spawn *s, int *ret_sock, struct err *e) {
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "cannot start the container's monitor");
    AUTO_FD int ours = pair[0];
    AUTO_FD int theirs = pair[1];
    bool fresh;
    AUTO_FD int copy = program_open(s->monitor_fd, s->rundir, &fresh);
    if (copy < 0)
        return err_sysn(e, copy, "cannot copy hako-monitor to memory");
    AUTO_FD int exe = spawn_high(copy);
    AUTO_FD int sock = spawn_high(theirs);
    AUTO_FD int userns = s->userns_fd >= 0 ? spawn_high(s->userns_fd) : -1;
    AUTO_FD int devnull = open("/dev/null", O_RDWR | O_CLOEXEC);
    AUTO_FD int null = devnull < 0 ? -1 : spawn_high(devnull);
    if (exe < 0 || sock < 0 || null < 0 || (s->userns_fd >= 0 && userns < 0))
        return err_sys(e, "cannot start the container's monitor");
    struct spawn_child child = {
        .exe = exe, .sock = sock, .null = null, .userns = userns, .stays = s->stays_child};
    int r = spawn_run(&child, e);
    if (r < 0 || (r = spawn_boot(s, ours, e)) < 0)
        return r;
    if (fresh || s->lasting)
        program_offer(s->rundir, child.monitor);
    *ret_sock = TAKE_FD(ours);
    return 0;
}

/* --- talking to one -------------------------------------------------------------------------- */

int mon_connect(int dirfd, int *ret_sock, struct err *e) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return err_sys(e, "cannot make a socket");
    snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" MON_CTL_SOCK, dirfd);
    do
        r = connect(fd, (const struct sockaddr *)&a, sizeof(a));
    while (r < 0 && errno == EINTR);
    if (r < 0 && (errno == ENOENT || errno == ECONNREFUSED))
        return err_set(e, ERR_CONFLICT, -ESRCH, "the container is not running");
    if (r < 0)
        return err_sys(e, "cannot reach the container's monitor");
    *ret_sock = TAKE_FD(fd);
    return 0;
}

int mon_send(int sock, const struct mon_msg *m, const void *payload, const int *fds, size_t nfds,
             struct err *e) {
    int r = protocol_send(sock, m, payload, fds, nfds, 0);

    if (r == -EPIPE || r == -ECONNRESET)
        return err_set(e, ERR_CONFLICT, -ECONNRESET, "the container's monitor has ended");
    return r < 0 ? err_sysn(e, r, "cannot speak to the container's monitor") : 0;
}

static int recv_wait(int sock, int64_t deadline_ns, struct err *e) {
    for (;;) {
        int64_t left = deadline_ns - now_mono_ns();
        struct pollfd p = {.fd = sock, .events = POLLIN};
        struct timespec ts = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        if (left < 0)
            ts = (struct timespec){0};
        int r = ppoll(&p, 1, &ts, NULL);
        if (r > 0)
            return 0;
        if (r == 0 && left <= 0)
            return err_set(e, ERR_UNAVAILABLE, -ETIMEDOUT,
                           "the container's monitor did not answer in time");
        if (r < 0 && errno != EINTR)
            return err_sys(e, "cannot wait for the container's monitor");
    }
}

int mon_recv(int sock, struct mon_msg *m, void *payload, size_t cap, int fds[8], size_t *nfds,
             int64_t deadline_ns, struct err *e) {
    _Alignas(16) char buf[MON_MAX_MSG];
    struct mon_msg msg;
    int got[MON_MAX_FDS];
    size_t n = 0;

    if (deadline_ns > 0 && recv_wait(sock, deadline_ns, e) < 0)
        return e->code;
    int r = protocol_recv(sock, &msg, buf, sizeof(buf), got, &n, 0);
    if (r == 0 || r == -ECONNRESET)
        return err_set(e, ERR_INTERNAL, -ECONNRESET, "the container's monitor has died");
    if (r < 0)
        return err_sysn(e, r, "cannot understand the container's monitor");
    bool too_long = msg.word != MON_ERROR && msg.len > cap;
    if (msg.word == MON_ERROR || too_long || (n > 0 && !fds)) {
        for (size_t i = 0; i < n; i++)
            close(got[i]);
        if (msg.word != MON_ERROR)
            return err_set(e, ERR_INTERNAL, -EMSGSIZE, "unexpected answer from the monitor");
        memcpy(e, buf, sizeof(*e));
        e->msg[sizeof(e->msg) - 1] = '\0';
        return e->code < 0 ? e->code : (e->code = -EIO);
    }
    if (msg.len > 0)
        memcpy(payload, buf, msg.len);
    if (n > 0)
        memcpy(fds, got, n * sizeof(int));
    if (nfds)
        *nfds = n;
    *m = msg;
    return 0;
}
