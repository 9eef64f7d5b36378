/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h: THE interface of both isolations (container now, virtual machine later).
 *
 * Theory of operation
 *   A machine is a boundary with its own network namespace in which tasks run. Its life is
 *
 *     open ──► (net attach by the caller) ──► boot ──► create ──► start ──► exit_fd readable
 *       └──────────────────────────── any failure ────────────► delete ──► halt
 *
 *   open    makes cgroups and namespaces and hands out the netns. For a container it also clones
 *           init, which begins to apply its plan at once, so that mounting and networking overlap.
 *   boot    starts the guest kernel; a container has none.
 *   create  waits until the task is parked before its execve (OCI "created").
 *   start   releases it and waits until execve has happened or failed (error pipe EOF).
 *   delete  removes what the task left (kills all processes of its cgroup); idempotent.
 *   halt    removes the machine (cgroups, namespaces); idempotent.
 *
 *   A container is a machine with one task. The caller is single-threaded; no call blocks longer
 *   than the kernel does, except where said. All memory is the caller's `struct machine`.
 *   Waiting is poll(2) on exit_fd (a pidfd for a container), then machine_ops.reap.
 *
 * The plan is data prepared by the command (machine/plan.h); ops only interpret it.
 */
#pragma once

#include "base/err.h"
#include "machine/plan.h"
#include <sys/resource.h>

enum machine_state {
    MACHINE_NEW,
    MACHINE_OPEN,
    MACHINE_BOOTED,
    MACHINE_CREATED,
    MACHINE_RUNNING,
    MACHINE_STOPPED, /* exit_fd was readable and reaped */
    MACHINE_HALTED,
};

struct machine_exit {
    int code; /* 0–255: exit status, or 128 + signal */
    int signal;
    bool oom_killed; /* the cgroup's OOM killer hit this machine */
};

/* Descriptors the task gets as 0, 1, 2; -1 = /dev/null. With a terminal all three are ignored:
 * the task opens its own pty and the master comes back through `console`. Borrowed. */
struct machine_stdio {
    int fd[3];
    bool terminal;
    /* A task that outlives its starter (PLAN_F_OUTLIVE): the listening SOCK_SEQPACKET socket by
     * which somebody else releases it after machine_detach; 0 = none. */
    int listener;
    unsigned preserve; /* descriptors 3, 4, … that the task keeps; not what is close-on-exec */
};

struct machine_stats {
    uint64_t cpu_ns, memory_bytes, memory_limit, pids, pids_limit, oom_kills;
};

struct machine {
    const struct machine_ops *ops;
    const struct plan *plan; /* borrowed, outlives the machine */
    enum machine_state state;
    int netns;   /* owned; -1 when the host's or joined ones are used */
    int exit_fd; /* owned; readable when the task has ended; -1 before open */
    int console; /* owned until taken; pty master after create when terminal; else -1 */
    pid_t pid;   /* init as this process sees it; 0 before open */
    void *priv;  /* backend; storage inside `room` */
    long room[64];
};

/* A task entered later (`exec`). */
struct machine_exec {
    pid_t pid;
    int exit_fd; /* owned */
    int console; /* owned; -1 without a terminal */
};

struct machine_ops {
    const char *name; /* "container", "vm", "fake" */
    /* Can this host do it at all? 0 or an error that says what is missing. */
    int (*probe)(struct err *e);
    int (*open)(struct machine *m, const struct plan *plan, const struct machine_stdio *io,
                struct err *e);
    int (*boot)(struct machine *m, struct err *e);
    int (*create)(struct machine *m, struct err *e);
    int (*start)(struct machine *m, struct err *e);
    int (*exec)(struct machine *m, const struct plan *exec_plan, const struct machine_stdio *io,
                struct machine_exec *ret, struct err *e);
    int (*signal)(struct machine *m, int signo, bool all, struct err *e);
    int (*freeze)(struct machine *m, bool frozen, struct err *e);
    int (*stats)(struct machine *m, struct machine_stats *ret, struct err *e);
    /* After exit_fd is readable: collect the exit. */
    int (*reap)(struct machine *m, struct machine_exit *ret, struct err *e);
    int (*remove)(struct machine *m, struct err *e); /* "delete"; idempotent */
    int (*halt)(struct machine *m, struct err *e);   /* idempotent */
    /* machine_detach and machine_adopt; NULL: not for this kind */
    int (*detach)(struct machine *m, struct err *e);
    int (*adopt)(struct machine *m, struct err *e);
};

extern const struct machine_ops machine_container_ops;
extern const struct machine_ops machine_fake_ops;

/* Checked transitions: refuse a call that the state does not allow (-EINVAL) and advance it. */
void machine_init(struct machine *m, const struct machine_ops *ops);
int machine_open(struct machine *m, const struct plan *plan, const struct machine_stdio *io,
                 struct err *e);
int machine_boot(struct machine *m, struct err *e);
int machine_create(struct machine *m, struct err *e);
int machine_start(struct machine *m, struct err *e);
int machine_reap(struct machine *m, struct machine_exit *ret, struct err *e);
/* Whatever the state: remove + halt, closing every descriptor. Never fails half-way: carries on
 * and reports the first error. */
int machine_end(struct machine *m, struct err *e);

/* Let go of a created machine whose task outlives its starter: the task parks on, waiting on the
 * listener for machine_release. The caller's struct is empty afterwards; nothing is killed. */
int machine_detach(struct machine *m, struct err *e);
/* Release a detached task: `sock` is connected to its listener. Returns when execve has happened,
 * or with what the task says of its failure. */
int machine_release(int sock, struct err *e);
/* Take over a machine that another process started: exec, signal, freeze, stats, remove and halt
 * work on it; it is not ours to reap. -ESRCH when the process is gone. */
int machine_adopt(struct machine *m, const struct machine_ops *ops, const struct plan *plan,
                  pid_t pid, uint64_t pid_start, struct err *e);

/* Run the hooks of the plan that belong to the runtime: PLAN_HOOK_POSTSTART after machine_start or
 * machine_release, PLAN_HOOK_POSTSTOP after machine_end or machine_sweep (prestart and
 * createRuntime run inside of machine_create). `status` and `pid` (0 = none) are told to them. The
 * first failure ends the list; with `warn` it is told there and the next hook runs. */
typedef void machine_warn_fn(void *data, const struct err *e);
int machine_hooks(const struct plan *plan, enum plan_hook point, const char *status, pid_t pid,
                  machine_warn_fn *warn, void *data, struct err *e);

/* Sweep what a dead machine of this plan left behind (kill -9 of its monitor): processes by
 * cgroup or by `pid` + start time, cgroups. Same code as halt. Idempotent. */
int machine_sweep(const struct plan *plan, pid_t pid, uint64_t pid_start, struct err *e);
