/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the id maps of a user namespace from its parent, by a process that may map what it maps
 * (root, or root of a user namespace). Musl-safe, no heap.
 */
#pragma once

#include "base/err.h"

/* `uid`, `gid`: lines "inside outside size", outside being ids of our own namespace. A range that
 * our own map holds in several pieces is split along them: the kernel takes no other. 0 or
 * -errno. */
int idmap_write(pid_t pid, const char *uid, const char *gid);
/* The same for a user who may not: by newuidmap(1) and newgidmap(1), or his own id alone. */
int idmap_write_helped(pid_t pid, const char *uid, const char *gid, struct err *e);
/* The splitting alone. `own` is the text of /proc/self/uid_map. 0, -EINVAL, -E2BIG. */
int idmap_split(const char *map, const char *own, char *out, size_t size);
/* A user namespace that nobody lives in, for its maps alone. Descriptor or -errno. */
int idmap_userns(const char *uid, const char *gid);
