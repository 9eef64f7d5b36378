/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/layers.h"

#include "store/unpack.h"

#include <stdio.h>
#include <string.h>

#define TELL_EVERY_NS ((int64_t)100 * 1000 * 1000)

struct layers {
    struct job *job;
    const struct store *store;
    struct source *src;
    uint64_t max_bytes;
    struct layer_job *v;
    size_t n, next;
    unsigned running; /* threads */
    unsigned blocked; /* of them, wait for another process' lock */
};

/* One layer on its way. */
struct layer_run {
    struct layers *all;
    struct layer_job *layer;
    void *conn;
    struct unpack *unpack;
    uint64_t done;
    int64_t told_ns;
};

static void layer_tell(struct layer_run *run, enum pull_phase phase) {
    const struct descriptor *d = run->layer->blob;
    run->told_ns = now_mono_ns();
    job_progress(run->all->job, &d->digest, phase, run->done, d->size);
}

static int layer_take(void *data, const void *p, size_t n, struct err *e) {
    struct layer_run *run = data;
    int r = unpack_feed(run->unpack, p, n, e);
    if (r < 0)
        return r;
    run->done += n;
    if (now_mono_ns() - run->told_ns >= TELL_EVERY_NS)
        layer_tell(run, PULL_DOWNLOADING);
    return job_cancelled(run->all->job) ? err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled") : 0;
}

/* From one route on: download and unpack into the writer's directory. */
static int layer_unpack(struct layer_run *run, const struct layer_writer *w, unsigned route,
                        struct unpack_result *res, struct err *e) {
    struct source *src = run->all->src;
    struct unpack_want want = {.dirfd = w->dirfd,
                               .userxattr = run->all->store->userxattr,
                               .record = true,
                               .homefd = w->homefd,
                               .diff_id = *run->layer->diff_id,
                               .max_bytes = run->all->max_bytes};
    if (!src->loose) {
        want.blob = run->layer->blob->digest;
        want.blob_size = run->layer->blob->size;
    }
    const struct source_sink sink = {layer_take, run, &run->done};
    run->done = 0;
    int r = unpack_start(&want, &run->unpack, e);
    if (r < 0)
        return r;
    layer_tell(run, PULL_DOWNLOADING);
    r = src->blob(src, run->conn, &run->layer->blob->digest, route, &sink, e);
    if (r == 0) {
        layer_tell(run, PULL_EXTRACTING);
        r = unpack_finish(run->unpack, res, e);
    }
    unpack_free(run->unpack);
    run->unpack = NULL;
    return r;
}

static void layers_block(struct layers *all, bool blocked) {
    pthread_mutex_lock(&all->job->mutex);
    all->blocked += blocked ? 1U : -1U;
    pthread_cond_broadcast(&all->job->changed);
    pthread_mutex_unlock(&all->job->mutex);
}

static int layer_begin_waiting(struct layer_run *run, struct layer_writer *w, struct err *e) {
    const struct store *s = run->all->store;
    layers_block(run->all, true);
    int r = layer_begin(s, run->layer->diff_id, w, e);
    layers_block(run->all, false);
    return r;
}

static int layer_fetch(struct layer_run *run, struct err *e) {
    const struct store *s = run->all->store;
    struct unpack_result res;
    for (unsigned route = 0;; route++) {
        struct layer_writer w;
        int r = layer_begin_waiting(run, &w, e);
        if (r == 1) {
            layer_tell(run, PULL_EXISTS);
            return 0;
        }
        if (r < 0)
            return r;
        r = layer_unpack(run, &w, route, &res, e);
        if (r == 0) {
            r = layer_commit(s, run->layer->diff_id, &w, res.size, e);
            run->layer->fetched = r == 0;
            if (r == 0)
                layer_tell(run, PULL_DONE);
            return r;
        }
        layer_abort(s, &w);
        /* A mirror with bad bytes: the next place may have good ones. */
        if ((r != -EBADMSG && r != -EMSGSIZE) || route + 1 >= run->all->src->routes)
            return r;
    }
}

static struct layer_job *layers_next(struct layers *all) {
    struct layer_job *layer = NULL;
    pthread_mutex_lock(&all->job->mutex);
    if (!all->job->cancelled && all->next < all->n)
        layer = &all->v[all->next++];
    pthread_mutex_unlock(&all->job->mutex);
    return layer;
}

static void *layers_thread(void *data) {
    struct layers *all = data;
    struct layer_run run = {.all = all};
    struct err e;
    int r = all->src->connect(all->src, &run.conn, &e);
    while (r == 0 && (run.layer = layers_next(all)))
        r = layer_fetch(&run, &e);
    if (r < 0)
        job_cancel(all->job, &e);
    if (run.conn)
        all->src->disconnect(run.conn);
    pthread_mutex_lock(&all->job->mutex);
    all->running--;
    pthread_cond_broadcast(&all->job->changed);
    pthread_mutex_unlock(&all->job->mutex);
    return NULL;
}

/* A thread that waits for another process' lock cannot be called back: after a failure it is left
 * behind and ends with this process. */
static void layers_wait(struct layers *all) {
    struct job *j = all->job;
    pthread_mutex_lock(&j->mutex);
    while (all->running > (j->cancelled ? all->blocked : 0))
        pthread_cond_wait(&j->changed, &j->mutex);
    pthread_mutex_unlock(&j->mutex);
}

static int layers_start(struct layers *all, struct err *e) {
    for (size_t i = 0; i < MIN_OF(all->n, (size_t)LAYERS_PARALLEL); i++) {
        pthread_t thread;
        pthread_mutex_lock(&all->job->mutex);
        all->running++;
        pthread_mutex_unlock(&all->job->mutex);
        int r = pthread_create(&thread, NULL, layers_thread, all);
        if (r) {
            pthread_mutex_lock(&all->job->mutex);
            all->running--;
            pthread_mutex_unlock(&all->job->mutex);
            return i ? 0 : err_sysn(e, r, "cannot start a thread"); /* fewer will do */
        }
        pthread_detach(thread);
    }
    return 0;
}

int layers_fetch(const struct layers_want *want, struct layer_job *v, size_t n, struct err *e) {
    struct job *j = want->job;
    /* Outlives this call when a blocked thread does. */
    struct layers *all = calloc(1, sizeof(*all));
    if (!all)
        return err_oom(e);
    *all = (struct layers){.job = j,
                           .store = want->store,
                           .src = want->src,
                           .max_bytes = want->max_bytes,
                           .v = v,
                           .n = n};
    int r = layers_start(all, e);
    if (r < 0) {
        free(all);
        return r;
    }
    layers_wait(all);
    if (job_cancelled(j)) {
        *e = j->why;
        return e->code;
    }
    free(all);
    return 0;
}
