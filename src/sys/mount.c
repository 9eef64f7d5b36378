/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mount.h"

#include "sys/syscalls.h"

#include <string.h>
#include <sys/vfs.h>

int mount_fs(const char *type) {
    int fd = sys_fsopen(type);
    return fd < 0 ? -errno : fd;
}

int mount_fs_set(int fs, const char *key, const char *value) {
    return sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

int mount_fs_option(int fs, const char *option) {
    const char *eq = strchr(option, '=');
    char key[64];

    if (!eq)
        return sys_fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0) < 0 ? -errno : 0;
    size_t n = (size_t)(eq - option);
    if (n >= sizeof(key))
        return -EINVAL;
    memcpy(key, option, n);
    key[n] = 0;
    return mount_fs_set(fs, key, eq + 1);
}

/* The first error message of the context: "e overlay: …". */
static void mount_fs_why(int fs, char *why, size_t size) {
    char line[256];
    ssize_t n;

    while ((n = read(fs, line, sizeof(line) - 1)) > 0) {
        line[n] = 0;
        if (line[0] != 'e' || n < 3)
            continue;
        size_t len = MIN_OF(strcspn(line + 2, "\n"), size - 1);
        memcpy(why, line + 2, len);
        why[len] = 0;
        return;
    }
}

int mount_fs_done(int fs, uint64_t attr, char *why, size_t why_size) {
    int mnt = -1;
    int r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);

    if (r == 0)
        mnt = r = sys_fsmount(fs, (unsigned)attr);
    int code = r < 0 ? -errno : mnt;
    if (why && why_size) {
        why[0] = 0;
        if (code < 0)
            mount_fs_why(fs, why, why_size);
    }
    close(fs);
    return code;
}

int mount_fs_pick(int target) {
    int fd = sys_fspick(target, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    return fd < 0 ? -errno : fd;
}

int mount_fs_redone(int fs) {
    int r = sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0 ? -errno : 0;
    close(fs);
    return r;
}

static int mount_clone(int dirfd, const char *path, bool recursive, unsigned flags) {
    flags |= OPEN_TREE_CLONE | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    int fd = sys_open_tree(dirfd, path, flags);
    return fd < 0 ? -errno : fd;
}

int mount_bind(int dirfd, const char *path, bool recursive) {
    return mount_clone(dirfd, path, recursive, 0);
}

int mount_bind_link(int dirfd, const char *path, bool recursive) {
    return mount_clone(dirfd, path, recursive, AT_SYMLINK_NOFOLLOW);
}

int mount_map_ids(int mnt, bool recursive, int userns) {
    struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return sys_mount_setattr(mnt, "", flags, &a) < 0 ? -errno : 0;
}

int mount_set(int mnt, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation) {
    struct mount_attr a = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

    if (set & MOUNT_ATTR__ATIME)
        a.attr_clr |= MOUNT_ATTR__ATIME;
    return sys_mount_setattr(mnt, "", flags, &a) < 0 ? -errno : 0;
}

int mount_put(int mnt, int target) {
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    return sys_move_mount(mnt, "", target, "", flags) < 0 ? -errno : 0;
}

int mount_propagation(unsigned long ms_flags) {
    return sys_mount(NULL, "/", NULL, ms_flags, NULL) < 0 ? -errno : 0;
}

/* pivot_root(".", ".") stacks the old root on the new one, where it is at once let go: no
 * directory for it is needed, and nothing of it can be reached in between. */
int mount_pivot(int root) {
    if (fchdir(root) < 0 || sys_pivot_root(".", ".") < 0)
        return -errno;
    if (sys_umount2(".", SYS_MNT_DETACH) < 0 || chdir("/") < 0)
        return -errno;
    return 0;
}

uint64_t mount_magic(int fd) {
    struct statfs s;
    return fstatfs(fd, &s) < 0 ? 0 : (uint64_t)s.f_type;
}
