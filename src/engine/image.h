/* SPDX-License-Identifier: Apache-2.0 */
/* Images as the engine's transactions need them. */
#pragma once

#include "engine/engine.h"

/* The image of a run, pulled by policy (--pull). Arena-owned. */
int image_get(hako_engine *g, const struct hako_run_options *o, struct arena *a, struct image *ret,
              int *lock, struct err *e);
/* Somebody looks into it: `image mount`. */
bool image_mounted(const hako_engine *g, const char *id, struct arena *a);
