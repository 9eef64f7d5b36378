/* SPDX-License-Identifier: Apache-2.0 */
/* Image configurations. */
#include "spec/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    struct img_config c = {0};
    struct err e;
    if (img_config_decode((const char *)data, size, "fuzz", a, &c, &e) < 0)
        return 0;
    if (c.n_diff_ids > IMG_MAX_LAYERS || (c.env.n && !c.env.v))
        abort();
    for (size_t i = 0; i < c.n_diff_ids; i++) {
        if (!digest_hex(&c.diff_ids[i])[0])
            abort();
    }
    return 0;
}
