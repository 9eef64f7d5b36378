/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces by their flags (CLONE_NEW*). Child-safe, musl-safe. 0, a descriptor, or -errno. */
#pragma once

#include "base/c.h"

/* Enter the namespace that the file `path` names; it must be of this kind. */
int ns_join(const char *path, uint64_t flag);
/* Enter several namespaces of a process at once. */
int ns_join_process(int pidfd, uint64_t flags);
int ns_unshare(uint64_t flags);
/* The network namespace of a process. */
int ns_net_of(pid_t pid);
