/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/ns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

int ns_join(const char *path, uint64_t flag) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = setns(fd, (int)flag) < 0 ? -errno : 0;
    close(fd);
    return r;
}

int ns_join_process(int pidfd, uint64_t flags) {
    return setns(pidfd, (int)flags) < 0 ? -errno : 0;
}

int ns_unshare(uint64_t flags) {
    return unshare((int)flags) < 0 ? -errno : 0;
}

int ns_of(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
