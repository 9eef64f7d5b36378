/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a later entry of the same layer replaces: no container sees them again, but the tar
 * has their bytes, so they move to lost/<inode> beside the layer (record.h). Rare. */
#pragma once

#include "base/c.h"

#include <sys/stat.h>

struct unpack_lost {
    int homefd;     /* where lost/ goes; borrowed */
    int fd;         /* of lost/, -1 = not needed yet */
    uint64_t trees; /* replaced directories in lost/, to be taken apart */
};

/* Take `name` away: a file or a whole directory. 0 or -errno. */
int unpack_lost_keep(struct unpack_lost *w, int dir, const char *name, const struct stat *st);
/* Directories in lost/ → the files that were in them. */
int unpack_lost_sort(struct unpack_lost *w);
