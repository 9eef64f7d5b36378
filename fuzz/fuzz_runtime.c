/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: decode → encode is a fixed point after the first round. */
#include <string.h>

#include "spec/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The document as hako understands it; -1 when it is refused. */
static int round_trip(const char *text, size_t len, struct str *out) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *doc = NULL;
    AUTO_JS js *again = NULL;
    struct rt_spec s = {0};
    struct err e;
    if (js_parse(text, len, "fuzz", &doc, &e) < 0 || rt_spec_decode(doc, a, &s, &e) < 0)
        return -1;
    if (rt_spec_encode(&s, &again, &e) < 0 || js_print(again, JS_COMPACT, out) < 0)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_STR struct str once = STR_INIT(0);
    AUTO_STR struct str twice = STR_INIT(0);
    if (size > 1 << 20 || round_trip((const char *)data, size, &once) < 0)
        return 0;
    if (round_trip(str_c(&once), once.len, &twice) < 0 || strcmp(str_c(&once), str_c(&twice)) != 0)
        abort();
    return 0;
}
