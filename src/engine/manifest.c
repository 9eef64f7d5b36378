/* SPDX-License-Identifier: Apache-2.0 */
/* manifest create, add, annotate, remove, inspect, rm, exists. */
#include "engine/manifest_list.h"

#include "base/str.h"
#include "engine/move.h"
#include "spec/image.h"

#include <fcntl.h>
#include <string.h>

#define MANIFEST_MAX ((size_t)8 << 20)

/* One addition. */
struct adding {
    hako_engine *g;
    struct arena *a;
    struct manifest_list *list;
    const struct hako_manifest_options *o;
    struct ref ref;      /* in its registry */
    const char *name;    /* as given */
    struct digest first; /* of the first entry */
};

static int adding_platform(js *entry, const struct platform *p,
                           const struct hako_manifest_options *o) {
    const char *os = o->os ? o->os : p->os, *arch = o->arch ? o->arch : p->arch;
    js *v = js_get(entry, "platform");
    int r = 0;
    if (!v) {
        v = js_new_object();
        r = js_set(entry, "platform", v);
    }
    if (r == 0)
        r = js_set_str(v, "architecture", arch);
    if (r == 0)
        r = js_set_str(v, "os", os);
    if (r == 0)
        r = js_set_str(v, "os.version", o->os_version ? o->os_version : p->os_version);
    return r < 0 ? r : js_set_str(v, "variant", o->variant ? o->variant : p->variant);
}

static int manifest_words(js *to, const char *key, const struct hako_strings *words) {
    js *list = words->n ? js_new_array() : NULL;
    int r = 0;
    for (size_t i = 0; r == 0 && i < words->n; i++)
        r = js_push_str(list, words->v[i]);
    return r == 0 && list ? js_set(to, key, list) : r;
}

static int manifest_notes(js *to, const struct hako_strings *notes, struct err *e) {
    js *v = js_get(to, "annotations");
    int r = 0;
    if (notes->n && !v) {
        v = js_new_object();
        r = js_set(to, "annotations", v);
    }
    for (size_t i = 0; r == 0 && i < notes->n; i++) {
        char *eq = strchr(notes->v[i], '=');
        if (!eq || eq == notes->v[i])
            return err_set(e, ERR_USAGE, -EINVAL, "annotation \"%s\": expected KEY=VALUE",
                           notes->v[i]);
        AUTO_FREE char *key = strndup(notes->v[i], (size_t)(eq - notes->v[i]));
        r = key ? js_set_str(v, key, eq + 1) : -ENOMEM;
    }
    return r < 0 ? err_oom(e) : 0;
}

/* A new entry takes the place of one with the same digest. */
static int adding_put(struct adding *d, js *entry, const struct digest *at, struct err *e) {
    js *old = manifest_list_find(d->list, at->s);
    js *list = js_new_array(), *was = manifest_list_entries(d->list);
    int r = list ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < js_len(was); i++) {
        if (js_at(was, i) != old)
            r = js_push(list, js_ref(js_at(was, i)));
    }
    if (r == 0)
        r = js_push(list, entry);
    else
        js_free(entry);
    if (r == 0)
        r = js_set(d->list->doc, "manifests", list);
    if (!d->first.s[0])
        d->first = *at;
    return r < 0 ? err_oom(e) : 0;
}

static int adding_entry(struct adding *d, const char *type, const struct digest *at, uint64_t size,
                        const struct platform *p, const char *key, const char *from,
                        struct err *e) {
    js *entry = js_new_object();
    int r = entry ? js_set_str(entry, "mediaType", type) : -ENOMEM;
    if (r == 0)
        r = js_set_str(entry, "digest", at->s);
    if (r == 0)
        r = js_set_u64(entry, "size", size);
    if (r == 0)
        r = adding_platform(entry, p, d->o);
    if (r == 0)
        r = js_set_str(entry, key, from);
    if (r == 0)
        r = js_set_str(entry, "_name", d->name);
    if (r == 0)
        r = manifest_words(entry, "features", &d->o->features);
    if (r == 0)
        r = manifest_words(js_get(entry, "platform"), "os.features", &d->o->os_features);
    if (r < 0) {
        js_free(entry);
        return err_oom(e);
    }
    r = manifest_notes(entry, &d->o->annotation, e);
    if (r < 0) {
        js_free(entry);
        return r;
    }
    return adding_put(d, entry, at, e);
}

