/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/outgoing.h"

#include "base/io.h"
#include "registry/blob.h"
#include "registry/source.h"
#include "store/image_file.h"
#include "store/unpack_hash.h"

#include <stdio.h>
#include <string.h>

static int outgoing_file(const struct store *s, const struct digest *id, const char *name,
                         struct str *ret, struct err *e) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", image_file_dir(id), name);
    int r = io_read_file(s->imagesfd, path, ret);
    return r < 0 ? err_sysn(e, r, "cannot read %s/images/%s", s->root, path) : 0;
}

static int outgoing_layers(struct outgoing *o, struct err *e) {
    const struct img_config *c = &o->img.config;
    bool known = o->stored.len && !o->m.is_index && o->m.n_layers == c->n_diff_ids;
    o->n = c->n_diff_ids;
    o->layers = arena_array(o->a, o->n, struct outgoing_layer);
    if (!o->layers)
        return err_oom(e);
    for (size_t i = 0; i < o->n; i++) {
        struct outgoing_layer *l = &o->layers[i];
        l->diff_id = &c->diff_ids[i];
        l->known = known ? &o->m.layers[i] : NULL;
        for (size_t k = 0; k < i && !l->same; k++) {
            if (digest_eq(l->diff_id, o->layers[k].diff_id))
                l->same = o->layers[k].same ? o->layers[k].same : &o->layers[k];
        }
    }
    return 0;
}

static int outgoing_form(struct outgoing *o, const struct push_form *form, struct err *e) {
    o->docker = form->format == MANIFEST_ANY ? o->stored.len && o->m.media_type &&
                                                   str_eq(o->m.media_type, MT_DOCKER_MANIFEST)
                                             : form->format == MANIFEST_DOCKER;
    if (form->compression == BLOB_ZSTD && o->docker && form->format == MANIFEST_ANY)
        o->docker = false;
    if (form->compression == BLOB_ZSTD && o->docker)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "docker's manifest (v2s2) has no word for zstd: use --format oci");
    return 0;
}

int outgoing_read(const struct store *s, const char *image, const struct push_form *form,
                  struct arena *a, struct outgoing *ret, struct err *e) {
    struct outgoing o = {
        .a = a, .config = STR_INIT(SOURCE_MAX_CONFIG), .stored = STR_INIT(SOURCE_MAX_MANIFEST)};
    int r = image_find(s, image, a, &o.img, e);
    if (r == 0)
        r = outgoing_file(s, &o.img.id, "config", &o.config, e);
    if (r == 0 && o.img.manifest.s[0])
        r = outgoing_file(s, &o.img.id, "manifest", &o.stored, e);
    if (r == 0 && o.stored.len)
        r = manifest_decode(str_c(&o.stored), o.stored.len, "stored manifest", a, &o.m, e);
    if (r == 0)
        r = outgoing_form(&o, form, e);
    if (r == 0)
        r = outgoing_layers(&o, e);
    if (r < 0) {
        outgoing_done(&o);
        return r;
    }
    *ret = o;
    return 0;
}

void outgoing_done(struct outgoing *o) {
    str_free(&o->config);
    str_free(&o->stored);
}

const char *outgoing_type(const struct outgoing *o) {
    return o->docker ? MT_DOCKER_MANIFEST : MT_OCI_MANIFEST;
}

/* Are these the blobs and the format that the stored manifest names? */
static bool outgoing_unchanged(const struct outgoing *o) {
    const char *type = o->m.media_type ? o->m.media_type : MT_OCI_MANIFEST;
    if (!o->stored.len || !str_eq(type, outgoing_type(o)))
        return false;
    for (size_t i = 0; i < o->n; i++) {
        if (!o->layers[i].known || !digest_eq(&o->layers[i].known->digest, &o->layers[i].digest))
            return false;
    }
    return true;
}

static js *outgoing_descriptor(const char *type, const struct digest *d, uint64_t size) {
    js *v = js_new_object();
    if (v && js_set_str(v, "mediaType", type) == 0 && js_set_str(v, "digest", d->s) == 0 &&
        js_set_u64(v, "size", size) == 0)
        return v;
    js_free(v);
    return NULL;
}

static int outgoing_list(const struct outgoing *o, js *doc) {
    js *list = js_new_array();
    int r = list ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < o->n; i++) {
        const struct outgoing_layer *l = &o->layers[i];
        r = js_push(list, outgoing_descriptor(blob_type(l->kind, o->docker), &l->digest, l->size));
    }
    return r < 0 ? r : js_set(doc, "layers", list);
}

/* A new manifest; annotations of the old one stay. */
static int outgoing_print(const struct outgoing *o, struct str *doc) {
    struct err ignored;
    AUTO_JS js *old = NULL, *v = js_new_object();
    if (o->stored.len && !o->docker)
        (void)js_parse(str_c(&o->stored), o->stored.len, "stored manifest", &old, &ignored);
    js *notes = js_get(old, "annotations");
    int r = v ? js_set_i64(v, "schemaVersion", 2) : -ENOMEM;
    if (r == 0)
        r = js_set_str(v, "mediaType", outgoing_type(o));
    if (r == 0)
        r = js_set(v, "config",
                   outgoing_descriptor(o->docker ? MT_DOCKER_CONFIG : MT_OCI_CONFIG, &o->img.id,
                                       o->config.len));
    if (r == 0)
        r = outgoing_list(o, v);
    if (r == 0 && notes)
        r = js_set(v, "annotations", js_ref(notes));
    return r < 0 ? r : js_print(v, JS_COMPACT, doc);
}

int outgoing_manifest(const struct outgoing *o, struct str *doc, struct digest *ret,
                      struct err *e) {
    str_clear(doc);
    if (outgoing_unchanged(o)) {
        *ret = o->img.manifest;
        return str_addn(doc, str_c(&o->stored), o->stored.len) < 0 ? err_oom(e) : 0;
    }
    if (outgoing_print(o, doc) < 0)
        return err_oom(e);
    return unpack_hash_bytes(str_c(doc), doc->len, &(struct digest){""}, ret, e);
}
