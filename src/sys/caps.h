/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability sets as 64-bit masks, by raw system calls: child-safe and musl-safe.
 * Names belong to spec/runtime.h (rt_cap_name).
 */
#pragma once

#include "base/c.h"

#define CAPS_BIT(n) (UINT64_C(1) << (n))

/* docker's default: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE
 * NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP. */
#define CAPS_DEFAULT                                                                               \
    (CAPS_BIT(0) | CAPS_BIT(1) | CAPS_BIT(3) | CAPS_BIT(4) | CAPS_BIT(5) | CAPS_BIT(6) |           \
     CAPS_BIT(7) | CAPS_BIT(8) | CAPS_BIT(10) | CAPS_BIT(13) | CAPS_BIT(18) | CAPS_BIT(27) |       \
     CAPS_BIT(29) | CAPS_BIT(31))

struct caps {
    uint64_t effective, permitted, inheritable, bounding, ambient;
};

/* Mask of all capabilities 0..last. */
uint64_t caps_mask(int last);
/* The kernel's last capability. */
int caps_last(void);
/* Sets of the calling thread. 0 or -errno. */
int caps_current(struct caps *ret);
/* What the caller can hand to a child that it starts in its own user namespace: bounding ∩
 * permitted. */
int caps_givable(uint64_t *ret);

/* Drop from the bounding set what is not in `keep`. Needs CAP_SETPCAP when something is there to
 * drop. Before the change of user. 0 or -errno. */
int caps_bound(uint64_t keep);
/* Set effective, permitted, inheritable and then ambient (what is in neither permitted nor
 * inheritable is left out, as the kernel would refuse it). After the change of user, which the
 * caller did with PR_SET_KEEPCAPS when not root. 0 or -errno. */
int caps_set(const struct caps *c);
/* caps_bound + caps_set. */
int caps_apply(const struct caps *c);
