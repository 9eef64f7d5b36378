/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/container.h"
#include "machine/plan.h"

/* Arena-owned plan bytes for one exec. */
int exec_plan_build(hako_container *c, const struct hako_exec_options *o, struct arena *a,
                    void **plan, size_t *len, struct err *e);
