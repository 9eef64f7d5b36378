/* SPDX-License-Identifier: Apache-2.0 */
/*
 * News of the out-of-memory killer, as a descriptor to poll for reading: v1's eventfd on
 * memory.oom_control, v2's inotify on memory.events. Its end is heard as well.
 */
#pragma once

#include "sys/cgroup.h"

struct cgroup_oom {
    int fd;          /* owned; readable when something happened */
    uint64_t seen;   /* v2: kills heard of so far */
    const char *dir; /* borrowed from the set */
    bool v2;
};

int cgroup_oom_open(const struct cgroup_set *s, struct cgroup_oom *ret, struct err *e);
/* After fd was readable: 1 an OOM, 0 something else, -ENOENT the group is gone, -errno. Never
 * blocks. */
int cgroup_oom_next(struct cgroup_oom *o);
void cgroup_oom_close(struct cgroup_oom *o);
