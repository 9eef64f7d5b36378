/* SPDX-License-Identifier: Apache-2.0 */
/* The command's side of the holder. */
#include "net/holder.h"

#include "base/io.h"
#include "net/holder_wire.h"
#include "sys/userns.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TRIES 3

/* A path short enough for a socket address, wherever the directory is. */
static void address_of(int rundir, struct sockaddr_un *a) {
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/" HOLDER_SOCK, rundir);
}

/* Socket or -errno: -ENOENT, -ECONNREFUSED = nobody there. */
static int try_connect(int rundir) {
    struct sockaddr_un a;
    AUTO_FD int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (s < 0)
        return -errno;
    address_of(rundir, &a);
    if (connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
        return -errno;
    return TAKE_FD(s);
}

static int listen_at(int rundir, struct err *e) {
    struct sockaddr_un a;
    AUTO_FD int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (s < 0)
        return err_sys(e, "socket");
    if (unlinkat(rundir, HOLDER_SOCK, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot replace the network holder's socket");
    address_of(rundir, &a);
    if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 128) < 0)
        return err_sys(e, "cannot make the network holder's socket");
    return TAKE_FD(s);
}

static int place(posix_spawn_file_actions_t *fa, int sock, int userns) {
    int r = posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDWR, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(fa, 0, 1);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(fa, 0, 2);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(fa, sock, HOLDER_FD_SOCK);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(fa, userns, HOLDER_FD_USERNS);
    return r;
}

static int exec_holder(int monitor_fd, int sock, int userns) {
    char path[32], name[] = "hako-monitor", mode[] = "holder";
    char *const argv[] = {name, mode, NULL};
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    pid_t pid;
    /* Above the places they go to, so that one does not overwrite the other. */
    AUTO_FD int s = fcntl(sock, F_DUPFD_CLOEXEC, 16);
    AUTO_FD int u = fcntl(userns, F_DUPFD_CLOEXEC, 16);

    if (s < 0 || u < 0)
        return -errno;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", monitor_fd);
    if (posix_spawn_file_actions_init(&fa) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&at) != 0) {
        posix_spawn_file_actions_destroy(&fa);
        return -ENOMEM;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    posix_spawnattr_setflags(&at,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int r = place(&fa, s, u);
    if (r == 0)
        r = posix_spawn(&pid, path, &fa, &at, argv, environ);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    return -r;
}

static int start_holder(int rundir, int monitor_fd, struct err *e) {
    struct userns_maps maps;
    int raw = -1;

    int r = userns_maps_read(&maps, e);
    if (r == 0)
        r = userns_create(&maps, &raw, e);
    AUTO_FD int userns = raw;
    if (r < 0)
        return r;
    AUTO_FD int sock = listen_at(rundir, e);
    if (sock < 0)
        return sock;
    r = exec_holder(monitor_fd, sock, userns);
    return r < 0 ? err_sysn(e, r, "cannot start hako-monitor as the network holder") : 0;
}

/* A connection, to the one that is there or to a new one. Two commands that both find none meet
 * at the lock. */
static int connect_or_start(int rundir, int monitor_fd, struct err *e) {
    int s = try_connect(rundir);

    if (s >= 0)
        return s;
    AUTO_FD int lock = openat(rundir, HOLDER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return err_sys(e, "cannot write in hako's run-time directory");
    while (flock(lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_sys(e, "cannot lock hako's run-time directory");
    s = try_connect(rundir);
    if (s >= 0)
        return s;
    if (s != -ENOENT && s != -ECONNREFUSED)
        return err_sysn(e, s, "cannot reach the network holder");
    int r = start_holder(rundir, monitor_fd, e);
    if (r < 0)
        return r;
    s = try_connect(rundir);
    return s < 0 ? err_sysn(e, s, "cannot reach the network holder") : s;
}

/* 1 = answered, 0 = it was about to leave: try again, or the error. */
static int ask(int sock, const struct holder_request *q, struct holder *ret, struct err *e) {
    struct holder_reply reply = {0};
    int fds[IO_MAX_FDS];
    size_t nfds = 0;

    if (send(sock, q, sizeof(*q), MSG_NOSIGNAL) < 0)
        return 0;
    ssize_t n = io_recv_fds(sock, &reply, sizeof(reply), fds, &nfds);
    if (n == 0 || n == -ECONNRESET || n == -EPIPE)
        return 0;
    if (n < 0)
        return err_sysn(e, (int)n, "cannot hear the network holder");
    if (n != sizeof(reply) || (reply.err.code == 0 && nfds != 2)) {
        for (size_t i = 0; i < nfds; i++)
            fd_close(&fds[i]);
        return err_set(e, ERR_INTERNAL, -EPROTO,
                       "the network holder is of another version: stop your boxes, wait a "
                       "quarter of a minute and try again");
    }
    if (reply.err.code < 0) {
        *e = reply.err;
        return e->code;
    }
    *ret = (struct holder){.conn = -1, .userns = fds[0], .netns = fds[1]};
    memcpy(ret->warning, reply.warning, sizeof(ret->warning) - 1);
    return 1;
}

int holder_connect(int rundir, int monitor_fd, const struct network *n, struct holder *ret,
                   struct err *e) {
    struct holder_request q = {.magic = HOLDER_MAGIC, .wants_network = n != NULL};

    if (n)
        q.network = *n;
    for (int i = 0; i < TRIES; i++) {
        AUTO_FD int sock = connect_or_start(rundir, monitor_fd, e);
        if (sock < 0)
            return sock;
        int r = ask(sock, &q, ret, e);
        if (r < 0)
            return r;
        if (r == 1) {
            ret->conn = TAKE_FD(sock);
            return 0;
        }
    }
    return err_set(e, ERR_INTERNAL, -ECONNRESET,
                   "the network holder (hako-monitor) dies as soon as it is asked");
}

int holder_find(int rundir, struct holder *ret, struct err *e) {
    struct holder_request q = {.magic = HOLDER_MAGIC};
    AUTO_FD int sock = try_connect(rundir);

    if (sock == -ENOENT || sock == -ECONNREFUSED)
        return 0;
    if (sock < 0)
        return err_sysn(e, sock, "cannot reach the network holder");
    int r = ask(sock, &q, ret, e);
    if (r == 1)
        ret->conn = TAKE_FD(sock);
    return r;
}

void holder_close(struct holder *h) {
    fd_close(&h->conn);
    fd_close(&h->userns);
    fd_close(&h->netns);
}
