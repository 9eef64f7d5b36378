/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone3 of a task that may have to be born somewhere else.
 *
 * A pid namespace is entered by children only, and a rootless monitor that has pointed its children
 * there cannot point them back (the host's pid namespace is not its own). The same holds for
 * namespaces of another box and, with a new user namespace, for cgroups of the host. So where the
 * plan's BIRTH section is not empty, a helper goes first: it shares the monitor's memory and
 * descriptors, enters, clones the task as the monitor's child (CLONE_PARENT) and is gone.
 * Otherwise it is a plain clone3.
 */
#pragma once

#include "machine/machine.h"
#include "machine/plan_format.h"

struct birth {
    const struct plan *plan;
    const struct machine_stdio *io;
    uint64_t flags; /* CLONE_NEW* */
    int box;        /* exec: pidfd of the box's init; -1 */
    int cgroup;     /* v2 directory; -1 */
    int null;       /* exec: the host's /dev/null where a stream is missing; -1 */
    int ends[2];    /* sync_pair: the child gets ends[1] */
    pid_t pid;      /* results */
    int pidfd;
    int mapped[PLAN_MAX_MAPPED +
               1]; /* of the helper: detached mounts for init, in order, then -1 */
};

int birth(struct birth *b, struct err *e);
/* "cannot join the network namespace PATH: …" */
int birth_join_failed(const struct plan *p, const struct plan_step *s, int code, struct err *e);

/* idmapped.c: the detached mount of an IDMAP_SOURCE step; with PLAN_IN_ROOT the user namespace with
 * its mapping. Descriptor or negative errno. */
int idmapped_source(const struct plan *p, const struct plan_step *s, struct err *e);
