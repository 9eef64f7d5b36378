/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source of a bind mount, as a detached mount. Child-safe.
 *
 * Root of the box's user namespace may not pass directories of the host that are for others only,
 * and yet the one who asked for the mount may: then init asks its starter, who goes into init's
 * mount namespace with its own rights and takes the source there, so that what is locked for the
 * box stays locked. The same way come device nodes, which only the host's root can make.
 */
#pragma once

#include "machine/plan_format.h"

struct apply;

/* `flags`: PLAN_RECURSIVE, PLAN_STRAIGHT, PLAN_SOURCE_LINK. Descriptor or -errno with `e`. */
int bind_source(const char *source, uint32_t flags, struct err *e);
/* idmapped.c: map the ids of the detached mount of `source`, with `all` those beneath it too. */
int idmapped_map(int mnt, bool all, int ns, const char *source, struct err *e);
/* source.c: init's side: take the source of a BIND, BIND_SOURCE or ROOT_DIR step, or ask for it. A
 * root that was asked for is attached already. */
int source_take(struct apply *a, const struct plan_step *s, bool *asked);
/* init's side: have the starter take it, or make the node of a NODE_BIND step. */
int source_ask(struct apply *a, const struct plan_step *s);
/* The starter's side: the source of INIT step `number` of the process `pid`. */
int source_open(const struct plan *p, pid_t pid, uint32_t number, struct err *e);
