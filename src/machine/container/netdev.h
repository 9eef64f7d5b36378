/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network devices of the host that are given to a box (linux.netDevices): moved by name, renamed on
 * the way, with their permanent global addresses, and set up. The kernel gives hardware back to the
 * host when the box's network namespace ends.
 */
#pragma once

#include "machine/plan_format.h"

/* Run one NET_DEVICE step; `netns` is the box's. No heap; for the starter. */
int netdev_give(const struct plan *p, const struct plan_step *s, int netns, struct err *e);
