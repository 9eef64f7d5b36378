/* SPDX-License-Identifier: Apache-2.0 */
/* Images and archives, for the commands that take a place where others take a registry. */
#pragma once

#include "engine/move.h"

/* Image `id_or_name` into a place that is no registry. */
int archive_put(hako_engine *g, const char *image, const struct move_place *to,
                const struct hako_push_options *o, struct err *e);
/* What load says: lines of JSON {"id","names"}. */
int archive_get(hako_engine *g, const struct load_request *rq, struct str *lines, struct err *e);
