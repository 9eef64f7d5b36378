/* SPDX-License-Identifier: Apache-2.0 */
/* Images into the store, in the helper process: manifest, configuration, layers, commit. */
#pragma once

#include "registry/source.h"

struct transfer_want {
    struct job *job;
    const struct store *store;
    struct source *src;
    void *conn;        /* of this thread */
    const char *shown; /* the image as the user names it */
    const struct platform *platform;
    bool any_platform;             /* one image is taken whatever it is for */
    const struct digest *document; /* NULL: what the source names */
    const struct ref *ref;         /* its name from now on; NULL = none */
    bool no_pin;                   /* … but it was not pulled under it */
    uint64_t max_layer_bytes;
    /* Asked before anything but manifests has come: may this image be used? `top` is what the name
     * leads to, `at` the image's own manifest. May be NULL. */
    int (*allowed)(const struct transfer_want *w, const struct digest *top, const struct digest *at,
                   struct err *e);
    const void *data;
    const struct digest *index; /* that led to `document` */
};

/* The caller holds store_pulling(). After a failure memory stays until this process ends: a thread
 * that waits for another process may still look at it. */
int transfer_image(const struct transfer_want *w, struct pull_result *ret, struct err *e);
/* Every image of an index; `ref` names the one for w->platform. `ret` tells of that one. */
int transfer_all_platforms(const struct transfer_want *w, struct pull_result *ret, struct err *e);
