/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by descriptor: made detached, adjusted, then put on a directory that is held open, so
 * that no path can be exchanged underneath. Child-safe, musl-safe. All return 0 or a descriptor
 * (close-on-exec), or -errno.
 */
#pragma once

#include "base/c.h"

/* A new file system context; configure with mount_fs_set, finish with mount_fs_done. */
int mount_fs(const char *type);
/* "key=value" or a flag word. */
int mount_fs_option(int fs, const char *option);
int mount_fs_set(int fs, const char *key, const char *value);
/* Create the superblock and a detached mount of it with these MOUNT_ATTR_*. Closes fs. On failure
 * `why` (at least 64 bytes, may be NULL) gets the kernel's own words, or "". */
int mount_fs_done(int fs, uint64_t attr, char *why, size_t why_size);
/* A detached bind of an open file or directory, or of a path beneath it. */
int mount_bind(int dirfd, const char *path, bool recursive);
/* The same; a symlink at the end is bound itself. */
int mount_bind_link(int dirfd, const char *path, bool recursive);
/* Attributes (MOUNT_ATTR_*) and propagation (MS_*, 0 = leave) of a mount. */
int mount_set(int mnt, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation);
/* Attach a detached mount on what `target` holds open. */
int mount_put(int mnt, int target);
/* Change the propagation of the tree at "/". */
int mount_propagation(unsigned long ms_flags);
/* Make `root` (the root of an attached mount) this process's root and drop all others. */
int mount_pivot(int root);
/* The same for hosts whose own root cannot be pivoted (a ramdisk): `root` is moved over "/", and
 * what the host has mounted of procfs and sysfs is taken away, for it would lie beneath. `proc` is
 * the host's procfs. */
int mount_move_root(int root, int proc);
/* Options of a mounted file system: words as mount_fs_option takes them, then mount_fs_redone,
 * which closes fs. */
int mount_fs_pick(int target);
int mount_fs_redone(int fs);
/* Map the ids of a detached mount as the user namespace `userns` does. */
int mount_map_ids(int mnt, bool recursive, int userns);

/* File system magic of an open file, 0 when it cannot be told. */
uint64_t mount_magic(int fd);
#define MOUNT_MAGIC_PROC 0x9fa0u
#define MOUNT_MAGIC_SYSFS 0x62656572u
#define MOUNT_MAGIC_DEVPTS 0x1cd1u
