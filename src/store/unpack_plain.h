/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a compressed stream, whatever compressed it: gzip, zstd, xz, bzip2; or in a plain one.
 */
#pragma once

#include "base/err.h"

/* From `fd` to its end into `out`, at most `max` bytes. `shown` names it in errors; an empty one is
 * ERR_CORRUPT. */
int unpack_plain(int fd, const char *shown, uint64_t max, int out, struct err *e);
