/* SPDX-License-Identifier: Apache-2.0 */
#include "net/forwarder.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define QUIET_SECONDS 60

static int64_t mono_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void set_timer(struct forwarder *f) {
    const time_t every = f->npeers > 0 ? QUIET_SECONDS / 2 : 0;
    const struct itimerspec t = {.it_value.tv_sec = every, .it_interval.tv_sec = every};
    timerfd_settime(f->timer, 0, &t, NULL);
}

static void forget(struct forward_peer *p) {
    struct forwarder *f = p->f;

    loop_del(&f->loop, &p->src);
    fd_close(&p->fd);
    p->used = false;
    if (--f->npeers == 0)
        set_timer(f);
}

static void on_timer(struct loop_source *src, uint32_t events) {
    struct forwarder *f = src->data;
    uint64_t ticks;
    int64_t now = mono_ns();

    (void)events;
    if (read(f->timer, &ticks, sizeof(ticks)) < 0)
        return;
    for (size_t i = 0; i < FORWARD_MAX_PEERS; i++)
        if (f->peer[i].used && now - f->peer[i].last_ns > INT64_C(1000000000) * QUIET_SECONDS)
            forget(&f->peer[i]);
}

/* The box answers: send it on from the address that was spoken to. */
static void on_peer(struct loop_source *src, uint32_t events) {
    struct forward_peer *p = src->data;
    struct forwarder *f = p->f;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in_pktinfo))];

    (void)events;
    for (int turn = 0; turn < FORWARD_TURNS; turn++) {
        ssize_t n = recv(p->fd, f->datagram, sizeof(f->datagram), MSG_DONTWAIT);
        if (n < 0)
            return; /* nothing more, or "refused", which reading has cleared */
        struct iovec v = {.iov_base = f->datagram, .iov_len = (size_t)n};
        struct msghdr m = {.msg_name = &p->who,
                           .msg_namelen = sizeof(p->who),
                           .msg_iov = &v,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
        const struct in_pktinfo from = {.ipi_spec_dst = p->local};
        memset(control, 0, sizeof(control));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(from));
        memcpy(CMSG_DATA(c), &from, sizeof(from));
        p->last_ns = mono_ns();
        sendmsg(f->listener[p->listener].fd, &m, MSG_DONTWAIT);
    }
}

static struct forward_peer *slot(struct forwarder *f) {
    struct forward_peer *oldest = &f->peer[0];

    for (size_t i = 0; i < FORWARD_MAX_PEERS; i++) {
        struct forward_peer *p = &f->peer[i];
        if (!p->used)
            return p;
        if (p->last_ns < oldest->last_ns)
            oldest = p;
    }
    forget(oldest);
    return oldest;
}

static struct forward_peer *peer_of(struct forward_listener *l, const struct sockaddr_in *who,
                                    struct in_addr local) {
    struct forwarder *f = l->f;
    uint32_t index = (uint32_t)(l - f->listener);

    for (size_t i = 0; i < FORWARD_MAX_PEERS; i++) {
        struct forward_peer *p = &f->peer[i];
        if (p->used && p->listener == index && p->who.sin_port == who->sin_port &&
            p->who.sin_addr.s_addr == who->sin_addr.s_addr && p->local.s_addr == local.s_addr)
            return p;
    }
    AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&l->box, sizeof(l->box)) < 0)
        return NULL;
    struct forward_peer *p = slot(f);
    *p = (struct forward_peer){
        .f = f, .src = {.fd = -1}, .fd = -1, .listener = index, .who = *who, .local = local};
    if (loop_add(&f->loop, &p->src, fd, EPOLLIN, on_peer, p) < 0)
        return NULL;
    p->fd = TAKE_FD(fd);
    p->used = true;
    if (f->npeers++ == 0)
        set_timer(f);
    return p;
}

static void on_listener(struct loop_source *src, uint32_t events) {
    struct forward_listener *l = src->data;
    struct forwarder *f = l->f;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in_pktinfo))];

    (void)events;
    for (int turn = 0; turn < FORWARD_TURNS; turn++) {
        struct sockaddr_in who = {0};
        struct in_addr local = {0};
        struct iovec v = {.iov_base = f->datagram, .iov_len = sizeof(f->datagram)};
        struct msghdr m = {.msg_name = &who,
                           .msg_namelen = sizeof(who),
                           .msg_iov = &v,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(l->fd, &m, MSG_DONTWAIT);
        if (n < 0)
            return;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            struct in_pktinfo to;
            if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
                continue;
            memcpy(&to, CMSG_DATA(c), sizeof(to));
            local = to.ipi_spec_dst;
        }
        struct forward_peer *p = peer_of(l, &who, local);
        if (!p)
            continue; /* lost, as datagrams may be */
        p->last_ns = mono_ns();
        send(p->fd, f->datagram, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

int forward_udp_listen(struct forward_listener *l) {
    const int one = 1;
    struct forwarder *f = l->f;

    if (f->timer < 0) {
        f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (f->timer < 0)
            return -errno;
        int r = loop_add(&f->loop, &f->timer_src, f->timer, EPOLLIN, on_timer, f);
        if (r < 0)
            return r;
    }
    if (setsockopt(l->fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) < 0)
        return -errno;
    return loop_add(&f->loop, &l->src, l->fd, EPOLLIN, on_listener, l);
}
