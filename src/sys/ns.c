/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/ns.h"

#include "sys/syscalls.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sched.h>
#include <stdio.h>

int ns_enter(int fd, uint64_t flag) {
    return setns(fd, (int)flag) < 0 ? -errno : 0;
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

static int root_mount(uint64_t *ret) {
    struct statx st = {0};

    if (sys_statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &st) < 0)
        return -errno;
    if (!(st.stx_mask & STATX_MNT_ID))
        return -EOPNOTSUPP; /* before 5.8 */
    ret[0] = st.stx_mnt_id;
    ret[1] = st.stx_ino;
    return 0;
}

int ns_at_root(void) {
    uint64_t before[2] = {0}, after[2] = {0};
    int r = root_mount(before);
    int self = r < 0 ? -1 : sys_pidfd_open(getpid());

    if (r == 0 && self < 0)
        r = -errno;
    if (r == 0)
        r = ns_join_process(self, CLONE_NEWNS);
    fd_close(&self);
    if (r == 0)
        r = root_mount(after);
    return r < 0 ? r : before[0] == after[0] && before[1] == after[1];
}
