/* SPDX-License-Identifier: Apache-2.0 */
/* All layers of the store with their sizes, and how many images have each. */
#pragma once

#include "store/store.h"

struct layer_row {
    const char *hex;
    uint64_t size;
    unsigned images; /* that have it; one image counts once */
};

struct layer_table {
    struct layer_row *v; /* sorted by hex */
    size_t n;
};

/* The layers that lie there; nobody has them yet. */
int layer_table_read(const struct store *s, struct arena *a, struct layer_table *ret,
                     struct err *e);
/* NULL: the layer is not there. */
struct layer_row *layer_table_find(const struct layer_table *t, const struct digest *diff_id);
/* Count the image's layers up (1) or down (-1); *bytes: of those that came to one or to none. */
void layer_table_count(const struct layer_table *t, const struct image *img, int by,
                       uint64_t *bytes);
