/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel RDT: a directory of resctrl is a class of service; a process belongs to it by its number
 * in the file "tasks". Done by the starter: a box's root may not write there.
 */
#pragma once

#include "machine/plan_format.h"

/* What a group's directory may be: num[0] of PLAN_RDT_GROUP. */
enum {
    RDT_OWN = 1, /* new; ours to remove */
    RDT_NAMED,   /* made when missing, else its schemata must be those asked for; stays */
    RDT_FOUND,   /* must be there; stays */
};

/* Make the groups; on failure there are none of ours. */
int rdt_make(const struct plan *p, struct err *e);
/* Put a process of the machine into its groups; without any nothing happens. */
int rdt_join(const struct plan *p, pid_t pid, struct err *e);
/* One more line for the group's schemata. 1 = written, 0 = the machine has no group. */
int rdt_update(const struct plan *p, const char *line, struct err *e);
/* Remove what is ours to remove. Idempotent. */
int rdt_remove(const struct plan *p, struct err *e);
