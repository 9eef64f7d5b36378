/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/save.h"

#include "registry/archive_out.h"
#include "registry/blob.h"
#include "registry/helper.h"
#include "registry/outgoing.h"
#include "registry/source.h"
#include "store/pack.h"

#include <stdio.h>
#include <string.h>

#define SAVE_MAX_TEXT ((size_t)64 << 20)

struct save {
    struct job *job;
    const struct save_request *rq;
    struct arena *a;
    struct archive_out out;
    struct strlist written; /* names of blobs */
    js *index;              /* OCI's manifests */
    js *docker;             /* manifest.json */
    js *repositories;
};

static bool save_is_docker(const struct save *s) {
    return s->rq->kind == SAVE_DOCKER_ARCHIVE;
}

static const char *save_blob_name(const struct save *s, const struct digest *d) {
    return s->rq->kind == SAVE_DIR
               ? arena_strdup(s->a, digest_hex(d))
               : arena_printf(s->a, "blobs/%s/%s", digest_algo(d), digest_hex(d));
}

/* 1: this blob has been written already. */
static int save_once(struct save *s, const struct digest *d, const char **name, struct err *e) {
    *name = save_blob_name(s, d);
    if (!*name)
        return err_oom(e);
    if (strlist_has(&s->written, *name))
        return 1;
    return strlist_add(s->a, &s->written, *name) < 0 ? err_oom(e) : 0;
}

/* --- layers ---------------------------------------------------------------------------------- */

static int save_take(void *data, const void *p, size_t n, struct err *e) {
    struct save *s = data;
    return archive_out_write(&s->out, p, n, e);
}

/* The tar as it is: its digest is the diff id, its size is known beforehand. */
static int save_plain(struct save *s, struct outgoing_layer *l, struct err *e) {
    const struct blob_want w = {.job = s->job, .store = s->rq->store, .diff_id = l->diff_id};
    struct pack *p = NULL;
    const char *name;
    int r = pack_open(s->rq->store, l->diff_id, &p, e);
    if (r < 0)
        return r;
    l->digest = *l->diff_id;
    l->size = pack_size(p);
    l->kind = BLOB_PLAIN;
    pack_free(p);
    r = save_once(s, &l->digest, &name, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = archive_out_begin(&s->out, name, l->size, e);
    if (r == 0)
        r = blob_plain(&w, save_take, s, e);
    return r < 0 ? r : archive_out_end(&s->out, e);
}

static int save_packed(struct save *s, struct outgoing_layer *l, struct err *e) {
    const struct push_form *f = &s->rq->form;
    const struct blob_want w = {.job = s->job,
                                .store = s->rq->store,
                                .diff_id = l->diff_id,
                                .kind = f->compression == BLOB_ANY ? BLOB_GZIP : f->compression,
                                .level = f->level};
    const char *name;
    struct blob b;
    int r = blob_make(&w, &b, e);
    if (r < 0)
        return r;
    AUTO_FD int fd = b.fd;
    l->digest = b.digest;
    l->size = b.size;
    l->kind = w.kind;
    r = save_once(s, &l->digest, &name, e);
    if (r == 0)
        r = archive_out_copy(&s->out, name, fd, b.size, e);
    return r < 0 ? r : 0;
}

static int save_layers(struct save *s, struct outgoing *o, struct err *e) {
    bool plain = save_is_docker(s) || s->rq->form.compression == BLOB_PLAIN;
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->n; i++) {
        struct outgoing_layer *l = &o->layers[i];
        if (l->same) {
            l->digest = l->same->digest;
            l->size = l->same->size;
            l->kind = l->same->kind;
            continue;
        }
        r = plain ? save_plain(s, l, e) : save_packed(s, l, e);
        if (r == 0)
            job_progress(s->job, l->diff_id, PUSH_DONE, l->size, l->size);
    }
    return r;
}

/* --- documents ------------------------------------------------------------------------------- */

