/* SPDX-License-Identifier: Apache-2.0 */
/* One image, or an index with all of its images, from repository to repository: blobs are mounted
 * where the registry is the same, else they pass through a nameless file. */
#pragma once

#include "registry/source.h"
#include "registry/upload.h"

struct copy_want {
    struct job *job;
    const struct ref *from;
    const struct registry_access *access; /* of `from` */
    const char *to_domain;
    const struct upload *to;
};

int copy_image(const struct copy_want *w, const struct digest *d, struct err *e);
