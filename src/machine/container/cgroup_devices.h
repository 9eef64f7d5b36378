/* SPDX-License-Identifier: Apache-2.0 */
/* The device rules of a machine, for those who must tell them to others too (systemd). */
#pragma once

#include "machine/plan.h"
#include "sys/bpf_device.h"

/* In order, later ones win: those of the spec; with PLAN_CGROUP_DEVICES everything is denied before
 * them, and the default list allowed after. Type 'a' only for everything. 0 or -ENOMEM. */
int cgroup_devices_rules(const struct rt_resources *r, uint32_t flags, struct arena *a,
                         struct bpf_device_rule **ret, size_t *ret_n);
