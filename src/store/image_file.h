/* SPDX-License-Identifier: Apache-2.0 */
/* What an image is on disk: images/<id hex>/{config,manifest,meta.json}. */
#pragma once

#include "store/store.h"

/* Directory name of an image's id; only sha256 ids are ever written. */
const char *image_file_dir(const struct digest *id);
/* Read one. -ENOENT without an error filled when there is none. `refs` and `digests` stay empty. */
int image_file_read(const struct store *s, const char *hex, struct arena *a, struct image *ret,
                    struct err *e);
int image_file_write(const struct store *s, const struct image_commit *c, struct err *e);
/* Names (hex) of all images, sorted. */
int image_file_names(const struct store *s, struct arena *a, struct strlist *ret, struct err *e);
