/* SPDX-License-Identifier: Apache-2.0 */
/* What a container has changed: `docker diff`. */
#pragma once

#include "store/snapshot.h"
#include "store/snapshot_tar.h"

enum snapshot_change { CHANGE_CHANGED, CHANGE_ADDED, CHANGE_DELETED };

/* Every change, parents first, paths with a leading "/". `omit`: mount points that an engine made.
 * `sn->upper` is walked, `sn->lower` says what was there before. */
int snapshot_diff(const struct snapshot *sn, const struct snapshot_tar_options *omit,
                  int (*change)(enum snapshot_change kind, const char *path, void *data,
                                struct err *e),
                  void *data, struct err *e);
