/* SPDX-License-Identifier: Apache-2.0 */
/* Pull progress on stderr: a bar per layer on a terminal, plain lines otherwise. */
#pragma once

#include "hako.h"

/* hako_pull_options.progress; `data` is ignored: one process, one pull at a time. */
void progress_show(const struct hako_progress *p, void *data);
