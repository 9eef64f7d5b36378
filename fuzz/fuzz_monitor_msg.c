/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the control socket, with any number of descriptors: what is accepted is consistent,
 * and a refused packet leaves no descriptor behind. First byte: how many are sent along. Then the
 * text of a lock file. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor/live.h"
#include "monitor/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lowest_free(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

static void send_raw(int sock, const uint8_t *data, size_t size, size_t nfds) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(16 * sizeof(int))];
    } control;
    struct iovec iov = {(void *)(uintptr_t)data, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    memset(&control, 0, sizeof(control));
    if (nfds > 0) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        *c = (struct cmsghdr){CMSG_LEN(nfds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        int two = 2;
        for (size_t i = 0; i < nfds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &two, sizeof(two));
    }
    sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static _Alignas(16) char payload[MON_MAX_MSG];
    struct mon_live live = {0};
    struct mon_msg m;
    int pair[2], fds[MON_MAX_FDS];
    size_t nfds = 0;

    live_parse((const char *)data, size, &live);
    if (size < 2 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return 0;
    send_raw(pair[0], data + 1, size - 1, data[0] % 16);
    int before = lowest_free();
    int r = protocol_recv(pair[1], &m, payload, sizeof(payload), fds, &nfds, MSG_DONTWAIT);
    if (r == 1) {
        if (nfds > MON_MAX_FDS || m.len != size - 1 - sizeof(m) ||
            protocol_check(&m, size - 1, nfds) < 0 ||
            memcmp(payload, data + 1 + sizeof(m), m.len) != 0)
            abort();
        for (size_t i = 0; i < nfds; i++)
            close(fds[i]);
    }
    if (lowest_free() != before)
        abort();
    close(pair[0]);
    close(pair[1]);
    return 0;
}
