/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain-text tables as docker prints them: upper-case header, left-aligned columns three spaces
 * apart and at least ten wide, nothing behind the last cell of a line. Cells come from images and
 * users, so control characters are shown as '?': no name can move the cursor.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct table; /* lives in the arena it was made in */

/* `headers` has ncols entries. NULL when out of memory. */
struct table *table_new(struct arena *a, const char *const headers[], size_t ncols) MUST_CHECK;
/* One row of ncols cells (copied; NULL is empty). 0 or -ENOMEM. */
int table_row(struct table *t, const char *const cells[]);
/* Rows so far, the header not counted. */
size_t table_len(const struct table *t);
/* Append the table to out. 0, -ENOMEM or -EOVERFLOW. */
int table_print(const struct table *t, bool with_header, struct str *out);
