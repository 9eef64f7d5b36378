/* SPDX-License-Identifier: Apache-2.0 */
/* --cap-add --cap-drop --security-opt --privileged → what a box may do. Used by run and exec. */
#pragma once

#include "engine/engine.h"
#include "sys/host.h"

struct security {
    uint64_t caps; /* already ∩ what the caller can give */
    bool privileged;
    bool no_new_privileges;
    bool unmask;          /* systempaths=unconfined */
    const char *apparmor; /* profile, or NULL */
    const char *label;    /* SELinux, or NULL */
    const void *bpf;      /* system call filter; NULL = none */
    size_t bpf_len;
    uint32_t bpf_flags;
};

struct security_words {
    const struct strlist *cap_add, *cap_drop, *security_opt;
    bool privileged;
};

/* Reads a seccomp profile file when one is named. ERR_USAGE on unknown words. */
int security_resolve(hako_engine *g, const struct security_words *w, const struct host *host,
                     struct arena *a, struct security *ret, struct err *e);