/* --- from a registry ------------------------------------------------------------------------- */

static int adding_ask(struct adding *d, enum ask_kind kind, const struct ref *ref, struct str *ret,
                      struct ask_result *res, struct err *e) {
    const struct registry_module *m = NULL;
    struct ask_request rq = {.kind = kind, .ref = ref};
    int r = module_registry(d->g, &m, e);
    if (r == 0)
        r = move_access(d->g, &d->o->registry, &rq.access, e);
    return r < 0 ? r : m->ask(&rq, res, ret, e);
}

static int adding_single(struct adding *d, const struct manifest *m, const struct digest *at,
                         const char *type, size_t size, struct err *e) {
    AUTO_STR struct str text = STR_INIT(MANIFEST_MAX);
    const char *from = arena_printf(d->a, "%s/%s", d->ref.domain, d->ref.path);
    struct ref ref = d->ref;
    struct ask_result ignored;
    struct img_config config = {.user = NULL};
    if (!from)
        return err_oom(e);
    ref.digest = m->config.digest;
    int r = adding_ask(d, ASK_BLOB, &ref, &text, &ignored, e);
    if (r == 0)
        r = img_config_decode(str_c(&text), text.len, "image configuration", d->a, &config, e);
    return r < 0 ? r : adding_entry(d, type, at, size, &config.platform, LIST_FROM, from, e);
}

static int adding_index(struct adding *d, const struct manifest *m, struct err *e) {
    const char *from = arena_printf(d->a, "%s/%s", d->ref.domain, d->ref.path);
    struct platform want;
    int r = from ? platform_parse(NULL, d->a, &want, e) : err_oom(e);
    if (r == 0 && d->o->os)
        want.os = arena_strdup(d->a, d->o->os);
    if (r == 0 && d->o->arch)
        want.arch = arena_strdup(d->a, d->o->arch);
    const struct descriptor *one = r == 0 && !d->o->all ? manifest_select(m, &want) : NULL;
    if (r == 0 && !d->o->all && !one)
        return err_set(e, ERR_NOT_FOUND, -ENOENT,
                       "%s has no image for this platform: name one with --arch, or take --all",
                       d->name);
    for (size_t i = 0; r == 0 && i < m->n_manifests; i++) {
        const struct descriptor *x = &m->manifests[i];
        if (d->o->all || x == one)
            r = adding_entry(d, x->media_type ? x->media_type : MT_OCI_MANIFEST, &x->digest,
                             x->size, &x->platform, LIST_FROM, from, e);
    }
    return r;
}

static int adding_remote(struct adding *d, const char *name, struct err *e) {
    AUTO_STR struct str text = STR_INIT(MANIFEST_MAX);
    struct ask_result res = {0};
    struct manifest m = {0};
    int r = ref_parse(name, d->a, &d->ref, e);
    if (r == 0)
        r = adding_ask(d, ASK_MANIFEST, &d->ref, &text, &res, e);
    if (r == 0)
        r = manifest_decode(str_c(&text), text.len, name, d->a, &m, e);
    if (r < 0)
        return r;
    if (m.is_index)
        return adding_index(d, &m, e);
    return adding_single(d, &m, &res.digest, m.media_type ? m.media_type : MT_OCI_MANIFEST,
                         text.len, e);
}

/* --- from the store --------------------------------------------------------------------------- */

/* Its digest is known for certain when it is pushed: layers may be compressed anew. */
static int adding_local(struct adding *d, const struct image *img, struct err *e) {
    const struct digest *at = img->manifest.s[0] ? &img->manifest : &img->id;
    return adding_entry(d, MT_OCI_MANIFEST, at, 0, &img->config.platform, LIST_IMAGE, img->id.s, e);
}

