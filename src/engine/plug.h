/* SPDX-License-Identifier: Apache-2.0 */
/* Plugging a box into its network: address, published ports, and the files that tell the box. */
#pragma once

#include "engine/box.h"

/* Reserve the address and choose host ports; fills the record's network part. */
int plug_lease(struct box *b, struct err *e);
/* The net plan for the bundle; NULL/0 when the box has no network namespace of its own. */
int plug_plan(struct box *b, void **ret, size_t *ret_len, struct err *e);
/* hosts, hostname, resolv.conf in the container's directory. */
int plug_files(struct box *b, struct err *e);
