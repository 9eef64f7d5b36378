/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter program folded by system call number.
 *
 * libseccomp spends two instructions on every call it knows. Most filters say the same about long
 * runs of neighbouring numbers, so this pass asks the program what it does for each number (it is
 * run with the number known and the arguments unknown), joins equal neighbours into intervals and
 * writes a binary search over them. Where the answer depends on arguments, what is left of the
 * program for that number is copied. The result has a quarter of the instructions, and the kernel
 * checks, translates and loads it in a fraction of the time.
 */
#pragma once

#include "base/arena.h"
#include <linux/filter.h>

/* Said about one call before the program is asked. */
struct seccomp_fold_say {
    bool fixed; /* `action`, whatever the program says */
    uint32_t action;
    /* or: refuse with `action` when the low half of argument `index` is one of these first */
    const uint32_t *values;
    size_t n_values;
    uint32_t index;
};

struct seccomp_fold {
    const struct sock_filter *prog;
    size_t n;
    const uint32_t *arches; /* AUDIT_ARCH_*; the most used first */
    size_t n_arches;
    struct seccomp_fold_say (*say)(const void *data, uint32_t arch, uint32_t nr);
    const void *data;
    const uint32_t *points; /* numbers where the answers of say() may change */
    size_t n_points;
};

/* 0, -E2BIG (longer than the kernel takes), -ENOTSUP (an instruction of unknown meaning) or
 * -ENOMEM. `out` has room for BPF_MAXINSNS. */
int seccomp_fold(const struct seccomp_fold *in, struct arena *a, struct sock_filter *out,
                 size_t *n);
