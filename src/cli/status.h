/* SPDX-License-Identifier: Apache-2.0 */
/* "Up 3 minutes", "Exited (0) 2 hours ago", "Created", "Up 2 seconds (Paused)" */
#pragma once

#include "cli/cli.h"

#define STATUS_MAX 80
const char *status_text(const struct hako_container_info *c, int64_t now_ns,
                        char out[static STATUS_MAX]);
