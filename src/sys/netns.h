/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces by descriptor. For its caller a call moves nothing: whoever may come back
 * goes there and returns (a few microseconds); whoever could not, as a rootless process on the
 * host's network, sends a short child that shares memory and descriptors (clone VM | FILES |
 * VFORK), which on a busy machine costs a turn of the scheduler.
 * Needs CAP_SYS_ADMIN in the namespace's user namespace and in our own. Musl-safe, no heap.
 */
#pragma once

#include "base/err.h"

/* A socket that lives in `netns` (close-on-exec). fd or -errno. */
int netns_socket(int netns, int domain, int type, int protocol);
/* The same from outside of the user namespace that owns it; the caller must be its owner. */
int netns_socket_in(int userns, int netns, int domain, int type, int protocol);
/* A new network namespace, loopback down. fd or -errno. */
int netns_new(void);
/* The same, owned by the user namespace `userns`; the caller must be its owner. */
int netns_new_in(int userns);