static int manifest_add(hako_engine *g, struct manifest_list *l, const char *image,
                        const struct hako_manifest_options *o, struct arena *a,
                        struct digest *first, struct err *e) {
    struct adding d = {.g = g, .a = a, .list = l, .o = o, .name = image};
    const struct store *s = NULL;
    struct move_place place;
    struct image img;
    bool remote = str_starts(image, "docker://");
    int r = move_parse(image, true, a, &place, e);
    if (r == 0 && place.transport != MOVE_REGISTRY && place.transport != MOVE_STORE)
        r = err_set(e, ERR_USAGE, -EINVAL, "%s: load it first, then add it by name", image);
    if (r == 0)
        r = engine_store(g, &s, e);
    if (r < 0)
        return r;
    r = remote ? -ENOENT : image_find(s, place.path, a, &img, e);
    if (r == 0)
        r = adding_local(&d, &img, e);
    else if (r == -ENOENT && place.transport == MOVE_REGISTRY)
        r = adding_remote(&d, place.path, e);
    if (r == 0 && first)
        *first = d.first;
    return r;
}

/* --- the calls -------------------------------------------------------------------------------- */

static js *manifest_empty(void) {
    js *doc = js_new_object();
    if (doc && js_set_i64(doc, "schemaVersion", 2) == 0 &&
        js_set_str(doc, "mediaType", MT_OCI_INDEX) == 0 &&
        js_set(doc, "manifests", js_new_array()) == 0)
        return doc;
    js_free(doc);
    return NULL;
}

int hako_manifest_create(hako_engine *g, const char *name, const struct hako_strings *add,
                         const struct hako_manifest_options *o, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest_list l = {.doc = NULL};
    int r = a ? manifest_list_open(g, name, a, &l, e) : err_oom(e);
    if (r == 0 && !o->amend)
        r = err_set(e, ERR_CONFLICT, -EEXIST,
                    "refusing to amend an existing manifest list with no --amend flag: %s", name);
    if (r == -ENOENT && e->code == 0) {
        l.doc = manifest_empty();
        r = l.doc ? 0 : err_oom(e);
    }
    for (size_t i = 0; r == 0 && i < add->n; i++)
        r = manifest_add(g, &l, add->v[i], o, a, NULL, e);
    if (r == 0)
        r = manifest_list_write(g, &l, e);
    manifest_list_close(&l);
    return r;
}

int hako_manifest_add(hako_engine *g, const char *name, const char *image,
                      const struct hako_manifest_options *o, char ret_digest[136], hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest_list l = {.doc = NULL};
    struct digest first = {""};
    int r = a ? manifest_list_need(g, name, a, &l, e) : err_oom(e);
    if (r == 0)
        r = manifest_add(g, &l, image, o, a, &first, e);
    if (r == 0)
        r = manifest_list_write(g, &l, e);
    manifest_list_close(&l);
    if (r == 0)
        (void)str_copy(ret_digest, 136, first.s);
    return r;
}

static int manifest_no_entry(const char *list, const char *image, struct err *e) {
    return err_set(e, ERR_NOT_FOUND, -ENOENT, "manifest list %s has no image %s", list, image);
}

static int manifest_annotate_entry(struct manifest_list *l, const char *name, const char *image,
                                   const struct hako_manifest_options *o, struct err *e) {
    js *entry = image ? manifest_list_find(l, image) : NULL;
    if (!entry)
        return manifest_no_entry(name, image ? image : "", e);
    const js *old = js_get(entry, "platform");
    const struct platform p = {.os = (char *)(uintptr_t)js_get_str(old, "os"),
                               .arch = (char *)(uintptr_t)js_get_str(old, "architecture"),
                               .variant = (char *)(uintptr_t)js_get_str(old, "variant"),
                               .os_version = (char *)(uintptr_t)js_get_str(old, "os.version")};
    AUTO_ARENA struct arena *a = arena_new();
    if (!a)
        return err_oom(e);
    /* copies: what is set anew is freed */
    const struct platform copy = {arena_strdup(a, p.os), arena_strdup(a, p.arch),
                                  arena_strdup(a, p.variant), arena_strdup(a, p.os_version)};
    if (adding_platform(entry, &copy, o) < 0 ||
        manifest_words(js_get(entry, "platform"), "os.features", &o->os_features) < 0 ||
        manifest_words(entry, "features", &o->features) < 0)
        return err_oom(e);
    return manifest_notes(entry, &o->annotation, e);
}

