/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/push.h"

#include "registry/blob.h"
#include "registry/helper.h"
#include "registry/outgoing.h"
#include "registry/source.h"
#include "registry/upload.h"

#include <stdio.h>
#include <string.h>

#define PUSH_PARALLEL 3U
#define PUSH_CANDIDATES 6U /* known blobs of a layer that are asked for */
#define TELL_EVERY_NS ((int64_t)100 * 1000 * 1000)

struct push {
    struct job *job;
    const struct push_request *rq;
    struct outgoing out;
    struct endpoints places; /* one */
    struct session_names names;
    const char *origin; /* "localhost:5000/app" */
    size_t next;        /* layer; under the job's mutex */
};

/* One layer on its way, on one thread. */
struct push_run {
    struct push *p;
    struct arena *a;
    struct session session;
    struct upload up;
    struct outgoing_layer *layer;
    uint64_t total;
    int64_t told_ns;
};

static void push_tell(struct push_run *run, enum pull_phase phase, uint64_t done) {
    run->told_ns = now_mono_ns();
    job_progress(run->p->job, run->layer->diff_id, phase, done, run->total);
}

static void push_sent(void *data, uint64_t n) {
    struct push_run *run = data;
    if (run->layer && now_mono_ns() - run->told_ns >= TELL_EVERY_NS)
        push_tell(run, PUSH_PUSHING, n);
}

/* --- what is there already ------------------------------------------------------------------- */

struct push_known {
    struct digest digest;
    uint64_t size;
    enum blob_kind kind;
    const char *repo;
};

static bool push_wanted(const struct push *p, enum blob_kind kind) {
    const struct push_form *f = &p->rq->form;
    if (kind == BLOB_ANY || (kind == BLOB_ZSTD && p->out.docker))
        return false;
    return !f->force || f->compression == BLOB_ANY || kind == f->compression;
}

static void push_consider(const struct push *p, struct push_known *v, size_t *n,
                          const struct push_known *k) {
    if (*n >= PUSH_CANDIDATES || !push_wanted(p, k->kind))
        return;
    for (size_t i = 0; i < *n; i++) {
        if (digest_eq(&v[i].digest, &k->digest) && str_eq(v[i].repo, k->repo))
            return;
    }
    v[(*n)++] = *k;
}

/* The blob of the image's own manifest first: then that manifest can go as it is. */
static size_t push_candidates(struct push_run *run, struct push_known v[static PUSH_CANDIDATES]) {
    const struct descriptor *d = run->layer->known;
    struct layer_blob *blobs = NULL;
    struct err ignored;
    size_t n = 0, nb = 0;
    (void)layer_blobs(run->p->rq->store, run->layer->diff_id, run->a, &blobs, &nb, &ignored);
    if (d) {
        const struct push_known own = {d->digest, d->size, blob_kind_of(d->media_type), ""};
        push_consider(run->p, v, &n, &own);
    }
    for (size_t i = 0; i < nb; i++) {
        const struct push_known k = {blobs[i].digest, blobs[i].size,
                                     blob_kind_of(blobs[i].media_type), blobs[i].repo};
        push_consider(run->p, v, &n, &k);
    }
    return n;
}

static void push_take(struct push_run *run, const struct push_known *k) {
    run->layer->digest = k->digest;
    run->layer->size = k->size;
    run->layer->kind = k->kind;
}

static void push_remember(struct push_run *run) {
    const struct outgoing_layer *l = run->layer;
    const struct layer_blob b = {l->digest, l->size, blob_type(l->kind, false), run->p->origin};
    struct err ignored;
    (void)layer_blob_add(run->p->rq->store, l->diff_id, &b, &ignored);
}

