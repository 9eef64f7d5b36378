/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/signpayload.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

/* The object's keys are exactly these; `optional` may be missing. Compared byte by byte: a reader
 * that takes "Critical" for "critical" can be told two things at once. */
static bool signpayload_keys(const js *o, const char *const *must, size_t n, const char *optional) {
    size_t found = 0;
    struct js_iter it = js_iter(o);
    if (js_type(o) != JS_OBJECT)
        return false;
    while (js_next(&it)) {
        bool known = optional && strcmp(it.key, optional) == 0;
        for (size_t i = 0; i < n; i++)
            if (strcmp(it.key, must[i]) == 0) {
                found++;
                known = true;
            }
        if (!known)
            return false;
    }
    return found == n;
}

static int signpayload_bad(const char *what, const char *why, struct err *e) {
    return err_set(e, ERR_CORRUPT, -EBADMSG, "%s is no simple signing document: %s", what, why);
}

int signpayload_parse(const char *text, size_t len, const char *what, struct arena *a,
                      struct signpayload *ret, struct err *e) {
    static const char *const top[] = {"critical"};
    static const char *const critical[] = {"type", "image", "identity"};
    static const char *const image[] = {"docker-manifest-digest"};
    static const char *const identity[] = {"docker-reference"};
    AUTO_JS js *doc = NULL;
    struct signpayload p = {.type = NULL};
    int r = js_parse(text, len, what, &doc, e);
    if (r < 0)
        return r;
    const js *c = js_get(doc, "critical");
    if (!signpayload_keys(doc, top, ARRAY_SIZE(top), "optional") ||
        !signpayload_keys(c, critical, ARRAY_SIZE(critical), NULL) ||
        !signpayload_keys(js_get(c, "image"), image, ARRAY_SIZE(image), NULL) ||
        !signpayload_keys(js_get(c, "identity"), identity, ARRAY_SIZE(identity), NULL))
        return signpayload_bad(what, "keys are missing or unknown", e);
    const char *type = js_get_str(c, "type");
    const char *digest = js_get_str(js_get(c, "image"), "docker-manifest-digest");
    const char *reference = js_get_str(js_get(c, "identity"), "docker-reference");
    if (!type || !digest || str_empty(reference))
        return signpayload_bad(what, "expected strings", e);
    if (strcmp(type, SIGNPAYLOAD_GPG) != 0 && strcmp(type, SIGNPAYLOAD_COSIGN) != 0)
        return signpayload_bad(what, "unknown type", e);
    r = digest_parse(digest, what, &p.manifest, e);
    if (r < 0)
        return r;
    p.type = arena_strdup(a, type);
    p.reference = arena_strdup(a, reference);
    if (!p.type || !p.reference)
        return err_oom(e);
    *ret = p;
    return 0;
}

int signpayload_print(const struct signpayload *p, struct str *out, struct err *e) {
    AUTO_JS js *doc = js_new_object();
    js *critical = js_new_object(), *identity = js_new_object(), *image = js_new_object();
    js_set_str(identity, "docker-reference", p->reference);
    js_set_str(image, "docker-manifest-digest", p->manifest.s);
    js_set(critical, "identity", identity);
    js_set(critical, "image", image);
    js_set_str(critical, "type", p->type);
    js_set(doc, "critical", critical);
    js_set(doc, "optional", js_new_object());
    return js_print(doc, JS_COMPACT, out) < 0 ? err_oom(e) : 0;
}
