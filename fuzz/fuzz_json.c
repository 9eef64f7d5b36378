/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON facade: what it takes, it prints, and reads back to the same text. */
#include "base/json.h"
#include "base/utf8.h"

#include <string.h>

/* Every getter on every value: none may crash on the wrong type. */
static void touch(const js *v, int depth) {
    if (depth > 64)
        abort(); /* the parser promised */
    const char *s = js_str(v);
    for (size_t i = 0, n = s ? strlen(s) : 0; i < n;) {
        size_t k = utf8_next(s + i, n - i, NULL);
        if (k == 0)
            abort();
        i += k;
    }
    (void)js_i64(v, 0);
    (void)js_u64(v, 0);
    (void)js_double(v, 0);
    (void)js_bool(v, false);
    (void)js_path(v, "config.env");
    struct js_iter it = js_iter(v);
    while (js_next(&it)) {
        if (js_get(v, it.key) != it.value)
            abort();
        touch(it.value, depth + 1);
    }
    for (size_t i = 0; js_type(v) == JS_ARRAY && i < js_len(v); i++)
        touch(js_at(v, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err e;
    js *v = NULL;

    if (js_parse((const char *)data, size, "input", &v, &e) < 0) {
        if (!e.msg[0] || e.code >= 0)
            abort();
        return 0;
    }
    touch(v, 0);
    AUTO_STR struct str once = STR_INIT((size_t)64 << 20);
    AUTO_STR struct str twice = STR_INIT((size_t)64 << 20);
    js *again = NULL;
    if (js_print(v, size % 2 ? JS_PRETTY : JS_COMPACT, &once) < 0 ||
        js_parse(once.s, once.len, "output", &again, &e) < 0 ||
        js_print(again, size % 2 ? JS_PRETTY : JS_COMPACT, &twice) < 0 ||
        strcmp(once.s, twice.s) != 0)
        abort();
    js_free(again);
    js_free(v);
    return 0;
}
