/* SPDX-License-Identifier: Apache-2.0 */
/* Names and places of an uncompressed tar archive's files: ustar, pax and GNU. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct tarindex_entry {
    const char *name; /* cleaned: no leading "./" or "/", no ".." */
    const char *link; /* of links: cleaned, from the archive's top; else NULL */
    uint64_t at, size;
};

struct tar_index {
    struct tarindex_entry
        *v; /* sorted by name; of equal ones the last in the archive comes first */
    size_t n;
};

/* Does this block begin a tar archive? */
bool tarindex_is_header(const unsigned char block[static 512]);
/* `size`: of the file; what reaches beyond is ERR_CORRUPT. */
int tarindex_read(int fd, uint64_t size, const char *what, size_t max_entries, struct arena *a,
                  struct tar_index *ret, struct err *e);
/* Links followed, a few of them. NULL: not there. */
const struct tarindex_entry *tarindex_find(const struct tar_index *t, const char *name);
