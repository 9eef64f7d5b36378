/* SPDX-License-Identifier: Apache-2.0 */
/* --format: any text is refused or rendered, and never for long. */
#include "cli/template.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char document[] =
        "{\"ID\": \"4f1c\", \"N\": 42, \"F\": 0.5, \"T\": true, \"Z\": null, \"L\": [\"a\", \"b\", "
        "[1]], \"M\": {\"k\": {\"v\": \"w\"}}, \"U\": 18446744073709551615}";
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *doc = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)1 << 16);
    struct template *t = NULL;
    struct err e = {0};
    char *text = arena_strndup(a, (const char *)data, size);
    if (js_parse(document, strlen(document), "fuzz", &doc, &e) < 0)
        abort();
    if (size > 2000 || template_parse(text, a, &t, &e) < 0)
        return 0;
    struct template_data d = {.dot = doc, .methods = doc, .headers = size % 2};
    if (template_run(t, &d, &out, &e) < 0 && !e.msg[0])
        abort();
    return 0;
}
