/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image of the store on its way out: its documents, and a manifest for the blobs that its layers
 * become. When they are the ones that it came with, the manifest is the very same, byte by byte.
 */
#pragma once

#include "registry/registry.h"

struct outgoing_layer {
    const struct digest *diff_id;
    const struct descriptor *known;    /* in the manifest it came with; NULL = none */
    const struct outgoing_layer *same; /* the same layer stands before in the list; NULL = not */
    /* what it becomes */
    struct digest digest;
    uint64_t size;
    enum blob_kind kind;
};

struct outgoing {
    struct arena *a;
    struct image img;
    struct str config, stored; /* bytes; stored: the manifest it came with, or empty */
    struct manifest m;         /* of it */
    bool docker;               /* as schema 2 */
    struct outgoing_layer *layers;
    size_t n;
};

int outgoing_read(const struct store *s, const char *image, const struct push_form *form,
                  struct arena *a, struct outgoing *ret, struct err *e);
void outgoing_done(struct outgoing *o);
/* When all layers are filled. */
int outgoing_manifest(const struct outgoing *o, struct str *doc, struct digest *ret, struct err *e);
const char *outgoing_type(const struct outgoing *o);
