/* SPDX-License-Identifier: Apache-2.0 */
/* References: whatever parses must print to something that parses to the same. */
#include <string.h>

#include "base/str.h"
#include "spec/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct ref *r, const char *text, struct arena *a) {
    struct ref again = {0};
    struct err e;
    if (!text || ref_parse(text, a, &again, &e) < 0)
        abort();
    if (!str_eq(again.domain, r->domain) || !str_eq(again.path, r->path) ||
        !str_eq(again.tag, r->tag) || !digest_eq(&again.digest, &r->digest))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    struct ref r = {0};
    struct err e;
    const char *text = arena_strndup(a, (const char *)data, size);
    if (ref_parse(text, a, &r, &e) < 0)
        return 0;
    same_again(&r, ref_full(&r, a), a);
    same_again(&r, ref_familiar(&r, a), a);
    return 0;
}
