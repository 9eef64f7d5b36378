/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System call filters.
 *
 * Theory of operation
 *   A filter is bytes: classic BPF, ready for the kernel. The default profile for docker's default
 *   capabilities is compiled while hako is built (tools/seccomp-gen.c) and embedded. Other
 *   capability sets and foreign profiles are compiled by libseccomp when first needed and kept
 *   under a cache directory by the digest of everything that shaped them. init only loads bytes.
 *
 *   The profile is an allow-list: unknown calls get EPERM, clone3 gets ENOSYS (its flags are
 *   behind a pointer, so that libc must fall back to clone, whose flags a filter can see).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/* --- init and monitor: musl-safe, child-safe -------------------------------------------------- */

/* (libseccomp has a seccomp_load.) Load filter bytes into the calling thread; no_new_privs or
 * CAP_SYS_ADMIN must hold. `flags` are SECCOMP_FILTER_FLAG_*; unknown ones that only inform (LOG)
 * are dropped on old kernels. 0 (with NEW_LISTENER: the notification descriptor) or -errno. */
int seccomp_install(const void *bpf, size_t len, uint32_t flags);

/* --- command side ----------------------------------------------------------------------------- */

/* Actions are the kernel's SECCOMP_RET_* with the data in the low 16 bits. */
enum seccomp_op {
    SECCOMP_OP_NE = 1, /* numbers as libseccomp's scmp_compare */
    SECCOMP_OP_LT,
    SECCOMP_OP_LE,
    SECCOMP_OP_EQ,
    SECCOMP_OP_GE,
    SECCOMP_OP_GT,
    SECCOMP_OP_MASKED_EQ,
};
struct seccomp_arg {
    uint32_t index; /* 0–5 */
    enum seccomp_op op;
    uint64_t value, value_two; /* MASKED_EQ: (arg & value) == value_two */
};
struct seccomp_rule {
    const char *const *names; /* unknown names are left out, as docker does */
    size_t n_names;
    uint32_t action;
    const struct seccomp_arg *args; /* all must hold; the same index twice makes alternatives */
    size_t n_args;
};
/* A call refused by the low 32 bits of an argument, before all rules. libseccomp compares 64 bits
 * where the kernel takes an int, so that garbage in the upper half would slip through a rule. */
struct seccomp_guard {
    uint32_t nr_x86_64, nr_i386, nr_aarch64;
    uint32_t index;
    const uint32_t *values;
    size_t n_values;
    uint32_t action;
};
struct seccomp_filter {
    uint32_t default_action;
    const struct seccomp_guard *guards;
    size_t n_guards;
    const char *const *arches; /* "SCMP_ARCH_X86_64" …; the native one is always in */
    size_t n_arches;
    const struct seccomp_rule *rules;
    size_t n_rules;
};

/* Compile with libseccomp, then fold (seccomp_fold.h). Arena-owned bytes. Calls newer than
 * all that the profile names get ENOSYS instead of a default that refuses, so that libc falls back
 * to the older call. */
int seccomp_build(const struct seccomp_filter *f, struct arena *a, void **ret, size_t *ret_len,
                  struct err *e);
/* Is there a call of this name, on any architecture? */
bool seccomp_call_known(const char *name);
/* Words of the runtime-spec. action: "SCMP_ACT_ERRNO" + errno → SECCOMP_RET_*; -EINVAL unknown. */
int seccomp_action(const char *word, uint32_t errno_ret, uint32_t *ret);
int seccomp_op(const char *word, enum seccomp_op *ret); /* "SCMP_CMP_EQ" */
int seccomp_flag(const char *word, uint32_t *ret);      /* "SECCOMP_FILTER_FLAG_LOG" */

/* hako's profile for a box that may hold `caps`, as rules; arena-owned. */
int seccomp_default_filter(uint64_t caps, struct arena *a, struct seccomp_filter *ret,
                           struct err *e);
/* Capabilities that open something in it. */
uint64_t seccomp_default_gates(void);

/* The embedded program when it fits `caps`, else NULL. Static storage. */
const void *seccomp_default_embedded(uint64_t caps, size_t *ret_len);
/* hako's profile for `caps`: the embedded program, or one from the directory `cachefd` (-1 = no
 * cache), or compiled now and kept there. */
int seccomp_default(int cachefd, uint64_t caps, struct arena *a, const void **ret, size_t *ret_len,
                    struct err *e);
/* seccomp_build with the cache. */
int seccomp_cached(int cachefd, const struct seccomp_filter *f, struct arena *a, const void **ret,
                   size_t *ret_len, struct err *e);
