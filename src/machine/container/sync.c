/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/sync.h"

#include "base/io.h"

#include <string.h>
#include <sys/socket.h>

int sync_pair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

int sync_say(int sock, enum sync_word word, int fd) {
    uint32_t w = word;
    return io_send_fds(sock, &w, sizeof(w), &fd, fd >= 0 ? 1 : 0);
}

void sync_fail(int sock, const struct err *err) {
    struct sync_msg m = {.word = SYNC_FAILED, .err = *err};
    io_send_fds(sock, &m, sizeof(m), NULL, 0);
}

int sync_say_listener(int sock, uint32_t number) {
    const uint32_t m[2] = {SYNC_LISTENER, number};
    return write(sock, m, sizeof(m)) == (ssize_t)sizeof(m) ? 0 : -EPIPE;
}

int sync_await(int sock) {
    uint32_t w = 0;
    ssize_t n;
    do
        n = recv(sock, &w, sizeof(w), 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(w) ? (int)w : 0;
}

bool sync_expect(int sock, enum sync_word word) {
    return sync_await(sock) == (int)word;
}

/* -1: nobody. */
static int64_t sync_peer(int sock) {
    struct ucred u;
    socklen_t len = sizeof(u);
    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &len) < 0 ? -1 : (int64_t)u.uid;
}

int sync_accept(int listener, int *pair) {
    int64_t owner = sync_peer(*pair); /* as seen from our user namespace */
    fd_close(pair);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && owner >= 0 && sync_peer(fd) == owner && sync_expect(fd, SYNC_RELEASE))
            return fd;
        if (fd >= 0)
            close(fd);
        else if (errno != EINTR && errno != ECONNABORTED)
            return -errno;
    }
}

int sync_ask_source(int sock, uint32_t number) {
    const uint32_t say[2] = {SYNC_SOURCE, number};
    uint32_t word = 0;
    int fds[IO_MAX_FDS];
    size_t n = 0;
    int r = io_send_fds(sock, say, sizeof(say), NULL, 0);
    if (r < 0)
        return r;
    ssize_t got = io_recv_fds(sock, &word, sizeof(word), fds, &n);
    while (n > 1)
        fd_close(&fds[--n]);
    if (got == (ssize_t)sizeof(word) && word == SYNC_SOURCE && n == 1)
        return fds[0];
    if (n)
        close(fds[0]);
    return -EACCES;
}

int sync_hear(int sock, int *fd, uint32_t *number, struct err *e) {
    struct sync_msg m = {0};
    int fds[IO_MAX_FDS];
    size_t nfds = 0;
    ssize_t n = io_recv_fds(sock, &m, sizeof(m), fds, &nfds);

    if (n == -ECONNRESET)
        return 0;
    if (n <= 0)
        return n < 0 ? err_sysn(e, (int)n, "cannot hear from init") : 0;
    for (size_t i = nfds > 0 && fd && *fd < 0 && m.word == SYNC_CONSOLE; i < nfds; i++)
        fd_close(&fds[i]);
    if (m.word == SYNC_CONSOLE && fd && *fd < 0)
        *fd = nfds ? fds[0] : -1;
    if (m.word == SYNC_FAILED && n == (ssize_t)sizeof(m)) {
        *e = m.err;
        e->msg[sizeof(e->msg) - 1] = 0;
        return e->code < 0 ? e->code : -EIO;
    }
    if (m.word == SYNC_LISTENER || m.word == SYNC_SOURCE)
        *number = m.number;
    if ((size_t)n < sizeof(m.word) || m.word == SYNC_FAILED)
        return err_set(e, ERR_INTERNAL, -EPROTO, "init sent a word of another size");
    return (int)m.word;
}
