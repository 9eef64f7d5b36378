/* SPDX-License-Identifier: Apache-2.0 */
/* A root file system's tar as an image of one layer. */
#pragma once

#include "registry/registry.h"

int import_image(const struct import_request *rq, struct digest *ret, struct err *e);