/* 1: the registry has a blob of this layer now. */
static int push_reuse(struct push_run *run, struct err *e) {
    struct push_known v[PUSH_CANDIDATES];
    size_t n = push_candidates(run, v);
    for (size_t i = 0; i < n; i++) {
        bool again = i > 0 && digest_eq(&v[i].digest, &v[i - 1].digest);
        int r = again ? 0 : upload_exists(&run->up, &v[i].digest, e);
        if (r < 0)
            return r;
        if (r == 1) {
            push_take(run, &v[i]);
            push_tell(run, PUSH_EXISTS, 0);
            return 1;
        }
    }
    const char *host = run->p->rq->ref->domain;
    size_t k = strlen(host);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(v[i].repo, host, k) != 0 || v[i].repo[k] != '/' ||
            str_eq(v[i].repo, run->p->origin))
            continue;
        int r = upload_mount(&run->up, &v[i].digest, v[i].repo + k + 1, e);
        if (r < 0)
            return r;
        if (r == 1) {
            push_take(run, &v[i]);
            push_tell(run, PUSH_MOUNTED, 0);
            return 1;
        }
    }
    return 0;
}

/* --- what is not ------------------------------------------------------------------------------ */

static int push_make(struct push_run *run, struct err *e) {
    const struct push_form *f = &run->p->rq->form;
    struct blob b;
    const struct blob_want w = {.job = run->p->job,
                                .store = run->p->rq->store,
                                .diff_id = run->layer->diff_id,
                                .kind = f->compression == BLOB_ANY ? BLOB_GZIP : f->compression,
                                .level = f->level};
    push_tell(run, PUSH_PREPARING, 0);
    int r = blob_make(&w, &b, e);
    if (r < 0)
        return r;
    AUTO_FD int fd = b.fd;
    const struct push_known made = {b.digest, b.size, w.kind, ""};
    push_take(run, &made);
    run->total = b.size;
    r = upload_exists(&run->up, &b.digest, e);
    if (r < 0)
        return r;
    if (r == 0) {
        const struct fetch_body body = {.fd = fd, .size = b.size};
        push_tell(run, PUSH_PUSHING, 0);
        r = upload_blob(&run->up, &b.digest, &body, e);
        if (r == 0)
            push_tell(run, PUSH_DONE, b.size);
    } else {
        push_tell(run, PUSH_EXISTS, 0);
        r = 0;
    }
    return r;
}

static int push_layer(struct push_run *run, struct err *e) {
    run->total = run->layer->known ? run->layer->known->size : 0;
    int r = push_reuse(run, e);
    if (r == 0)
        r = push_make(run, e);
    if (r >= 0)
        push_remember(run);
    return r < 0 ? r : 0;
}

/* --- threads --------------------------------------------------------------------------------- */

static int push_run_open(struct push *p, struct push_run *run, struct err *e) {
    const struct registry_access *access = &p->rq->access;
    *run = (struct push_run){.p = p, .a = arena_new()};
    run->session = (struct session){.wait = job_wait,
                                    .stop = job_stop,
                                    .job = p->job,
                                    .tries = access->tries,
                                    .delay_ms = access->delay_ms};
    run->up = (struct upload){.s = &run->session,
                              .ep = &p->places.v[0],
                              .names = &p->names,
                              .sent = push_sent,
                              .data = run};
    return run->a ? fetch_new(&run->session.fetch, e) : err_oom(e);
}

static void push_run_close(struct push_run *run) {
    fetch_free(run->session.fetch);
    arena_free(run->a);
}

static struct outgoing_layer *push_next(struct push *p) {
    struct outgoing_layer *l = NULL;
    pthread_mutex_lock(&p->job->mutex);
    while (!l && !p->job->cancelled && p->next < p->out.n) {
        l = &p->out.layers[p->next++];
        if (l->same)
            l = NULL;
    }
    pthread_mutex_unlock(&p->job->mutex);
    return l;
}

static void *push_thread(void *data) {
    struct push *p = data;
    struct push_run run;
    struct err e;
    err_clear(&e);
    int r = push_run_open(p, &run, &e);
    while (r == 0 && (run.layer = push_next(p)))
        r = push_layer(&run, &e);
    if (r < 0)
        job_cancel(p->job, &e);
    push_run_close(&run);
    return NULL;
}

