/* SPDX-License-Identifier: Apache-2.0 */
/* The container backend's own state, and the files it is made of. */
#pragma once

#include "machine/machine.h"
#include "machine/plan_format.h"

#define CONTAINER_EXECS 64

struct container {
    int sock; /* to init, until execve; -1 */
    /* Held with PLAN_F_LATE_UNMOUNT: taking down a mount namespace takes milliseconds, and init's
     * end is not seen before; while we hold it, that waits for halt. -1 */
    int mntns;
    bool reaped;
    bool rdt; /* the groups of resctrl are made */
    /* pidfds of tasks that came by exec: a pid namespace ends when all in it are collected, and
     * these are our own children */
    uint32_t n_execs;
    int execs[CONTAINER_EXECS];
    struct cgroup_set cgroups; /* borrowed from the plan */
};
_Static_assert(sizeof(struct container) <= sizeof(((struct machine *)0)->room),
               "machine.room is too small");

static inline struct container *container_of(struct machine *m) {
    return m->priv;
}

/* host.c: the HOST_OPEN section, and its undoing. */
int host_apply(const struct plan *p, struct err *e);
/* Does the machine have a cgroup of its own? */
bool host_has_cgroup(const struct cgroup_set *s);
void host_thaw_for_kill(const struct cgroup_set *s, int pidfd);
/* Why a group cannot be entered. Returns code. */
int host_join_failed(const char *dir, int code, struct err *e);
/* Remove the machine's groups. */
int host_remove(const struct plan *p, const struct cgroup_set *set, struct err *e);
/* Kill all processes of the machine: through its pid namespace or its cgroup. */
int host_kill(const struct plan *p, int pidfd, struct err *e);

/* spawn.c */
int spawn_init(struct machine *m, const struct machine_stdio *io, struct err *e);
/* Run the INIT section in the child; never returns. */
struct birth;
_Noreturn void spawn_child(const struct birth *b);
/* Read what init says until `until` (enum sync_word, 0 = execve). */
struct spawn_talk {
    int sock;
    const struct plan *plan; /* NULL: the task is past asking for hooks and listeners */
    pid_t pid, box;          /* the task; exec: the box's first process, else 0 */
    int pidfd;
    int *console;
};
static inline struct spawn_talk spawn_talk_of(struct machine *m) {
    return (struct spawn_talk){.sock = container_of(m)->sock,
                               .plan = m->plan,
                               .pid = m->pid,
                               .pidfd = m->exit_fd,
                               .console = &m->console};
}
int spawn_hear(const struct spawn_talk *t, int until, struct err *e);

/* exec.c */
int exec_start(struct machine *m, const struct plan *p, const struct machine_stdio *io,
               struct machine_exec *ret, struct err *e);
