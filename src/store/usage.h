/* SPDX-License-Identifier: Apache-2.0 */
/* How much room images take, and how much of it they share: from the sizes kept beside the layers,
 * without looking at a file. */
#pragma once

#include "store/store.h"

struct usage_image {
    struct image image; /* with refs and digests */
    uint64_t shared;    /* bytes of layers that other images have as well */
    uint64_t unique;
};

struct usage {
    struct usage_image *images; /* newest first */
    size_t n;
    size_t layers;
    uint64_t layer_bytes; /* each layer once, those without an image included */
};

int usage_read(const struct store *s, struct arena *a, struct usage *ret, struct err *e);
