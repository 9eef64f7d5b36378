/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener of a filter: SCMP_ACT_NOTIFY. init loads the filter, tells the number of the new
 * descriptor by write(2) and waits; the starter takes the descriptor (pidfd_getfd), hands it with
 * the container process state of the runtime-spec to the socket that the plan names, and answers.
 * init cannot send it itself: its own sendmsg may be what the filter holds up.
 */
#pragma once

#include "machine/plan_format.h"

struct listener_call {
    const struct plan *plan; /* of the task */
    pid_t pid;               /* of the task, as we see it */
    pid_t box;               /* the container's first process: the same, unless by exec */
    int pidfd;               /* of the task */
    uint32_t number;         /* of the descriptor in the task */
};

/* 0 or negative errno with `e` set. */
int listener_hand_over(const struct listener_call *c, struct err *e);