/* The list's own annotations and subject. */
static int manifest_annotate_index(hako_engine *g, struct manifest_list *l,
                                   const struct hako_manifest_options *o, struct arena *a,
                                   struct err *e) {
    AUTO_STR struct str text = STR_INIT(MANIFEST_MAX);
    struct adding d = {.g = g, .a = a, .o = o};
    struct ask_result res;
    int r = manifest_notes(l->doc, &o->annotation, e);
    if (r < 0 || !o->subject)
        return r;
    const char *name = o->subject + (str_starts(o->subject, "docker://") ? 9 : 0);
    r = ref_parse(name, a, &d.ref, e);
    if (r == 0)
        r = adding_ask(&d, ASK_MANIFEST, &d.ref, &text, &res, e);
    if (r < 0)
        return r;
    js *subject = js_new_object();
    if (!subject || js_set_str(subject, "mediaType", res.type) < 0 ||
        js_set_str(subject, "digest", res.digest.s) < 0 ||
        js_set_u64(subject, "size", text.len) < 0) {
        js_free(subject);
        return err_oom(e);
    }
    return js_set(l->doc, "subject", subject) < 0 ? err_oom(e) : 0;
}

int hako_manifest_annotate(hako_engine *g, const char *name, const char *image,
                           const struct hako_manifest_options *o, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest_list l = {.doc = NULL};
    int r = a ? manifest_list_need(g, name, a, &l, e) : err_oom(e);
    if (r == 0)
        r = o->index ? manifest_annotate_index(g, &l, o, a, e)
                     : manifest_annotate_entry(&l, name, image, o, e);
    if (r == 0)
        r = manifest_list_write(g, &l, e);
    manifest_list_close(&l);
    return r;
}

int hako_manifest_remove(hako_engine *g, const char *name, const char *digest, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest_list l = {.doc = NULL};
    int r = a ? manifest_list_need(g, name, a, &l, e) : err_oom(e);
    js *gone = r == 0 ? manifest_list_find(&l, digest) : NULL;
    if (r == 0 && !gone)
        r = manifest_no_entry(name, digest, e);
    if (r == 0) {
        js *list = js_new_array(), *was = manifest_list_entries(&l);
        for (size_t i = 0; i < js_len(was); i++)
            if (js_at(was, i) != gone && js_push(list, js_ref(js_at(was, i))) < 0)
                r = err_oom(e);
        if (r == 0 && js_set(l.doc, "manifests", list) < 0)
            r = err_oom(e);
    }
    if (r == 0)
        r = manifest_list_write(g, &l, e);
    manifest_list_close(&l);
    return r;
}

int hako_manifest_inspect(hako_engine *g, const char *name, const struct hako_manifest_options *o,
                          char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(MANIFEST_MAX);
    AUTO_JS js *doc = NULL;
    AUTO_FREE char *remote = NULL;
    struct manifest_list l = {.doc = NULL};
    if (!a)
        return err_oom(e);
    const char *bare = name + (str_starts(name, "docker://") ? 9 : 0);
    int r = bare == name ? manifest_list_open(g, name, a, &l, e) : -ENOENT;
    if (r == 0) {
        doc = manifest_list_public(&l, false);
        r = doc ? 0 : err_oom(e);
    } else {
        r = hako_image_manifest(g, bare, &o->registry, &remote, he);
        if (r == 0)
            r = js_parse(remote, strlen(remote), "manifest", &doc, e);
    }
    manifest_list_close(&l);
    if (r == 0 && js_print(doc, JS_PRETTY, &text) < 0)
        r = err_oom(e);
    if (r == 0)
        *ret_json = str_take(&text);
    return r;
}

int hako_manifest_rm(hako_engine *g, const char *name, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest_list l = {.doc = NULL};
    int r = a ? manifest_list_need(g, name, a, &l, e) : err_oom(e);
    if (r == 0 && unlinkat(g->datafd, l.file, 0) < 0)
        r = err_sys(e, "cannot remove manifest list %s", name);
    manifest_list_close(&l);
    return r;
}

bool hako_manifest_exists(hako_engine *g, const char *name) {
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest_list l = {.doc = NULL};
    struct err ignored;
    int r = a ? manifest_list_open(g, name, a, &l, &ignored) : -ENOMEM;
    manifest_list_close(&l);
    return r == 0;
}
