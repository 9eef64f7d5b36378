/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the store what it says it is? Every layer is packed again, which proves content and record by
 * the diff id; then the tar's entries are compared with what lies there: kinds, owners, modes,
 * times, attributes, links, and files that nobody put there.
 *
 * Repair removes what is wrong and cannot be mended here: a damaged layer (its images stay and are
 * pulled again by the caller: `image` of the finding names one), a reference that leads nowhere, an
 * image whose description is broken, layers that no image needs. Nothing that a container uses.
 */
#pragma once

#include "store/store.h"

enum check_kind {
    CHECK_LAYER_MISSING,    /* an image needs it */
    CHECK_LAYER_DAMAGED,    /* content is not what the diff id says */
    CHECK_LAYER_CHANGED,    /* a file's kind, owner, mode, time or attributes; missing; extra */
    CHECK_LAYER_UNRECORDED, /* unpacked by an older version: cannot be verified */
    CHECK_LAYER_UNUSED,     /* no image needs it: what gc removes */
    CHECK_IMAGE_BROKEN,     /* its description cannot be read or is not what its id says */
    CHECK_REF_DANGLING,     /* a name without its image */
};

struct check_finding {
    enum check_kind kind;
    const char *what;  /* layer's diff id, image's id, or the reference */
    const char *why;   /* one line */
    const char *image; /* id of an image that has the layer, or NULL */
    const char *pull;  /* reference that brings it again, or NULL */
    bool repaired;     /* removed; a layer with `pull` waits for that */
};

struct check_want {
    bool quick;  /* only look whether everything is there */
    bool repair; /* removes; the caller pulls */
    const char *(*in_use)(const char *image_id, void *data);
    void *in_use_data;
    int (*found)(const struct check_finding *f, void *data); /* not 0: stop */
    void *data;
};

struct check_result {
    uint64_t layers, images, refs; /* looked at */
    uint64_t findings, repaired;
};

int check_store(const struct store *s, const struct check_want *want, struct check_result *ret,
                struct err *e);
