/* SPDX-License-Identifier: Apache-2.0 */
/* The source of a bind mount, as a detached mount. Child-safe. */
#pragma once

#include "base/err.h"

/* `flags`: PLAN_RECURSIVE, PLAN_STRAIGHT, PLAN_SOURCE_LINK. Descriptor or -errno with `e`. */
int bind_source(const char *source, uint32_t flags, struct err *e);
