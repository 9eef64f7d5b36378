/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys/: one file per kernel concept, no policy.
 *
 * Theory of operation
 *   Everything that talks to the kernel in more than one line lives here, behind functions that
 *   say what they do and not what for. Two halves, told apart by the lists in meson.build:
 *     core   what monitor and init use: raw system calls, no heap, no glibc-only call; compiled a
 *            second time against static musl. "Child-safe" functions may run between clone and
 *            execve: they take and return plain values, and errors as negative errno.
 *     rest   what the command uses to look at the host and to compile plans.
 *
 * This file: the facts about the host that plans and `hako info` need.
 */
#pragma once

#include "base/err.h"

struct host {
    uint64_t caps; /* what we can give: bounding ∩ permitted */
    int last_cap;
    bool rootless;          /* not root of the host: uid ≠ 0, or in a user namespace */
    bool in_userns;         /* in a user namespace that maps only some ids */
    bool can_raise_rlimits; /* CAP_SYS_RESOURCE, effective */
    bool can_raise_oom;     /* the same: oom_score_adj below our own */
    bool has_apparmor, has_selinux, has_seccomp;
    int kernel_major, kernel_minor;
    char kernel[128]; /* uname -r */
    char arch[32];    /* uname -m */
    char hostname[65];
    unsigned cpus; /* that we may run on */
    uint64_t memory_total, swap_total;
};

/* Cheap facts only (no file beyond /proc/self/uid_map); memory and cpus: host_read_info. */
int host_read(struct host *ret, struct err *e);
int host_read_info(struct host *ret, struct err *e);
/* Where resctrl (Intel RDT and its like) is mounted. 0, -ENOENT or another -errno. */
int host_resctrl(char *ret, size_t size);
