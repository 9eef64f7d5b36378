/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/engine.h"

/* Append the KEY=value lines of env-files or label-files. ERR_USAGE naming file and line. */
int options_files(const struct hako_strings *files, struct arena *a, struct strlist *list,
                  struct err *e);
