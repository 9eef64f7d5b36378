/* SPDX-License-Identifier: Apache-2.0 */
/* What docker save and podman save have written: manifest.json names a configuration and layers by
 * file. There is no manifest, so one is made up; layers are known by their diff ids. */
#include "registry/source_bag.h"

#include "store/unpack_hash.h"

#include <string.h>

#define DOCKER_MAX_IMAGES 10000

struct source_docker {
    struct source base;
    struct job *job;
    struct bag *bag;
    const struct docker_item *item;
    struct digest config;
    struct digest *diff_ids; /* of the layers, in their order */
    size_t n;
};

static struct source_docker *docker(struct source *src) {
    return (struct source_docker *)(void *)((char *)src - offsetof(struct source_docker, base));
}

/* --- manifest.json --------------------------------------------------------------------------- */

static int docker_names(const js *list, size_t max, struct arena *a, struct strlist *ret) {
    if (js_len(list) > max)
        return -E2BIG;
    for (size_t i = 0; i < js_len(list); i++) {
        const char *s = js_str(js_at(list, i));
        if (!s)
            return -EINVAL;
        if (strlist_add(a, ret, s) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int docker_item_parse(const js *doc, struct arena *a, struct docker_item *ret) {
    const char *config = js_get_str(doc, "Config");
    *ret = (struct docker_item){.config = NULL};
    if (str_empty(config))
        return -EINVAL;
    ret->config = arena_strdup(a, config);
    int r = ret->config ? docker_names(js_get(doc, "Layers"), IMG_MAX_LAYERS, a, &ret->layers)
                        : -ENOMEM;
    return r < 0 ? r : docker_names(js_get(doc, "RepoTags"), 1000, a, &ret->names);
}

int source_docker_parse(const char *text, size_t len, const char *what, struct arena *a,
                        struct docker_item **ret, size_t *n, struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(text, len, what, &doc, e);
    if (r < 0)
        return r;
    size_t count = js_len(doc);
    if (js_type(doc) != JS_ARRAY || count == 0 || count > DOCKER_MAX_IMAGES)
        return err_set(e, ERR_CORRUPT, -EINVAL, "%s: expected a list of 1 to %d images", what,
                       DOCKER_MAX_IMAGES);
    struct docker_item *v = arena_array(a, count, struct docker_item);
    if (!v)
        return err_oom(e);
    for (size_t i = 0; i < count; i++) {
        r = docker_item_parse(js_at(doc, i), a, &v[i]);
        if (r == -ENOMEM)
            return err_oom(e);
        if (r < 0)
            return err_set(e, ERR_CORRUPT, -EINVAL,
                           "%s: entry %zu does not name a configuration and at most %d layers",
                           what, i, IMG_MAX_LAYERS);
    }
    *ret = v;
    *n = count;
    return 0;
}

/* --- the source ------------------------------------------------------------------------------ */

static int docker_missing(const struct source_docker *d, const char *name, int r, struct err *e) {
    return r == -ENOENT && e->code == 0 ? err_set(e, ERR_CORRUPT, -ENODATA,
                                                  "%s has no file %.200s, which its manifest.json "
                                                  "names",
                                                  bag_shown(d->bag), name)
                                        : r;
}

static int docker_blob(struct source *src, void *conn, const struct digest *want, unsigned route,
                       const struct source_sink *sink, struct err *e) {
    struct source_docker *d = docker(src);
    const char *name = NULL;
    (void)route;
    if (digest_eq(want, &d->config))
        name = d->item->config;
    for (size_t i = 0; !name && i < d->n; i++) {
        if (digest_eq(want, &d->diff_ids[i]))
            name = d->item->layers.v[i];
    }
    if (!name)
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "%s has no blob %s", bag_shown(d->bag), want->s);
    int r = source_bag_send(d->job, d->bag, name, conn, sink, e);
    return docker_missing(d, name, r, e);
}

static int docker_manifest_print(const struct source_docker *d, uint64_t config_size,
                                 struct str *doc) {
    int r = str_addf(doc,
                     "{\"schemaVersion\":2,\"mediaType\":\"" MT_OCI_MANIFEST
                     "\",\"config\":{\"mediaType\":\"" MT_OCI_CONFIG
                     "\",\"digest\":\"%s\",\"size\":%llu},\"layers\":[",
                     d->config.s, (unsigned long long)config_size);
    for (size_t i = 0; r == 0 && i < d->n; i++) {
        struct bag_file f = {.size = 0};
        struct err ignored;
        if (bag_find(d->bag, d->item->layers.v[i], &f, &ignored) == 0)
            bag_file_close(&f);
        r = str_addf(doc, "%s{\"mediaType\":\"" MT_OCI_LAYER "\",\"digest\":\"%s\",\"size\":%llu}",
                     i ? "," : "", d->diff_ids[i].s, (unsigned long long)f.size);
    }
    return r < 0 ? r : str_add(doc, "]}");
}

static int docker_manifest(struct source *src, void *conn, const struct digest *want,
                           struct str *doc, struct digest *named, struct err *e) {
    struct source_docker *d = docker(src);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(SOURCE_MAX_CONFIG);
    struct img_config config = {0};
    (void)conn, (void)want;
    if (!a)
        return err_oom(e);
    int r = bag_read(d->bag, d->item->config, &text, e);
    if (r < 0)
        return docker_missing(d, d->item->config, r, e);
    r = unpack_hash_bytes(str_c(&text), text.len, &(struct digest){""}, &d->config, e);
    if (r == 0)
        r = img_config_decode(str_c(&text), text.len, d->item->config, a, &config, e);
    if (r < 0)
        return r;
    if (config.n_diff_ids != d->n)
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "%s: manifest.json names %zu layers, %.100s has %zu: refused",
                       bag_shown(d->bag), d->n, d->item->config, config.n_diff_ids);
    for (size_t i = 0; i < d->n; i++)
        d->diff_ids[i] = config.diff_ids[i];
    *named = (struct digest){""};
    r = docker_manifest_print(d, text.len, doc);
    return r < 0 ? err_oom(e) : 0;
}

int source_docker_open(struct job *j, struct bag *bag, const struct docker_item *item,
                       struct arena *a, struct source **ret, struct err *e) {
    struct source_docker *d = arena_new_of(a, struct source_docker);
    if (d)
        d->diff_ids = arena_array(a, item->layers.n, struct digest);
    if (!d || !d->diff_ids)
        return err_oom(e);
    d->base = (struct source){.routes = 1,
                              .loose = true,
                              .connect = source_bag_connect,
                              .disconnect = source_bag_disconnect,
                              .manifest = docker_manifest,
                              .blob = docker_blob,
                              .close = source_bag_close};
    d->job = j;
    d->bag = bag;
    d->item = item;
    d->n = item->layers.n;
    *ret = &d->base;
    return 0;
}
