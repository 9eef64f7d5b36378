/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walk several directory trees as the one that overlayfs makes of them, without mounting: names in
 * byte order, parents before children. With one tree and `whiteouts` it shows what the tree alone
 * holds, whiteouts included.
 */
#pragma once

#include "store/snapshot.h"

#include <limits.h>
#include <sys/stat.h>

#define WALK_MAX_TREES (IMG_MAX_LAYERS + 1)

struct walk_entry {
    const char *path; /* relative; "" = the root itself */
    int tree;         /* descriptor of the tree that has it */
    const struct stat *st;
    bool whiteout; /* only with `whiteouts`: hides what is below */
    bool opaque;   /* a directory that hides what is below */
};

struct walk {
    const int *trees; /* topmost first */
    size_t n;
    bool whiteouts;
    int (*visit)(const struct walk_entry *entry, void *data, struct err *e);
    void *data;
};

int snapshot_walk(const struct walk *w, struct err *e);
/* Has the open file or directory (O_PATH will do) this attribute of overlayfs, with value y? */
bool snapshot_walk_opaque(int pathfd);
