/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths beneath a directory. Anything an image, an archive or a user names goes through here:
 * openat2(2) with RESOLVE_IN_ROOT (the directory is "/" for every symlink and "..") or
 * RESOLVE_BENEATH. Descriptors are O_CLOEXEC.
 */
#pragma once

#include "base/err.h"

/* open beneath root, symlinks resolved as if root were "/". fd or -errno. */
int path_open_in_root(int rootfd, const char *path, int flags, mode_t mode);
/* open beneath root, no symlink followed anywhere, no "..". fd or -errno. */
int path_open_beneath(int rootfd, const char *path, int flags, mode_t mode);
/* mkdir -p inside root (symlinks resolved in root); returns an O_PATH fd of the last, or -errno. */
int path_mkdir_in_root(int rootfd, const char *path, mode_t mode);
/* mkdir -p for hako's own trusted absolute or dirfd-relative paths. 0 or -errno. */
int path_mkdir_p(int dirfd, const char *path, mode_t mode);
/* Remove a tree without following symlinks or crossing into other directories by race; depth
 * bounded by iteration, not recursion. Missing is success. 0 or -errno of the first failure. */
int path_remove_tree(int dirfd, const char *name);
/* Lexical clean-up like Go's path.Clean: out is absolute ("/a/b"). 0 or -ENAMETOOLONG. */
int path_clean(const char *path, char *out, size_t size);
/* True for a single component that is no "." or ".." and holds no "/". */
bool path_is_component(const char *s);