static int push_layers(struct push *p, struct err *e) {
    pthread_t threads[PUSH_PARALLEL];
    size_t n = 0, want = MIN_OF(p->out.n, (size_t)PUSH_PARALLEL);
    for (size_t i = 0; i < p->out.n; i++) {
        const struct outgoing_layer *l = &p->out.layers[i];
        if (!l->same)
            job_progress(p->job, l->diff_id, PULL_WAITING, 0, 0);
    }
    int r = 0;
    for (; n < want && r == 0; n += r == 0)
        r = pthread_create(&threads[n], NULL, push_thread, p);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    if (job_cancelled(p->job)) {
        *e = p->job->why;
        return e->code;
    }
    if (n == 0 && want)
        return err_sysn(e, r, "cannot start a thread");
    for (size_t i = 0; i < p->out.n; i++) {
        struct outgoing_layer *l = &p->out.layers[i];
        if (l->same) {
            l->digest = l->same->digest;
            l->size = l->same->size;
            l->kind = l->same->kind;
        }
    }
    return 0;
}

/* --- documents ------------------------------------------------------------------------------- */

static int push_documents(struct push *p, struct push_run *run, struct push_result *ret,
                          struct err *e) {
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_MANIFEST);
    const struct outgoing *o = &p->out;
    const struct ref *ref = p->rq->ref;
    struct digest at;
    run->layer = NULL;
    int r = upload_exists(&run->up, &o->img.id, e);
    if (r == 0) {
        const struct fetch_body body = {.p = str_c(&o->config), .fd = -1, .size = o->config.len};
        r = upload_blob(&run->up, &o->img.id, &body, e);
    }
    if (r >= 0)
        r = outgoing_manifest(o, &doc, &at, e);
    if (r < 0)
        return r;
    const char *name = ref->tag ? ref->tag : at.s;
    r = upload_manifest(&run->up, name, &doc, outgoing_type(o), &at, e);
    if (r == 0)
        *ret = (struct push_result){at, doc.len};
    return r;
}

static int push_open(struct push *p, struct arena *a, struct err *e) {
    const struct push_request *rq = p->rq;
    p->names =
        (struct session_names){ref_familiar(rq->ref, a), ref_familiar_name(rq->ref, a), true};
    p->origin = arena_printf(a, "%s/%s", rq->ref->domain, rq->ref->path);
    if (!p->names.image || !p->names.repo || !p->origin)
        return err_oom(e);
    int r = fetch_setup(e);
    if (r == 0)
        r = endpoints_origin(rq->ref, &rq->access, a, &p->places, e);
    if (r == 0) {
        endpoints_push(&p->places);
        r = outgoing_read(rq->store, rq->image, &rq->form, a, &p->out, e);
    }
    return r;
}

static int push_work(struct job *j, const void *data, void *result, struct err *e) {
    struct push p = {.job = j, .rq = data};
    struct push_run run;
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int lock = -1;
    if (!a)
        return err_oom(e);
    /* gc must not take what is being read */
    int r = store_pulling(p.rq->store, &lock, e);
    if (r == 0)
        r = push_open(&p, a, e);
    if (r == 0)
        r = push_layers(&p, e);
    if (r < 0)
        return r;
    r = push_run_open(&p, &run, e);
    if (r == 0)
        r = push_documents(&p, &run, result, e);
    push_run_close(&run);
    outgoing_done(&p.out);
    endpoints_done(&p.places);
    return r;
}

int push_image(const struct push_request *rq, struct push_result *ret, struct err *e) {
    const struct helper_task t = {.what = "push",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {-1, -1, -1},
                                  .work = push_work,
                                  .rq = rq,
                                  .progress = rq->progress,
                                  .data = rq->data};
    return helper_run(&t, ret, sizeof(*ret), NULL, e);
}
