/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and indexes; what decodes must keep the promises of spec/image.h. */
#include <string.h>

#include "spec/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct descriptor *d) {
    if (!d->media_type || !digest_hex(&d->digest)[0] || d->size > INT64_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest m = {0};
    struct platform host = {0};
    struct err e;
    if (manifest_decode((const char *)data, size, "fuzz", a, &m, &e) < 0)
        return 0;
    if (m.n_layers > IMG_MAX_LAYERS || m.n_manifests > IMG_MAX_INDEX || !m.media_type)
        abort();
    if (m.is_index ? m.n_layers > 0 : m.n_manifests > 0)
        abort();
    if (!m.is_index)
        check_entry(&m.config);
    for (size_t i = 0; i < m.n_layers; i++)
        check_entry(&m.layers[i]);
    for (size_t i = 0; i < m.n_manifests; i++)
        check_entry(&m.manifests[i]);
    if (platform_parse("linux/arm64/v8", a, &host, &e) < 0)
        abort();
    (void)manifest_select(&m, &host);
    return 0;
}
