/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/transfer.h"

#include "registry/layers.h"
#include "store/unpack_hash.h"

#include <stdio.h>
#include <string.h>

#define MAX_NESTED 4 /* indexes in indexes */

struct transfer {
    const struct transfer_want *want;
    struct arena *a;
    struct str doc, config; /* bytes as received */
    uint64_t config_done;
    struct digest top; /* what the reference names */
    struct digest at;  /* of doc */
    struct manifest m;
    struct img_config c;
    struct layer_job *layers;
    size_t n_layers;
    bool fetched;
};

/* Are these bytes what the digest says? With an empty `want`, only tell what they are. */
static int transfer_check(const struct str *bytes, const struct digest *want, const char *what,
                          const char *shown, struct digest *ret, struct err *e) {
    struct digest is;
    int r = unpack_hash_bytes(str_c(bytes), bytes->len, want, &is, e);
    if (r < 0)
        return r;
    if (want->s[0] && !digest_eq(want, &is))
        return err_set(e, ERR_CORRUPT, -EBADMSG,
                       "%s of %s is not what its name says: expected digest %s, got %s", what,
                       shown, want->s, is.s);
    *ret = is;
    return 0;
}

static int transfer_no_platform(const struct transfer *t, struct err *e) {
    const char *want = platform_print(t->want->platform, t->a);
    return err_set(
        e, ERR_NOT_FOUND, -ENOENT,
        "no matching manifest for %s in the manifest list entries of %s: ask for another "
        "--platform",
        want ? want : "this platform", t->want->shown);
}

/* What the reference names (want NULL), or the entry of an index. */
static int transfer_document(struct transfer *t, const struct digest *want, struct err *e) {
    const struct transfer_want *w = t->want;
    struct digest named = {""};
    char what[320];
    snprintf(what, sizeof(what), "manifest of %.300s", w->shown);
    str_clear(&t->doc);
    int r = w->src->manifest(w->src, w->conn, want, &t->doc, &named, e);
    if (r == 0)
        r = transfer_check(&t->doc, &named, "manifest", w->shown, &t->at, e);
    return r < 0 ? r : manifest_decode(str_c(&t->doc), t->doc.len, what, t->a, &t->m, e);
}

static bool transfer_is_index(const struct descriptor *d) {
    return str_eq(d->media_type, MT_OCI_INDEX) || str_eq(d->media_type, MT_DOCKER_LIST);
}

/* The entry for our platform; failing that, the only index in it, or the only image. */
static const struct descriptor *transfer_select(const struct transfer *t) {
    const struct descriptor *d = manifest_select(&t->m, t->want->platform), *only = NULL;
    size_t n = 0;
    for (size_t i = 0; !d && i < t->m.n_manifests; i++) {
        const struct descriptor *m = &t->m.manifests[i];
        if (str_eq(m->platform.os, "unknown"))
            continue; /* attestations */
        if (transfer_is_index(m) || t->want->any_platform) {
            only = m;
            n++;
        }
    }
    return d ? d : n == 1 ? only : NULL;
}

/* The manifest of our platform, perhaps by way of indexes. */
static int transfer_manifest(struct transfer *t, struct err *e) {
    int r = transfer_document(t, t->want->document, e);
    if (r < 0)
        return r;
    t->top = t->at;
    for (unsigned depth = 0; r == 0 && t->m.is_index; depth++) {
        if (depth >= MAX_NESTED)
            return err_set(e, ERR_CORRUPT, -ELOOP,
                           "manifest of %s: indexes lead to indexes more than %d times: refused",
                           t->want->shown, MAX_NESTED);
        const struct descriptor *d = transfer_select(t);
        if (!d)
            return transfer_no_platform(t, e);
        const struct digest want = d->digest;
        r = transfer_document(t, &want, e);
    }
    return r;
}

static int transfer_take_config(void *data, const void *p, size_t n, struct err *e) {
    struct transfer *t = data;
    if (t->config.len + n > t->m.config.size || str_addn(&t->config, p, n) < 0)
        return err_set(e, ERR_CORRUPT, -EMSGSIZE,
                       "configuration of %s is larger than its manifest says: expected %llu bytes",
                       t->want->shown, (unsigned long long)t->m.config.size);
    t->config_done += n;
    return 0;
}

static bool transfer_same(const char *want, const char *is) {
    return !want || !is || strcmp(want, is) == 0;
}

