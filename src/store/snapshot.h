/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: what a container's root file system is made of, as paths. Nothing is mounted.
 */
#pragma once

#include "store/store.h"

struct snapshot {
    struct strlist lower; /* absolute layer directories, topmost first */
    char *upper, *work;   /* absolute; made by snapshot_prepare */
};

/* Make upper/ and work/ beneath the container directory. ERR_CORRUPT when a layer is missing. */
int snapshot_prepare(const struct store *s, const struct image *img, int container_dir,
                     const char *container_path, struct arena *a, struct snapshot *ret,
                     struct err *e);
/* The same paths again for an existing container; makes nothing. */
int snapshot_paths(const struct store *s, const struct image *img, const char *container_path,
                   struct arena *a, struct snapshot *ret, struct err *e);
/* Open a file of the merged tree for reading without mounting (for /etc/passwd, /etc/group):
 * topmost layer first, whiteouts honoured, symlinks kept inside. fd or -errno. */
int snapshot_open_file(const struct snapshot *sn, const char *path);
