/* SPDX-License-Identifier: Apache-2.0 */
/* Removing images that nobody needs, by docker's rules, and the layers that only they had. */
#pragma once

#include "store/store.h"

struct prune_label {
    const char *key;
    const char *value; /* NULL: any */
    bool absent;       /* label!=… */
};

struct prune_want {
    bool all;          /* every image without a container, not only those without a tag */
    int64_t before_ns; /* only created before this; 0 = whenever */
    const struct prune_label *labels; /* all of them hold */
    size_t n_labels;
    /* With `all`: stop as soon as the layers take no more than this; those pulled longest ago go
     * first. 0 = remove all. */
    uint64_t keep_bytes;
    bool dry_run; /* only report */
    /* Names a container that uses the image, or NULL. */
    const char *(*in_use)(const char *image_id, void *data);
    void *data;
};

/* "Untagged: …" and "Deleted: …" lines; *freed: bytes of the layers that went. */
int prune_images(const struct store *s, const struct prune_want *want, struct arena *a,
                 struct strlist *report, uint64_t *freed, struct err *e);
