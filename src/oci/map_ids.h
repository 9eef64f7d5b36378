/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/* Have newuidmap(1) and newgidmap(1) write the maps of `pid`: they know which ids are ours. */
int oci_map_ids(pid_t pid, const char *uid, const char *gid, struct err *e);
