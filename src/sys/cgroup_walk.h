/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visit a cgroup and its descendants without heap and without recursion: a box may have made them
 * deep. The place in a directory is remembered by the inode of the child that was left.
 */
#pragma once

#include "base/c.h"

struct cgroup_walk {
    int fd; /* the directory being visited; owned */
    unsigned depth;
    bool started;
};

/* Name of the first child group of fd, or of the one after the child with this inode.
 * 1 found, 0 none, negative errno. */
int cgroup_walk_child(int fd, uint64_t after_ino, char *name, size_t size);
/* 0 or -errno. */
int cgroup_walk_begin(struct cgroup_walk *w, const char *dir);
/* 1: w->fd is the next group, parents first; 0: the end. Groups that vanish are passed over. */
int cgroup_walk_next(struct cgroup_walk *w);
void cgroup_walk_end(struct cgroup_walk *w);

/* Process ids of the one group fd, at most max; those of foreign pid namespaces have no id here and
 * are left out. Count or -errno. */
ssize_t cgroup_walk_pids(int fd, pid_t *ret, size_t max);
