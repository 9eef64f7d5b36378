/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports of a rootless box: connections taken on the host, carried on inside.
 *
 * Theory of operation
 *   The command binds and opens the listeners where the user can reach them (publish.h), and the
 *   monitor gets them. One child of the monitor enters the user's shared network namespace, takes
 *   connections from the listeners and makes the matching ones to the box, whose bridge is there.
 *   TCP bytes move by splice(2) through pipes that a direction owns only while bytes wait in it,
 *   so an idle connection costs two descriptors. A direction that has ended is shut down, the
 *   other lives on. UDP: one connected socket per peer, forgotten after a quiet minute.
 *   Everything is bounded: at the limit new connections wait in the listener's queue. The child
 *   dies with its parent, holds no privilege after it has arrived, and allocates nothing.
 */
#pragma once

#include "base/err.h"

/* listener[i] belongs to the plan's i-th published port; -1 = not forwarded. netns: where the
 * box's bridge is (-1 = ours). Returns the child and its pidfd (close-on-exec). */
int forward_spawn(const void *plan, size_t len, const int *listener, size_t n, int netns,
                  pid_t *ret_pid, int *ret_pidfd, struct err *e);
/* End it and reap it. Closes *pidfd; idempotent. */
void forward_stop(pid_t pid, int *pidfd);
