/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --filter key=value. Values of one key are alternatives, except labels, of which all must be;
 * different keys must all agree. A key that is not known is refused, as docker does.
 */
#pragma once

#include "cli/cli.h"

#define FILTER_CONTAINER_KEYS                                                                      \
    " ancestor before exited expose health id is-task isolation label name network publish since " \
    "status volume "
#define FILTER_IMAGE_KEYS " before dangling label reference since until "

struct filter {
    struct arena *a;
    struct {
        const char *key, *value;
    } * v;
    size_t n;
};

/* `words` are the options' values; `known` one of the lists above. */
int filter_parse(const struct hako_strings *words, const char *known, struct arena *a,
                 struct filter *ret, struct err *e);
bool filter_has(const struct filter *f, const char *key);

/* keep[i]: v[i] passes. Images are needed for "ancestor", and may be none. */
int filter_containers(const struct filter *f, const struct hako_container_info *v, size_t n,
                      const struct hako_image_info *images, size_t nimages, bool *keep,
                      struct err *e);
int filter_images(const struct filter *f, const struct hako_image_info *v, size_t n, bool *keep,
                  struct err *e);

/* One reference of an image that passed: the filter "reference" chooses among them too. */
bool filter_reference(const struct filter *f, const char *reference);
/* "debian", "debian:12", an id or its beginning: is it this image? */
bool filter_image_is(const struct hako_image_info *i, const char *name, struct arena *a);
/* "created", "running" … */
const char *filter_status_word(enum hako_status s);
/* "80", "80/udp", "8000-8010/tcp" among what ps shows as ports: as a port of the container that is
 * published, or just exposed too. */
bool filter_port(const char *ports, const char *want, bool published);
