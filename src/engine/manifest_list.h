/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest lists in the making: <data>/manifests/<reference with "/" as "+">, an OCI index in JSON.
 * Beside what an index knows, an entry holds in "_from" the repository that has the image, or in
 * "_image" the id of one in the store; both are left out of what others get to see.
 */
#pragma once

#include "base/json.h"
#include "engine/engine.h"

#define LIST_FROM "_from"
#define LIST_IMAGE "_image"

struct manifest_list {
    struct ref ref;
    const char *file; /* beneath <data> */
    js *doc;
};

/* 0; -ENOENT without an error filled when there is none (doc NULL, the rest is filled). */
int manifest_list_open(hako_engine *g, const char *name, struct arena *a, struct manifest_list *ret,
                       struct err *e);
/* As before, and it must be there. */
int manifest_list_need(hako_engine *g, const char *name, struct arena *a, struct manifest_list *ret,
                       struct err *e);
int manifest_list_write(hako_engine *g, const struct manifest_list *l, struct err *e);
void manifest_list_close(struct manifest_list *l);
js *manifest_list_entries(const struct manifest_list *l);
/* The entry that a digest or a reference names, or NULL. */
js *manifest_list_find(const struct manifest_list *l, const char *image);
/* What others get to see. The caller frees. */
js *manifest_list_public(const struct manifest_list *l, bool docker);
