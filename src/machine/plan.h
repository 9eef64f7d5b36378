/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: everything a machine will do, as flat data.
 *
 * The command composes it (plan_build: runtime-spec + root recipe + host facts → bytes; PURE);
 * monitor and init interpret it: no JSON, no heap, no decisions. A plan is one contiguous,
 * position-independent block: header, steps, then a pool of NUL-terminated strings and blobs
 * that steps name by offset. plan_open() checks every offset once, so that interpreters need not.
 * Restart is the same plan again; a dry run prints it (plan_print).
 *
 * Sections, in the order they run:
 *   HOST_OPEN    in the monitor: make and fill cgroups
 *   BIRTH        in a helper that clones init: namespaces to join, cgroups, binds with mapped ids
 *   BORN         in the monitor, once init has its namespaces: network devices
 *   INIT         in init, child-safe (no malloc, no stdio): mounts, devices, pivot, identity,
 *                PARK, limits of privilege, EXEC
 *   HOOKS        in the runtime, at the points that machine_hooks() names
 *   HOST_HALT    in the monitor, and in the sweep after a crash: kill and remove cgroups
 * An exec plan has only an INIT section (without PARK) and joins the machine's namespaces.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "spec/runtime.h"

/* How the root file system comes to be: a recipe, never a mount (see store/snapshot.h). */
struct root_recipe {
    enum { ROOT_OVERLAY, ROOT_DIR } kind;
    struct strlist lower; /* absolute layer directories, topmost first */
    char *upper, *work;   /* absolute; NULL = read-only overlay */
    char *dir;            /* ROOT_DIR: absolute bundle rootfs */
    bool userxattr;       /* unprivileged overlay */
    bool throwaway; /* upper is removed after the run (--rm): nothing of it need reach the disk */
};

/* How a machine's cgroups are made: plan_host.cgroup_flags. */
enum {
    PLAN_CGROUP_ALL = 1 << 0,     /* in every hierarchy, with every controller, not just in some */
    PLAN_CGROUP_ASKED = 1 << 1,   /* the user named the path: where it cannot be is an error */
    PLAN_CGROUP_DEVICES = 1 << 2, /* no device but those of the rules and the default list */
    PLAN_CGROUP_UNIT = 1 << 3,    /* an absolute path which systemd has made */
};

/* What the plan must know of the host; gathered by the command, so that plan_build stays pure. */
struct plan;

struct plan_host {
    bool rootless; /* we run inside a user namespace without host privileges */
    uint64_t caps; /* capabilities the caller can give (bounding set) */
    int last_cap;
    bool has_apparmor, has_selinux;
    bool can_raise_oom, can_raise_rlimits;
    const struct cgroup_layout *cgroups; /* sys/cgroup.h; NULL = no usable cgroup */
    uint32_t cgroup_flags;               /* PLAN_CGROUP_* */
    /* exec: "path" or "controller,…:path" beneath the box's groups; NULL or empty = the box's own
     */
    const struct strlist *exec_cgroups;
    const void *seccomp_bpf; /* compiled filter of spec->seccomp, NULL = none */
    size_t seccomp_len;
    uint32_t seccomp_flags;
    bool late_unmount; /* mounts may outlive init: nothing of the user\'s is among them */
    bool outlive;      /* the task lives on when its starter ends */
    bool no_pivot;     /* the root is moved, not pivoted: for hosts that run from a ramdisk */
    bool init;         /* --init: our PID 1 reaps and forwards */
    const char *const *copyup; /* mount destinations to fill from the image when empty; NULL-end */
    /* mount destinations whose sources boxes could swap for links: none is followed; NULL-end */
    const char *const *straight;
    /* What hooks and a listener of the filter are told: the state of the container. NULL id: the
     * spec may ask for neither. */
    const char *id, *bundle;
    const char *state_version;       /* ociVersion of the state; NULL = the spec's own */
    const char *listener_version;    /* of what the listener gets; NULL = the same */
    const char *hook_out, *hook_err; /* files for the hooks' output; NULL = into the error */
    const char *resctrl;             /* where it is mounted; NULL = nowhere */
    bool no_keyring;                 /* the caller's session keyring stays */
    /* An OCI runtime: what the specification says MUST be is an error where it cannot (limits,
     * oom_score_adj, the keyring), and the caller's umask stays; the engine makes do. */
    bool strict;
    struct strlist *warnings; /* what was passed over, with arena memory; NULL = nobody asks */
    /* exec: the box's own plan, which knows best what namespaces and cgroups to enter, whatever
     * cgroup the caller is in; NULL = as the spec says */
    const struct plan *box;
};

/* When a hook runs; PLAN_HOOK_CONTAINER and _START are steps of INIT. */
enum plan_hook {
    PLAN_HOOK_PRESTART,
    PLAN_HOOK_RUNTIME,
    PLAN_HOOK_CONTAINER,
    PLAN_HOOK_START,
    PLAN_HOOK_POSTSTART,
    PLAN_HOOK_POSTSTOP,
    PLAN_HOOK_COUNT
};

/* A checked view over the bytes, which must be 8-aligned and outlive it (a mapped file is). */
struct plan {
    const struct plan_header *h; /* machine/plan_format.h */
    size_t len;
};

/* Check every offset, so that interpreters need not. Musl-safe. ERR_CORRUPT. */
int plan_open(const void *bytes, size_t len, struct plan *ret, struct err *e);
/* The task has a terminal of its own (machine.console). */
bool plan_has_terminal(const struct plan *p);

/* Compose. `ret` gets the bytes (arena-owned). Errors name the spec path. */
int plan_build(const struct rt_spec *spec, const struct root_recipe *root,
               const struct plan_host *host, struct arena *a, void **ret, size_t *ret_len,
               struct err *e);
int plan_build_exec(const struct rt_spec *spec, const struct rt_process *process,
                    const struct plan_host *host, struct arena *a, void **ret, size_t *ret_len,
                    struct err *e);
/* One line per step, as --dry-run shows it. */
int plan_print(const struct plan *p, struct str *out);
