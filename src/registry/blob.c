/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/blob.h"

#include "base/io.h"
#include "spec/image.h"
#include "store/deflate.h"
#include "store/pack.h"
#include "store/unpack_hash.h"
#include "store/unpack_pipe.h"

#include <fcntl.h>
#include <string.h>

#define TELL_EVERY_NS ((int64_t)100 * 1000 * 1000)

enum blob_kind blob_kind_of(const char *type) {
    if (!type || !*type)
        return BLOB_ANY;
    if (str_ends(type, "gzip"))
        return BLOB_GZIP;
    if (str_ends(type, "zstd"))
        return BLOB_ZSTD;
    return str_ends(type, "tar") ? BLOB_PLAIN : BLOB_ANY;
}

const char *blob_type(enum blob_kind kind, bool docker) {
    switch (kind) {
    case BLOB_PLAIN:
        return docker ? MT_DOCKER_LAYER : MT_OCI_LAYER;
    case BLOB_ZSTD:
        return MT_OCI_LAYER_ZSTD;
    default:
        return docker ? MT_DOCKER_LAYER_GZIP : MT_OCI_LAYER_GZIP;
    }
}

/* --- packing, on a thread of its own --------------------------------------------------------- */

struct packing {
    struct pack *pack;
    struct unpack_pipe pipe;
    int failed;
    struct err e;
};

static void *packing_thread(void *data) {
    struct packing *p = data;
    for (;;) {
        void *room = unpack_pipe_room(&p->pipe);
        size_t have = 0, got = 1;
        while (room && p->failed == 0 && have < UNPACK_CHUNK && got) {
            p->failed = pack_read(p->pack, (char *)room + have, UNPACK_CHUNK - have, &got, &p->e);
            have += p->failed == 0 ? got : 0;
        }
        if (room && p->failed == 0 && have)
            unpack_pipe_put(&p->pipe, have);
        if (!room || p->failed < 0 || got == 0) {
            unpack_pipe_end(&p->pipe, p->failed < 0);
            return NULL;
        }
    }
}

/* --- compressing, on the caller's ------------------------------------------------------------ */

struct making {
    const struct blob_want *want;
    struct unpack_hash hash;
    int fd;
    uint64_t size; /* of the blob so far */
};

static int making_take(void *data, const void *p, size_t n, struct err *e) {
    struct making *m = data;
    int r = unpack_hash_add(&m->hash, p, n);
    if (r < 0)
        return err_set(e, ERR_INTERNAL, r, "cannot hash layer %.19s", m->want->diff_id->s);
    r = io_write_all(m->fd, p, n);
    m->size += n;
    return r < 0 ? err_sysn(e, r, "cannot write a blob of layer %.19s", m->want->diff_id->s) : 0;
}

static enum deflate_kind making_kind(enum blob_kind kind) {
    return kind == BLOB_ZSTD ? DEFLATE_ZSTD : kind == BLOB_PLAIN ? DEFLATE_NONE : DEFLATE_GZIP;
}

static int making_run(const struct blob_want *w, struct packing *p, const struct deflate_sink *sink,
                      struct err *e) {
    const uint64_t total = pack_size(p->pack);
    struct deflate *d = NULL;
    uint64_t done = 0;
    int64_t told = 0;
    const void *chunk;
    ssize_t n = 0;
    int r = deflate_new(making_kind(w->kind), w->level, sink, &d, e);
    while (r == 0 && (n = unpack_pipe_get(&p->pipe, &chunk)) > 0) {
        r = deflate_feed(d, chunk, (size_t)n, e);
        done += (uint64_t)n;
        if (now_mono_ns() - told >= TELL_EVERY_NS) {
            told = now_mono_ns();
            job_progress(w->job, w->diff_id, PUSH_PREPARING, done, total);
        }
        if (r == 0 && job_cancelled(w->job))
            r = err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled");
    }
    if (r == 0 && n == 0)
        r = deflate_end(d, e);
    deflate_free(d);
    return r == 0 && n < 0 ? -ECANCELED : r;
}

static int making_piped(const struct blob_want *w, struct packing *p,
                        const struct deflate_sink *sink, struct err *e) {
    pthread_t thread;
    int r = unpack_pipe_init(&p->pipe);
    if (r < 0)
        return err_sysn(e, r, "cannot prepare layer %.19s", w->diff_id->s);
    r = pthread_create(&thread, NULL, packing_thread, p);
    if (r) {
        unpack_pipe_done(&p->pipe);
        return err_sysn(e, r, "cannot start a thread");
    }
    r = making_run(w, p, sink, e);
    unpack_pipe_stop(&p->pipe);
    pthread_join(thread, NULL);
    unpack_pipe_done(&p->pipe);
    if (r == -ECANCELED && p->failed < 0) {
        *e = p->e;
        return p->failed;
    }
    return r;
}

int blob_make(const struct blob_want *w, struct blob *ret, struct err *e) {
    struct packing p = {.failed = 0};
    struct blob b = {.fd = -1};
    AUTO_FD int fd = openat(w->store->tmpfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "cannot write a blob of layer %.19s", w->diff_id->s);
    struct making m = {.want = w, .fd = fd};
    int r = pack_open(w->store, w->diff_id, &p.pack, e);
    if (r == 0)
        r = unpack_hash_init(&m.hash, &b.digest, e);
    if (r == 0) {
        const struct deflate_sink sink = {making_take, &m};
        r = making_piped(w, &p, &sink, e);
        if (r == 0)
            r = unpack_hash_get(&m.hash, &b.digest, e);
        unpack_hash_done(&m.hash);
    }
    pack_free(p.pack);
    if (r < 0)
        return r;
    b.size = m.size;
    b.fd = TAKE_FD(fd);
    *ret = b;
    return 0;
}

int blob_plain(const struct blob_want *w,
               int (*take)(void *data, const void *p, size_t n, struct err *e), void *data,
               struct err *e) {
    struct packing p = {.failed = 0};
    const struct deflate_sink sink = {take, data};
    struct blob_want plain = *w;
    plain.kind = BLOB_PLAIN;
    int r = pack_open(w->store, w->diff_id, &p.pack, e);
    if (r == 0)
        r = making_piped(&plain, &p, &sink, e);
    pack_free(p.pack);
    return r;
}
