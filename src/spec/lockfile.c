/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/lockfile.h"

#include "base/json.h"
#include "spec/ref.h"

#include <string.h>

const struct lockfile_entry *lockfile_find(const struct lockfile *l, const char *name,
                                           const char *platform) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].name, name) == 0 && strcmp(l->v[i].platform, platform) == 0)
            return &l->v[i];
    return NULL;
}

bool lockfile_has_name(const struct lockfile *l, const char *name) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].name, name) == 0)
            return true;
    return false;
}

int lockfile_set(struct lockfile *l, const char *name, const char *platform, const struct digest *d,
                 struct arena *a, struct err *e) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].name, name) == 0 && strcmp(l->v[i].platform, platform) == 0) {
            l->v[i].digest = *d;
            return 0;
        }
    if (l->n == LOCKFILE_MAX_ENTRIES)
        return err_set(e, ERR_USAGE, -EMSGSIZE, "more than %d entries", LOCKFILE_MAX_ENTRIES);
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct lockfile_entry *v = arena_array(a, cap, struct lockfile_entry);
        if (!v)
            return err_oom(e);
        if (l->n)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    struct lockfile_entry *en = &l->v[l->n];
    en->name = arena_strdup(a, name);
    en->platform = arena_strdup(a, platform);
    en->digest = *d;
    if (!en->name || !en->platform)
        return err_oom(e);
    l->n++;
    return 0;
}

static int lockfile_image(const char *name, const js *platforms, const char *what, struct arena *a,
                          struct lockfile *l, struct err *e) {
    struct ref ref;
    int r = ref_parse(name, a, &ref, e);
    if (r < 0)
        return err_wrap(e, "%s", what);
    const char *full = ref_full(&ref, a);
    if (!full)
        return err_oom(e);
    if (ref.digest.s[0] || strcmp(full, name) != 0)
        return err_set(e, ERR_USAGE, -EINVAL, "%s: \"%.200s\" is no full name: expected \"%.200s\"",
                       what, name, full);
    if (js_type(platforms) != JS_OBJECT)
        return err_set(e, ERR_USAGE, -EINVAL, "%s: %.200s: expected platforms and digests", what,
                       name);
    struct js_iter it = js_iter(platforms);
    while (js_next(&it)) {
        struct digest d;
        const char *text = js_str(it.value);
        if (!text)
            return err_set(e, ERR_USAGE, -EINVAL, "%s: %.200s: %.60s: expected a digest", what,
                           name, it.key);
        r = digest_parse(text, what, &d, e);
        if (r == 0)
            r = lockfile_set(l, name, it.key, &d, a, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int lockfile_parse(const char *text, size_t len, const char *what, struct arena *a,
                   struct lockfile *ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    struct lockfile l = {.n = 0};
    int r = js_parse(text, len, what, &doc, e);
    if (r < 0)
        return r;
    if (js_type(doc) != JS_OBJECT || js_get_i64(doc, "version", 0) != 1 ||
        js_type(js_get(doc, "images")) != JS_OBJECT)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "%s is no lock file that this hako knows: expected \"version\": 1 and "
                       "\"images\"",
                       what);
    struct js_iter it = js_iter(js_get(doc, "images"));
    while (r == 0 && js_next(&it))
        r = lockfile_image(it.key, it.value, what, a, &l, e);
    if (r == 0)
        *ret = l;
    return r;
}

static int lockfile_compare(const void *x, const void *y) {
    const struct lockfile_entry *a = x, *b = y;
    int r = strcmp(a->name, b->name);
    return r ? r : strcmp(a->platform, b->platform);
}

int lockfile_print(struct lockfile *l, struct str *out, struct err *e) {
    AUTO_JS js *doc = js_new_object();
    js *images = js_new_object();
    if (l->n)
        qsort(l->v, l->n, sizeof(*l->v), lockfile_compare);
    js_set_i64(doc, "version", 1);
    js_set(doc, "images", images);
    js *now = NULL;
    for (size_t i = 0; i < l->n; i++) {
        if (i == 0 || strcmp(l->v[i].name, l->v[i - 1].name) != 0) {
            js *fresh = js_new_object();
            if (!fresh || js_set(images, l->v[i].name, fresh) < 0)
                return err_oom(e);
            now = fresh;
        }
        if (js_set_str(now, l->v[i].platform, l->v[i].digest.s) < 0)
            return err_oom(e);
    }
    if (js_print(doc, JS_PRETTY, out) < 0 || str_addc(out, '\n') < 0)
        return err_oom(e);
    return 0;
}
