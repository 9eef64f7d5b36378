/* SPDX-License-Identifier: Apache-2.0 */
#include "net/publish.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 128

static int refused(const struct port_spec *p, uint16_t port, int code, struct err *e) {
    const char *ip = p->host_ip ? p->host_ip : "0.0.0.0";

    switch (-code) {
    case EADDRINUSE:
        return err_set(e, ERR_CONFLICT, code, "Bind for %s:%u failed: port is already allocated",
                       ip, port);
    case EADDRNOTAVAIL:
        return err_set(e, ERR_USAGE, code,
                       "Bind for %s:%u failed: %s is not an address of this host", ip, port, ip);
    case EACCES:
        return err_set(e, ERR_DENIED, code,
                       "Bind for %s:%u failed: ports below 1024 are root's: choose a higher one, "
                       "or lower net.ipv4.ip_unprivileged_port_start",
                       ip, port);
    default:
        return err_sysn(e, code, "Bind for %s:%u failed", ip, port);
    }
}

/* Keep the port without serving it. Listening for a moment tells whether somebody else listens,
 * connections of the past that still linger (TIME_WAIT) aside; then the option is taken off, so
 * that nobody can listen beside us. */
static int hold_tcp(int fd) {
    const int off = 0;

    if (listen(fd, 0) < 0 || shutdown(fd, SHUT_RD) < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
    return 0;
}

static int open_tcp(const struct sockaddr_in *a, enum publish_how how) {
    const int on = 1;
    /* The kernel chooses a port that nobody has, and would take it back after a shutdown. */
    bool chosen = a->sin_port == 0 && how == PUBLISH_HOLD;
    AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (!chosen)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
        return -errno;
    int r = 0;
    if (how == PUBLISH_LISTEN)
        r = listen(fd, BACKLOG) < 0 ? -errno : 0;
    else if (!chosen)
        r = hold_tcp(fd);
    return r < 0 ? r : TAKE_FD(fd);
}

static int open_udp(const struct sockaddr_in *a, enum publish_how how) {
    const int least = 1;
    AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (how == PUBLISH_HOLD)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
    return bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? -errno : TAKE_FD(fd);
}

int publish_open(struct port_spec *p, enum publish_how how, int *ret_fd, struct err *e) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    bool udp = strcmp(p->proto, "udp") == 0;
    socklen_t n = sizeof(a);
    uint16_t last = MAX_OF(p->host_last, p->host_port);

    if (p->host_ip && strchr(p->host_ip, ':'))
        return err_set(e, ERR_USAGE, -EAFNOSUPPORT,
                       "cannot publish on %s: boxes have no IPv6 yet; name an IPv4 address",
                       p->host_ip);
    if (p->host_ip && inet_pton(AF_INET, p->host_ip, &a.sin_addr) != 1)
        return err_set(e, ERR_USAGE, -EINVAL, "cannot publish on %s: not an IPv4 address",
                       p->host_ip);
    if (strcmp(p->proto, "sctp") == 0) {
        if (how == PUBLISH_LISTEN || p->host_port == 0 || last != p->host_port)
            return err_set(e, ERR_USAGE, -EPROTONOSUPPORT, "port %u/sctp: %s", p->container_port,
                           how == PUBLISH_LISTEN ? "SCTP can be published by root only"
                                                 : "name one host port: SCTP has no free choice");
        *ret_fd = -1;
        return 0;
    }
    for (unsigned port = p->host_port;; port++) {
        a.sin_port = htons((uint16_t)port);
        AUTO_FD int fd = udp ? open_udp(&a, how) : open_tcp(&a, how);
        if (fd == -EADDRINUSE && port < last)
            continue;
        if (fd < 0)
            return refused(p, (uint16_t)port, fd, e);
        if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
            return err_sys(e, "getsockname");
        p->host_port = p->host_last = ntohs(a.sin_port);
        *ret_fd = TAKE_FD(fd);
        return 0;
    }
}
