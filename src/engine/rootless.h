/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a box of an ordinary user lives: the user's namespace, the shared network of the holder
 * (net/holder.h), and listening sockets for published ports, which only the command can make in
 * the host's network.
 */
#pragma once

#include "engine/engine.h"
#include "engine/record.h"

#define ROOTLESS_MAX_LISTENERS 256

struct rootless_place {
    int userns, netns, holder; /* owned; -1 = none */
    int listeners[ROOTLESS_MAX_LISTENERS];
    size_t n_listeners;
};
#define ROOTLESS_PLACE_NONE {.userns = -1, .netns = -1, .holder = -1}

int rootless_place_open(hako_engine *g, int monitor_fd, const struct record *rec,
                        struct rootless_place *ret, struct err *e);
void rootless_place_close(struct rootless_place *p);
#define AUTO_ROOTLESS CLEANUP(rootless_place_close)
int rootless_send_listeners(int sock, const struct rootless_place *p, struct err *e);