static int transfer_check_config(struct transfer *t, struct err *e) {
    const char *shown = t->want->shown;
    struct digest is;
    char what[340];
    int r = transfer_check(&t->config, &t->m.config.digest, "configuration", shown, &is, e);
    if (r < 0)
        return r;
    snprintf(what, sizeof(what), "configuration of %.300s", shown);
    r = img_config_decode(str_c(&t->config), t->config.len, what, t->a, &t->c, e);
    if (r < 0)
        return r;
    if (t->c.n_diff_ids != t->m.n_layers)
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "%s names %zu layers, but the manifest has %zu: refused", what,
                       t->c.n_diff_ids, t->m.n_layers);
    const struct platform *has = &t->c.platform, *want = t->want->platform;
    if (t->want->any_platform ||
        (transfer_same(want->os, has->os) && transfer_same(want->arch, has->arch)))
        return 0;
    const char *w = platform_print(want, t->a), *h = platform_print(has, t->a);
    return err_set(e, ERR_NOT_FOUND, -ENOENT,
                   "image with reference %s was found but does not match the specified "
                   "platform: wanted %s, actual: %s",
                   shown, w ? w : "?", h ? h : "?");
}

static int transfer_config(struct transfer *t, struct err *e) {
    struct source *src = t->want->src;
    if (t->m.config.size > SOURCE_MAX_CONFIG)
        return err_set(e, ERR_CORRUPT, -EMSGSIZE,
                       "configuration of %s: %llu bytes are more than the %zu MiB allowed",
                       t->want->shown, (unsigned long long)t->m.config.size,
                       SOURCE_MAX_CONFIG >> 20);
    const struct source_sink sink = {transfer_take_config, t, &t->config_done};
    int r = src->blob(src, t->want->conn, &t->m.config.digest, 0, &sink, e);
    return r < 0 ? r : transfer_check_config(t, e);
}
/* File system layers and nothing else: other artifacts share the format. */
static bool transfer_layer_type(const char *type) {
    static const char *const known[] = {
        MT_OCI_LAYER,
        MT_OCI_LAYER_GZIP,
        MT_OCI_LAYER_ZSTD,
        MT_DOCKER_LAYER,
        MT_DOCKER_LAYER_GZIP,
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(type, known[i]) == 0)
            return true;
    }
    return false;
}

static bool transfer_repeated(const struct transfer *t, const struct digest *diff_id) {
    for (size_t i = 0; i < t->n_layers; i++) {
        if (digest_eq(t->layers[i].diff_id, diff_id))
            return true;
    }
    return false;
}

static int transfer_plan_layers(struct transfer *t, struct err *e) {
    t->layers = arena_array(t->a, t->m.n_layers, struct layer_job);
    if (!t->layers)
        return err_oom(e);
    for (size_t i = 0; i < t->m.n_layers; i++) {
        const struct descriptor *d = &t->m.layers[i];
        if (!transfer_layer_type(d->media_type))
            return err_set(e, ERR_CORRUPT, -EOPNOTSUPP,
                           "layer %.19s of %s has media type %.120s: not a file system layer that "
                           "hako knows",
                           d->digest.s, t->want->shown, d->media_type);
        if (!transfer_repeated(t, &t->c.diff_ids[i]))
            t->layers[t->n_layers++] = (struct layer_job){d, &t->c.diff_ids[i], false};
    }
    return 0;
}

/* All layers in the order of the image, before the first of them moves. */
static void transfer_announce(struct transfer *t) {
    for (size_t i = 0; i < t->n_layers; i++) {
        struct job_message m = {.word = JOB_PROGRESS};
        const struct digest *blob = &t->layers[i].blob->digest;
        m.progress.phase = PULL_WAITING;
        m.progress.total = t->layers[i].blob->size;
        snprintf(m.progress.layer, sizeof(m.progress.layer), "%.12s", digest_hex(blob));
        job_tell(t->want->job, &m);
    }
}

static int transfer_size(struct transfer *t, uint64_t *ret, struct err *e) {
    uint64_t size = 0;
    for (size_t i = 0; i < t->n_layers; i++) {
        uint64_t one = 0;
        int r = layer_size(t->want->store, t->layers[i].diff_id, &one);
        if (r < 0)
            return err_sysn(e, r, "cannot read the size of layer %.19s", t->layers[i].diff_id->s);
        size += one;
        t->fetched |= t->layers[i].fetched;
    }
    *ret = size;
    return 0;
}

