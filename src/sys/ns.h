/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces by their flags (CLONE_NEW*). Child-safe, musl-safe. 0, a descriptor, or -errno. */
#pragma once

#include "base/c.h"

/* Enter the namespace that `fd` holds; it must be of this kind (-EINVAL). */
int ns_enter(int fd, uint64_t flag);
/* Enter several namespaces of a process at once. */
int ns_join_process(int pidfd, uint64_t flags);
int ns_unshare(uint64_t flags);
/* A namespace of a process, by its name in /proc/PID/ns: "net", "mnt". */
int ns_of(pid_t pid, const char *name);
/* Is "/" the root of the mount namespace? In a chroot it is not, and pivot_root(2) would leave the
 * host's tree above the box. Asking moves "/" and "." to the root of the namespace. 1, 0 or -errno.
 */
int ns_at_root(void);
