/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as people write and read them. */
#pragma once

#include "base/str.h"

/* RFC 3339, a date with or without a time in the local zone, Unix seconds ("1700000000.5"), or a
 * duration before now ("1h30m"). Unix nanoseconds; 0 or -EINVAL. */
int when_parse(const char *text, int64_t now_ns, int64_t *ret);
/* "3 minutes ago" */
const char *when_ago(int64_t then_ns, int64_t now_ns, char out[static 40]);
/* "2026-11-20 19:11:02 +0100 CET": Go's format, which docker's CreatedAt has */
const char *when_local(int64_t ns, char out[static 64]);
