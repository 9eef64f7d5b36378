/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remove trees that hold files of subordinate ids: layers, volumes, a container's upper directory.
 * An ordinary user may not remove them himself; root of his user namespace may.
 */
#pragma once

#include "base/err.h"

/* path_remove_tree(), and where it may not, the same inside the caller's user namespace. Missing is
 * success. */
int discard_tree(int dirfd, const char *name, struct err *e);
