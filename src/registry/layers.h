/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of one image, a few at a time: download, unpack, commit. */
#pragma once

#include "registry/source.h"

#define LAYERS_PARALLEL 3

struct layer_job {
    const struct descriptor *blob;
    const struct digest *diff_id;
    bool fetched; /* out: it was not there before */
};

struct layers_want {
    struct job *job;
    const struct store *store;
    struct source *src;
    uint64_t max_bytes; /* of one layer, unpacked; 0 = default */
};

/* 0 when all are in the store. The first failure cancels the job and is its reason. */
int layers_fetch(const struct layers_want *want, struct layer_job *v, size_t n, struct err *e);
