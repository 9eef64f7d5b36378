/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that read a bag. They borrow it. */
#pragma once

#include "registry/bag.h"
#include "registry/source.h"

/* `ref` (may be NULL) chooses the entry of index.json. */
int source_layout_open(struct job *j, struct bag *bag, const struct ref *ref, const char *shown,
                       struct arena *a, struct source **ret, struct err *e);
/* Of a layout: this document is what `manifest` names from now on. */
void source_layout_choose(struct source *src, const struct digest *d);

/* One image of docker's manifest.json. */
struct docker_item {
    const char *config; /* file names in the bag */
    struct strlist layers;
    struct strlist names; /* "debian:12" as written there */
};
/* The list, from its text. Pure. */
int source_docker_parse(const char *text, size_t len, const char *what, struct arena *a,
                        struct docker_item **ret, size_t *n, struct err *e);
int source_docker_open(struct job *j, struct bag *bag, const struct docker_item *item,
                       struct arena *a, struct source **ret, struct err *e);
/* skopeo's dir: */
int source_dir_open(struct job *j, struct bag *bag, struct arena *a, struct source **ret,
                    struct err *e);

/* Shared by them: a connection is a buffer. */
int source_bag_connect(struct source *src, void **ret, struct err *e);
void source_bag_disconnect(void *conn);
void source_bag_close(struct source *src);
/* A file of the bag into the sink. -ENOENT without an error filled. */
int source_bag_send(struct job *j, struct bag *bag, const char *name, void *buf,
                    const struct source_sink *sink, struct err *e);
