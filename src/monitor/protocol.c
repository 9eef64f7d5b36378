/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/protocol.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int stdio_fds(uint32_t flags) {
    return !!(flags & MON_F_STDIN) + !!(flags & MON_F_STDOUT) + !!(flags & MON_F_STDERR);
}

int protocol_fds(const struct mon_msg *m) {
    switch (m->word) {
    case MON_BOOT:
        return 1 + !!(m->flags & MON_F_HOSTNET) + !!(m->flags & MON_F_HOLDER);
    case MON_LISTENER:
        return -1;
    case MON_ATTACH:
        return stdio_fds(m->flags);
    case MON_EXEC:
        return stdio_fds(m->flags) + !!(m->flags & MON_F_MEMFD);
    case MON_EXEC_STARTED:
        return !!(m->flags & MON_F_TTY);
    default:
        return 0;
    }
}

int protocol_check(const struct mon_msg *m, size_t packet_len, size_t nfds) {
    bool known = (m->word >= MON_CREATED && m->word <= MON_EXEC_EXITED) ||
                 (m->word >= MON_FIRST_REQUEST && m->word < MON_WORD_END);
    int want = protocol_fds(m);

    if (!known || m->len > MON_MAX_MSG || packet_len != sizeof(*m) + m->len)
        return -EPROTO;
    if (want >= 0 ? nfds != (size_t)want : nfds < 1 || nfds > MON_MAX_FDS)
        return -EPROTO;
    if (m->word == MON_ERROR ? m->len != sizeof(struct err) : m->len > 0 && m->word != MON_EXEC)
        return -EPROTO;
    return 0;
}

int protocol_send(int sock, const struct mon_msg *m, const void *payload, const int *fds,
                  size_t nfds, int flags) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(MON_MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov[2] = {
        {.iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m)},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = m->len},
    };
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = m->len > 0 ? 2 : 1};
    ssize_t k;

    if (nfds > MON_MAX_FDS || m->len > MON_MAX_MSG)
        return -EMSGSIZE;
    if (nfds > 0) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    do
        k = sendmsg(sock, &msg, MSG_NOSIGNAL | flags);
    while (k < 0 && errno == EINTR);
    return k < 0 ? -errno : 0;
}

static size_t take_fds(struct msghdr *msg, int fds[MON_MAX_FDS]) {
    size_t n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < got; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (n < MON_MAX_FDS)
                fds[n++] = fd;
            else
                close(fd);
        }
    }
    return n;
}

int protocol_recv(int sock, struct mon_msg *m, void *payload, size_t cap, int fds[MON_MAX_FDS],
                  size_t *nfds, int flags) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(MON_MAX_FDS * sizeof(int))];
    } control;
    struct mon_msg head = {0};
    struct iovec iov[2] = {
        {.iov_base = &head, .iov_len = sizeof(head)},
        {.iov_base = payload, .iov_len = cap},
    };
    struct msghdr msg = {
        .msg_iov = iov,
        .msg_iovlen = cap > 0 ? 2 : 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    int got[MON_MAX_FDS];
    ssize_t k;

    do
        k = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | flags);
    while (k < 0 && errno == EINTR);
    if (k <= 0)
        return k < 0 ? -errno : 0;
    size_t n = take_fds(&msg, got);
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || (size_t)k < sizeof(head) ||
        protocol_check(&head, (size_t)k, n) < 0) {
        for (size_t i = 0; i < n; i++)
            close(got[i]);
        return -EPROTO;
    }
    *m = head;
    memcpy(fds, got, n * sizeof(int));
    *nfds = n;
    return 1;
}
