/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the forwarding child: what TCP and UDP share. See forward.h. */
#pragma once

#include "base/loop.h"
#include "net/netplan.h"
#include <netinet/in.h>

#define FORWARD_MAX_CONNS 1024
#define FORWARD_MAX_PEERS 256
#define FORWARD_MAX_LISTENERS 1024
/* Turns one source takes before it lets the others have theirs. */
#define FORWARD_TURNS 16

struct forwarder;

/* One direction of a connection. */
struct forward_half {
    int pipe[2]; /* -1 while no bytes wait */
    size_t held;
    bool ended; /* the source has no more to say, and the other side was told */
};

struct forward_conn {
    struct forwarder *f;
    struct loop_source src[2];
    int fd[2]; /* outside, box; half[i] runs from fd[i] to the other */
    struct forward_half half[2];
    bool used, connected;
};

struct forward_peer {
    struct forwarder *f;
    struct loop_source src;
    int fd; /* to the box */
    uint32_t listener;
    struct sockaddr_in who;
    struct in_addr local; /* the address it spoke to, which must answer */
    int64_t last_ns;
    bool used;
};

struct forward_listener {
    struct forwarder *f;
    struct loop_source src;
    int fd;
    uint32_t proto;
    struct sockaddr_in box;
};

struct forwarder {
    struct loop loop;
    struct forward_listener listener[FORWARD_MAX_LISTENERS];
    size_t nlisteners;
    int spare[2]; /* an empty pipe kept for the next direction that needs one */
    size_t nconns, max_conns;
    bool full; /* listeners rest until a connection ends */
    int timer; /* runs while there are peers */
    struct loop_source timer_src;
    size_t npeers;
    struct forward_conn conn[FORWARD_MAX_CONNS];
    struct forward_peer peer[FORWARD_MAX_PEERS];
    uint8_t datagram[65536];
};

/* 0 or -errno. */
int forward_tcp_listen(struct forward_listener *l);
int forward_udp_listen(struct forward_listener *l);
