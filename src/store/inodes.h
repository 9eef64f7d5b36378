/* SPDX-License-Identifier: Apache-2.0 */
/* Which files have been met before, and by which name: how hard links are found. */
#pragma once

#include "base/str.h"

struct inodes_slot {
    dev_t dev;
    ino_t ino;
    size_t name; /* offset in names, from 1 */
};

struct inodes {
    struct inodes_slot *v; /* open addressing; name 0 = free */
    size_t n, cap;
    struct str names;
};

/* *first: the name of the earlier meeting, valid until the next call, or NULL. 0 or -ENOMEM. */
int inodes_meet(struct inodes *l, dev_t dev, ino_t ino, const char *name, const char **first);
void inodes_free(struct inodes *l);
