/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a box starts: the host side of its network, and the sockets that hold or serve its
 * published ports. For an ordinary user also the namespaces of the holder (net/holder.h).
 */
#pragma once

#include "engine/engine.h"
#include "engine/record.h"

#define PLACE_MAX_PORTS 4096

struct place {
    int userns, netns, holder; /* owned; -1 = none: the host's own */
    int *ports;                /* owned; one per published port of the record, -1 = none */
    size_t n_ports;
};
#define PLACE_NONE                                                                                 \
    { .userns = -1, .netns = -1, .holder = -1 }

/* Make the network ready and take the ports. ERR_CONFLICT names a port that is taken. */
int place_open(hako_engine *g, int monitor_fd, const struct record *rec, struct place *ret,
               struct err *e);
void place_close(struct place *p);
#define AUTO_PLACE CLEANUP(place_close)
/* Hand the port sockets to the monitor. */
int place_send_ports(int sock, const struct place *p, struct err *e);
