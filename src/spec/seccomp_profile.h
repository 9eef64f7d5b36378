/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's seccomp profile format (`--security-opt seccomp=FILE`) → the runtime-spec's section.
 * Rules carry conditions (capabilities, architectures, kernel version) that are decided here.
 * A runtime-spec section is a profile without conditions and is read as it is.
 */
#pragma once

#include "spec/runtime.h"

struct seccomp_profile_env {
    uint64_t caps;    /* what the box may hold */
    const char *arch; /* docker's word: "amd64", "arm64" … */
    int kernel_major, kernel_minor;
};

int seccomp_profile_decode(const js *doc, const struct seccomp_profile_env *env, struct arena *a,
                           struct rt_seccomp *ret, struct err *e);
