/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that musl 1.2.3 (or glibc 2.36) has no wrapper for. Thin: as the kernel's, with
 * errno. Names and structs come from the kernel's own headers, which do not agree with
 * <sys/mount.h>: a file that includes this one must not include that one.
 */
#pragma once

#include "base/c.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#define SYS_MNT_DETACH 2
#define SYS_PIDFD_SELF_PROCFS "/proc/self/fd/"

static inline int sys_clone3(struct clone_args *a) {
    return (int)syscall(SYS_clone3, a, sizeof(*a));
}
static inline int sys_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}
static inline int sys_pidfd_send_signal(int pidfd, int signo) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
}
static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}
/* `ret` is a struct statx of <linux/stat.h>. */
static inline int sys_statx(int dirfd, const char *path, int flags, unsigned mask, void *ret) {
    return (int)syscall(SYS_statx, dirfd, path, flags, mask, ret);
}
static inline int sys_mount(const char *source, const char *target, const char *type,
                            unsigned long flags, const void *data) {
    return (int)syscall(SYS_mount, source, target, type, flags, data);
}
static inline int sys_umount2(const char *target, int flags) {
    return (int)syscall(SYS_umount2, target, flags);
}
static inline int sys_pivot_root(const char *new_root, const char *put_old) {
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}
static inline int sys_fsopen(const char *type) {
    return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}
static inline int sys_fspick(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_fspick, dirfd, path, flags);
}
static inline int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux) {
    return (int)syscall(SYS_fsconfig, fs, cmd, key, value, aux);
}
static inline int sys_fsmount(int fs, unsigned attr) {
    return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
}
static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
                                 unsigned flags) {
    return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
static inline int sys_open_tree(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, dirfd, path, flags | (unsigned)O_CLOEXEC);
}
static inline int sys_mount_setattr(int dirfd, const char *path, unsigned flags,
                                    const struct mount_attr *a) {
    return (int)syscall(SYS_mount_setattr, dirfd, path, flags, a, sizeof(*a));
}
