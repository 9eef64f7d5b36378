/* SPDX-License-Identifier: Apache-2.0 */
/* Taking an image away under the store's exclusive lock; the layers are gc's. */
#pragma once

#include "store/store.h"

/* All names of `img` (refs and digests filled), and unless `keep` the image itself. */
int image_remove_whole(const struct store *s, const struct image *img, bool keep, struct arena *a,
                       struct strlist *report, struct err *e);
