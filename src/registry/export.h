/* SPDX-License-Identifier: Apache-2.0 */
/* The merged tree of a snapshot as a tar stream: in the helper, because rootless files may only be
 * read in the user's namespace. */
#pragma once

#include "registry/registry.h"

int export_tree(const struct export_request *rq, struct err *e);