static int save_text(struct save *s, const struct digest *d, const struct str *text,
                     struct err *e) {
    const char *name;
    int r = save_once(s, d, &name, e);
    if (r == 0)
        r = archive_out_file(&s->out, name, str_c(text), text->len, e);
    return r < 0 ? r : 0;
}

static const char *save_tag(const char *full) {
    const char *slash = strrchr(full, '/'), *colon = strrchr(slash ? slash : full, ':');
    return colon ? colon + 1 : full;
}

static js *save_entry(const struct outgoing *o, const struct digest *at, size_t size,
                      const char *name) {
    js *v = js_new_object(), *p = js_new_object();
    int r = v && p ? js_set_str(v, "mediaType", outgoing_type(o)) : -ENOMEM;
    if (r == 0)
        r = js_set_str(v, "digest", at->s);
    if (r == 0)
        r = js_set_u64(v, "size", size);
    if (r == 0)
        r = js_set_str(p, "architecture", o->img.config.platform.arch);
    if (r == 0)
        r = js_set_str(p, "os", o->img.config.platform.os);
    if (r == 0)
        r = js_set_str(p, "variant", o->img.config.platform.variant);
    if (r == 0)
        r = js_set(v, "platform", p);
    js *notes = name && r == 0 ? js_new_object() : NULL;
    if (notes) {
        r = js_set_str(notes, "io.containerd.image.name", name);
        if (r == 0)
            r = js_set_str(notes, "org.opencontainers.image.ref.name", save_tag(name));
        if (r == 0)
            r = js_set(v, "annotations", notes);
    }
    if (r == 0)
        return v;
    js_free(v);
    return NULL;
}

/* One entry per name: readers look for one annotation. */
static int save_index(struct save *s, const struct outgoing *o, const struct save_image *img,
                      const struct digest *at, size_t size) {
    int r = 0;
    if (!img->names[0])
        return js_push(s->index, save_entry(o, at, size, NULL));
    for (size_t i = 0; r == 0 && img->names[i]; i++)
        r = js_push(s->index, save_entry(o, at, size, img->names[i]));
    return r;
}

/* docker.io/library/debian:12 → debian:12 */
static const char *save_familiar(struct save *s, const char *full) {
    struct ref ref;
    struct err ignored;
    return ref_parse(full, s->a, &ref, &ignored) == 0 ? ref_familiar(&ref, s->a) : full;
}

static int save_repository(struct save *s, const char *familiar, const struct digest *top) {
    char repo[256];
    const char *tag = save_tag(familiar);
    size_t n = tag > familiar ? (size_t)(tag - familiar) - 1 : strlen(familiar);
    snprintf(repo, sizeof(repo), "%.*s", (int)MIN_OF(n, sizeof(repo) - 1), familiar);
    js *tags = js_get(s->repositories, repo);
    int r = 0;
    if (!tags) {
        tags = js_new_object();
        r = js_set(s->repositories, repo, tags);
    }
    return r < 0 ? r : js_set_str(tags, tag, digest_hex(top));
}

static int save_docker(struct save *s, const struct outgoing *o, const struct save_image *img) {
    js *v = js_new_object(), *tags = js_new_array(), *layers = js_new_array();
    int r = v && tags && layers ? js_set_str(v, "Config", save_blob_name(s, &o->img.id)) : -ENOMEM;
    for (size_t i = 0; r == 0 && img->names[i]; i++) {
        const char *familiar = save_familiar(s, img->names[i]);
        r = familiar ? js_push_str(tags, familiar) : -ENOMEM;
        if (r == 0 && o->n)
            r = save_repository(s, familiar, o->layers[o->n - 1].diff_id);
    }
    for (size_t i = 0; r == 0 && i < o->n; i++)
        r = js_push_str(layers, save_blob_name(s, o->layers[i].diff_id));
    if (r == 0)
        r = js_set(v, "RepoTags", img->names[0] ? tags : NULL);
    if (r == 0)
        r = js_set(v, "Layers", layers);
    return r < 0 ? r : js_push(s->docker, v);
}