static int transfer_commit(struct transfer *t, struct err *e) {
    const struct transfer_want *w = t->want;
    struct image_commit c = {.ref = w->ref,
                             .config = str_c(&t->config),
                             .config_len = t->config.len,
                             .config_digest = t->m.config.digest};
    int r = transfer_size(t, &c.size, e);
    if (r < 0)
        return r;
    if (!w->src->loose) {
        c.manifest = str_c(&t->doc);
        c.manifest_len = t->doc.len;
        c.manifest_digest = t->at;
        if (!w->no_pin)
            c.repo_digest = t->top;
    }
    return image_commit(w->store, &c, e);
}

/* Where blobs can be found again. Nobody's failure: it only saves work. */
static void transfer_remember(struct transfer *t) {
    const struct transfer_want *w = t->want;
    for (size_t i = 0; !w->src->loose && i < t->n_layers; i++) {
        const struct layer_job *l = &t->layers[i];
        const struct layer_blob b = {l->blob->digest, l->blob->size, l->blob->media_type,
                                     w->src->origin ? w->src->origin : ""};
        struct err ignored;
        if (l->fetched)
            (void)layer_blob_add(w->store, l->diff_id, &b, &ignored);
    }
}

/* Did the reference lead to this very image before? */
static bool transfer_known(struct transfer *t) {
    struct image img;
    struct err ignored;
    const char *full = t->want->ref ? ref_full(t->want->ref, t->a) : t->m.config.digest.s;
    return full && image_find(t->want->store, full, t->a, &img, &ignored) == 0 &&
           digest_eq(&img.id, &t->m.config.digest);
}

static int transfer_layers(struct transfer *t, struct pull_result *ret, struct err *e) {
    const struct transfer_want *w = t->want;
    int r = transfer_plan_layers(t, e);
    if (r < 0)
        return r;
    transfer_announce(t);
    const struct layers_want lw = {
        .job = w->job, .store = w->store, .src = w->src, .max_bytes = w->max_layer_bytes};
    r = layers_fetch(&lw, t->layers, t->n_layers, e);
    bool known = r == 0 && transfer_known(t);
    if (r == 0) {
        transfer_remember(t);
        r = transfer_commit(t, e);
    }
    if (r == 0)
        *ret = (struct pull_result){t->top, t->at, t->m.config.digest, t->fetched || !known};
    return r;
}

int transfer_image(const struct transfer_want *w, struct pull_result *ret, struct err *e) {
    struct transfer t = {
        .want = w, .doc = STR_INIT(SOURCE_MAX_MANIFEST), .config = STR_INIT(SOURCE_MAX_CONFIG)};
    t.a = arena_new();
    int r = t.a ? transfer_manifest(&t, e) : err_oom(e);
    if (r == 0 && w->allowed)
        r = w->allowed(w, w->index ? w->index : &t.top, &t.at, e);
    if (r == 0)
        r = transfer_config(&t, e);
    if (r == 0)
        r = transfer_layers(&t, ret, e);
    if (r < 0)
        return r;
    str_free(&t.doc);
    str_free(&t.config);
    arena_free(t.a);
    return 0;
}

/* One entry of the index, without a tag. */
static int transfer_entry(const struct transfer_want *w, const struct digest *index,
                          const struct descriptor *d, struct err *e) {
    struct ref ref = *w->ref;
    struct transfer_want one = *w;
    struct pull_result ignored;
    ref.tag = NULL;
    ref.digest = d->digest;
    one.ref = &ref;
    one.document = &d->digest;
    one.index = index;
    one.platform = &d->platform;
    return transfer_image(&one, &ignored, e);
}

int transfer_all_platforms(const struct transfer_want *w, struct pull_result *ret, struct err *e) {
    struct transfer t = {.want = w, .doc = STR_INIT(SOURCE_MAX_MANIFEST)};
    t.a = arena_new();
    int r = t.a ? transfer_document(&t, w->document, e) : err_oom(e);
    for (size_t i = 0; r == 0 && t.m.is_index && i < t.m.n_manifests; i++) {
        const struct descriptor *d = &t.m.manifests[i];
        if (d->platform.os && !str_eq(d->platform.os, "unknown") && !transfer_is_index(d))
            r = transfer_entry(w, &t.at, d, e);
    }
    return r < 0 ? r : transfer_image(w, ret, e);
}
