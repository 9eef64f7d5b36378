/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images in one file, so that listing a thousand of them opens one file and not five thousand.
 *
 * <root>/store/catalog is a copy that may be missing, old or broken at any time: it counts only
 * when the times of images/ and refs/ are those it was made for, and it is only written when both
 * have been at rest for longer than file systems' clocks are coarse. Who changes something inside
 * images/<id>/ touches images/.
 */
#pragma once

#include "store/store.h"

/* 0: *ret is the list; 1: there is no valid catalog. */
int catalog_read(const struct store *s, struct arena *a, struct image **ret, size_t *n);

struct catalog_stamp {
    int64_t images_ns, refs_ns;
};

/* Before the images are read … */
void catalog_stamp(const struct store *s, struct catalog_stamp *ret);
/* … and after it. Failure means nothing. */
void catalog_write(const struct store *s, const struct catalog_stamp *stamp, const struct image *v,
                   size_t n);
