/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules on cgroup v2: a BPF_PROG_TYPE_CGROUP_DEVICE program that hako encodes itself.
 * Encoding is pure and done by the command; the monitor loads and attaches with raw bpf(2).
 *
 * Rules have the v1 meaning: later ones win over earlier ones, nothing matched = denied. The
 * program walks them from the last to the first. Rules before a last "all" rule are left out.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum { BPF_DEVICE_MKNOD = 1, BPF_DEVICE_READ = 2, BPF_DEVICE_WRITE = 4, BPF_DEVICE_ALL = 7 };

struct bpf_device_rule {
    bool allow;
    char type;            /* 'a' both, 'b', 'c' */
    int64_t major, minor; /* -1 = any */
    uint32_t access;      /* BPF_DEVICE_* */
};

/* Instructions (8 bytes each) for the rules. */
int bpf_device_encode(const struct bpf_device_rule *rules, size_t n, struct arena *a, void **ret,
                      size_t *ret_len, struct err *e);

/* Monitor side, musl-safe. Load the program and attach it to the v2 group `dir`; the group holds
 * it, nothing to close. Replaces nothing: attach once per group, or bpf_device_replace. */
int bpf_device_attach(const char *dir, const void *insns, size_t len, struct err *e);
/* Attach the new program, then detach all others of ours (`update`). */
int bpf_device_replace(const char *dir, const void *insns, size_t len, struct err *e);
