/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The holder: what all rootless boxes of one user share.
 *
 * Theory of operation
 *   An ordinary user cannot plug boxes into the host's network. Instead one user namespace with
 *   the user's subordinate ids and one network namespace in it play the host: the bridge, the
 *   packet filter and every box's link live there, by the same code as for root. pasta(1)
 *   connects that namespace with the world through ordinary sockets.
 *   Both namespaces exist as descriptors of one small process (a mode of hako-monitor), which
 *   listens on <rundir>/holder.sock. A command connects, says which network it wants, and gets
 *   the two descriptors as soon as that network is there. The connection itself is the reference:
 *   the monitor of a box keeps it open. When the last has gone and nobody came for a while, the
 *   holder ends, and with it pasta and the namespaces.
 */
#pragma once

#include "net/net.h"

#define HOLDER_SOCK "holder.sock"
#define HOLDER_LOCK "holder.lock"
/* Descriptors that the holder finds on start. */
enum { HOLDER_FD_SOCK = 3, HOLDER_FD_USERNS = 4 };
/* Where a box finds the host's resolver when the host's own address for it is a loopback one:
 * pasta answers there. */
#define HOLDER_DNS "169.254.1.53"

struct holder {
    int conn;          /* keep open as long as the namespaces are needed */
    int userns, netns; /* owned */
    char warning[256]; /* the world cannot be reached, and why; "" = all is well */
};

/* The command's side: connect, or start one. rundir: the user's run-time directory for hako;
 * monitor_fd: hako-monitor; n: NULL = only the namespaces. */
int holder_connect(int rundir, int monitor_fd, const struct network *n, struct holder *ret,
                   struct err *e);
/* Only if there is one: 1, 0 (nobody holds anything), or an error. */
int holder_find(int rundir, struct holder *ret, struct err *e);
void holder_close(struct holder *h);

/* hako-monitor in holder mode, with the descriptors above. Returns the exit status. */
int holder_main(void);