static int save_image(struct save *s, const struct save_image *img, struct err *e) {
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_MANIFEST);
    struct push_form form = s->rq->form;
    struct outgoing o;
    struct digest at;
    if (save_is_docker(s) || s->rq->kind == SAVE_OCI_ARCHIVE || s->rq->kind == SAVE_OCI_DIR)
        form.format = MANIFEST_OCI;
    int r = outgoing_read(s->rq->store, img->id, &form, s->a, &o, e);
    if (r < 0)
        return r;
    r = save_layers(s, &o, e);
    if (r == 0)
        r = save_text(s, &o.img.id, &o.config, e);
    if (r == 0)
        r = outgoing_manifest(&o, &doc, &at, e);
    if (r == 0 && s->rq->kind == SAVE_DIR)
        r = archive_out_file(&s->out, "manifest.json", str_c(&doc), doc.len, e);
    else if (r == 0)
        r = save_text(s, &at, &doc, e);
    if (r == 0 && save_index(s, &o, img, &at, doc.len) < 0)
        r = err_oom(e);
    if (r == 0 && save_is_docker(s) && save_docker(s, &o, img) < 0)
        r = err_oom(e);
    outgoing_done(&o);
    return r;
}

static int save_json(struct save *s, const char *name, const js *doc, struct err *e) {
    AUTO_STR struct str text = STR_INIT(SAVE_MAX_TEXT);
    if (js_print(doc, JS_COMPACT, &text) < 0)
        return err_oom(e);
    return archive_out_file(&s->out, name, str_c(&text), text.len, e);
}

static int save_ends(struct save *s, struct err *e) {
    static const char version[] = "Directory Transport Version: 1.1\n";
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    if (s->rq->kind == SAVE_DIR)
        return archive_out_file(&s->out, "version", version, sizeof(version) - 1, e);
    AUTO_JS js *index = js_new_object();
    int r = index ? js_set_i64(index, "schemaVersion", 2) : -ENOMEM;
    if (r == 0)
        r = js_set_str(index, "mediaType", MT_OCI_INDEX);
    if (r == 0)
        r = js_set(index, "manifests", js_ref(s->index));
    if (r < 0)
        return err_oom(e);
    r = save_json(s, "index.json", index, e);
    if (r == 0 && save_is_docker(s))
        r = save_json(s, "manifest.json", s->docker, e);
    if (r == 0)
        r = archive_out_file(&s->out, "oci-layout", layout, sizeof(layout) - 1, e);
    if (r == 0 && save_is_docker(s) && js_len(s->repositories))
        r = save_json(s, "repositories", s->repositories, e);
    return r < 0 ? r : archive_out_finish(&s->out, e);
}

static int save_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct save_request *rq = data;
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int lock = -1;
    struct save s = {.job = j, .rq = rq, .a = a};
    (void)result;
    s.out = (struct archive_out){
        .fd = rq->fd, .file = -1, .dir = rq->kind == SAVE_OCI_DIR || rq->kind == SAVE_DIR};
    s.index = js_new_array();
    s.docker = js_new_array();
    s.repositories = js_new_object();
    int r = a && s.index && s.docker && s.repositories ? 0 : err_oom(e);
    if (r == 0 && rq->kind == SAVE_DIR && rq->n != 1)
        r = err_set(e, ERR_USAGE, -EINVAL, "a directory of this format holds one image only");
    if (r == 0)
        r = store_pulling(rq->store, &lock, e);
    for (size_t i = 0; r == 0 && i < rq->n; i++)
        r = save_image(&s, &rq->images[i], e);
    if (r == 0)
        r = save_ends(&s, e);
    if (r < 0)
        archive_out_abort(&s.out);
    js_free(s.index);
    js_free(s.docker);
    js_free(s.repositories);
    return r;
}

int save_images(const struct save_request *rq, struct err *e) {
    const struct helper_task t = {.what = "save",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {rq->fd, -1, -1},
                                  .work = save_work,
                                  .rq = rq,
                                  .progress = rq->progress,
                                  .data = rq->data};
    return helper_run(&t, NULL, 0, NULL, e);
}
