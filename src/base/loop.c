/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <sys/epoll.h>

int loop_init(struct loop *l) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return -errno;
    *l = (struct loop){.epfd = fd};
    return 0;
}

void loop_done(struct loop *l) {
    fd_close(&l->epfd);
}

int loop_add(struct loop *l, struct loop_source *src, int fd, uint32_t events,
             void (*fn)(struct loop_source *, uint32_t), void *data) {
    struct epoll_event ev = {.events = events, .data.ptr = src};

    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
        return -errno;
    *src = (struct loop_source){.fd = fd, .events = events, .fn = fn, .data = data};
    return 0;
}

int loop_mod(struct loop *l, struct loop_source *src, uint32_t events) {
    struct epoll_event ev = {.events = events, .data.ptr = src};

    if (src->fd < 0)
        return -ENOENT;
    if (src->events == events)
        return 0;
    if (epoll_ctl(l->epfd, EPOLL_CTL_MOD, src->fd, &ev) < 0)
        return -errno;
    src->events = events;
    return 0;
}

void loop_del(struct loop *l, struct loop_source *src) {
    if (src->fd < 0)
        return;
    int saved = errno;
    struct epoll_event ev = {0}; /* kernels before 2.6.9 wanted it; sanitizers still do */
    epoll_ctl(l->epfd, EPOLL_CTL_DEL, src->fd, &ev);
    errno = saved;
    src->fd = -1;
}

int loop_run(struct loop *l) {
    while (!l->quit) {
        /* One event at a time: a callback may remove and free any source, so no second event
         * may be waiting in user space. The kernel turns its ready list, none starves. */
        struct epoll_event ev;
        int n = epoll_wait(l->epfd, &ev, 1, -1);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n < 1)
            continue;
        struct loop_source *src = ev.data.ptr;
        src->fn(src, ev.events);
    }
    return 0;
}
