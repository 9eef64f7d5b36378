/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's side of a pull: one helper process does it all, so that root and rootless take the
 * same road and no thread ever lives in the caller.
 */
#pragma once

#include "registry/registry.h"

int pull_image(const struct pull_request *rq, struct pull_result *ret, struct err *e);
