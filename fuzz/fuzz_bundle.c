/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle file: what is accepted lies inside the bytes and holds terminated names. */
#include <string.h>

#include "monitor/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const void *p, size_t n, const char *base, size_t size) {
    const char *at = p;
    if (n > 0 && (at < base || n > size || at - base > (ptrdiff_t)(size - n)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mon_bundle b;
    struct err e;
    void *copy = aligned_alloc(16, (size + 16) & ~(size_t)15);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (bundle_parse(copy, size, &b, &e) == 0) {
        inside(b.settings, sizeof(*b.settings), copy, size);
        inside(b.plan, b.plan_len, copy, size);
        inside(b.net, b.net_len, copy, size);
        if (strlen(b.settings->id) >= sizeof(b.settings->id) || strchr(b.settings->id, '/') ||
            strlen(b.settings->name) >= sizeof(b.settings->name) ||
            strlen(b.settings->volumes) >= sizeof(b.settings->volumes) ||
            strchr(b.settings->volumes, '/') || b.settings->lease[0] == '/')
            abort();
    }
    free(copy);
    return 0;
}
