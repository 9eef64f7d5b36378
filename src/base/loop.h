/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event loop over epoll: typed sources, no heap after loop_init, no timers by signal, no polling.
 * Small enough for the monitor. One loop per process; not thread-safe.
 *
 * A source's callback may remove any source, itself included.
 */
#pragma once

#include "base/c.h"

struct loop;
struct loop_source {
    int fd; /* borrowed; -1 = free slot */
    uint32_t events;
    void (*fn)(struct loop_source *src, uint32_t events);
    void *data;
};

struct loop {
    int epfd;
    bool quit;
};

int loop_init(struct loop *l); /* 0 or -errno */
void loop_done(struct loop *l);
/* `src` is caller-owned storage that must outlive its registration. 0 or -errno. */
int loop_add(struct loop *l, struct loop_source *src, int fd, uint32_t events,
             void (*fn)(struct loop_source *, uint32_t), void *data);
int loop_mod(struct loop *l, struct loop_source *src, uint32_t events);
void loop_del(struct loop *l, struct loop_source *src); /* idempotent */
/* Run until loop->quit. 0 or -errno. */
int loop_run(struct loop *l);
