/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack.h"

#include "base/str.h"
#include "store/unpack_inflate.h"
#include "store/unpack_tar.h"

#include <string.h>

#define FEED_MAX ((size_t)1 << 20)

struct unpack {
    struct unpack_want want;
    struct unpack_pipe pipe;
    struct unpack_inflate *inflate;
    struct unpack_hash hash; /* of the blob */
    uint64_t fed;
    bool plain;   /* the blob is the tar: hashed once */
    bool damaged; /* the stream is bad; only hashing goes on */
    struct err why;

    pthread_t thread;
    bool running;
    struct unpack_tar tar; /* the thread's, until it is joined */
    int tar_code;
    struct err tar_err;
};

static void *unpack_thread(void *data) {
    struct unpack *u = data;
    u->tar_code = unpack_tar_run(&u->tar, &u->tar_err);
    unpack_pipe_stop(&u->pipe);
    return NULL;
}

/* Wait for the thread; its code. */
static int unpack_join(struct unpack *u) {
    if (u->running)
        pthread_join(u->thread, NULL);
    u->running = false;
    return u->tar_code;
}

static int unpack_begin(struct unpack *u, struct err *e) {
    int r = unpack_hash_init(&u->hash, &u->want.blob, e);
    if (r == 0)
        r = unpack_hash_init(&u->tar.hash, &u->want.diff_id, e);
    if (r == 0)
        r = unpack_inflate_new(&u->pipe, &u->inflate, e);
    if (r < 0)
        return r;
    u->tar.want = &u->want;
    u->tar.pipe = &u->pipe;
    r = pthread_create(&u->thread, NULL, unpack_thread, u);
    if (r)
        return err_sysn(e, r, "cannot start a thread");
    u->running = true;
    return 0;
}

int unpack_start(const struct unpack_want *want, struct unpack **ret, struct err *e) {
    struct unpack *u = calloc(1, sizeof(*u));
    if (!u)
        return err_oom(e);
    u->want = *want;
    if (!u->want.max_bytes)
        u->want.max_bytes = UNPACK_MAX_BYTES;
    if (!u->want.max_entries)
        u->want.max_entries = UNPACK_MAX_ENTRIES;
    int r = unpack_pipe_init(&u->pipe);
    if (r < 0) {
        free(u);
        return err_oom(e);
    }
    r = unpack_begin(u, e);
    if (r < 0) {
        unpack_free(u);
        return r;
    }
    *ret = u;
    return 0;
}

/* The stream is bad (why is set), or the writer has failed. Damage is kept for unpack_finish;
 * a writer that cannot write ends it at once. */
static int unpack_trouble(struct unpack *u, int code, struct err *e) {
    if (code != -EPIPE || u->why.code) {
        unpack_pipe_end(&u->pipe, true);
        (void)unpack_join(u);
    } else {
        code = unpack_join(u);
        u->why = u->tar_err;
    }
    u->damaged = true;
    if (u->why.kind == ERR_CORRUPT && u->want.blob.s[0])
        return 0;
    *e = u->why;
    return u->want.blob.s[0] ? err_wrap(e, "layer %.19s", u->want.blob.s) : code;
}

static int unpack_feed_piece(struct unpack *u, const unsigned char *p, size_t n, struct err *e) {
    if (u->fed == 0)
        u->plain = !u->want.blob.s[0] && n >= UNPACK_MAGIC && unpack_inflate_plain(p);
    u->fed += n;
    if (u->want.blob.s[0] && u->fed > u->want.blob_size)
        return err_set(
            e, ERR_CORRUPT, -EMSGSIZE,
            "layer %.19s is larger than its manifest says: expected %llu bytes, got more",
            u->want.blob.s, (unsigned long long)u->want.blob_size);
    if (!u->plain && unpack_hash_add(&u->hash, p, n) < 0)
        return err_set(e, ERR_INTERNAL, -EIO, "OpenSSL cannot compute a digest");
    if (u->damaged)
        return 0;
    int r = unpack_inflate_feed(u->inflate, p, n, &u->why);
    return r < 0 ? unpack_trouble(u, r, e) : 0;
}

int unpack_feed(struct unpack *u, const void *data, size_t n, struct err *e) {
    const unsigned char *p = data;
    while (n > 0) {
        size_t k = MIN_OF(n, FEED_MAX);
        int r = unpack_feed_piece(u, p, k, e);
        if (r < 0)
            return r;
        p += k;
        n -= k;
    }
    return 0;
}

uint64_t unpack_fed(const struct unpack *u) {
    return u->fed;
}

static int unpack_check_blob(struct unpack *u, struct unpack_result *res, struct err *e) {
    int r = unpack_hash_get(&u->hash, &res->blob, e);
    if (r < 0 || !u->want.blob.s[0])
        return r;
    if (u->fed != u->want.blob_size)
        return err_set(e, ERR_CORRUPT, -EBADMSG,
                       "layer %.19s is truncated: expected %llu bytes, got %llu", u->want.blob.s,
                       (unsigned long long)u->want.blob_size, (unsigned long long)u->fed);
    if (!digest_eq(&res->blob, &u->want.blob))
        return err_set(e, ERR_CORRUPT, -EBADMSG,
                       "layer is not what the manifest names: expected digest %s, got %s",
                       u->want.blob.s, res->blob.s);
    return 0;
}

static int unpack_check_diff(struct unpack *u, struct unpack_result *res, struct err *e) {
    int r = unpack_hash_get(&u->tar.hash, &res->diff_id, e);
    if (r < 0 || !u->want.diff_id.s[0] || digest_eq(&res->diff_id, &u->want.diff_id))
        return r;
    return err_set(e, ERR_CORRUPT, -EBADMSG,
                   "layer %.19s unpacks to other content than the image configuration names: "
                   "expected diff id %s, got %s",
                   u->want.blob.s, u->want.diff_id.s, res->diff_id.s);
}

int unpack_finish(struct unpack *u, struct unpack_result *ret, struct err *e) {
    int r = 0;
    if (!u->damaged) {
        r = unpack_inflate_end(u->inflate, &u->why);
        if (r < 0)
            r = unpack_trouble(u, r, e);
    }
    if (r == 0 && !u->damaged && unpack_join(u) < 0) {
        u->damaged = true;
        u->why = u->tar_err;
    }
    if (r < 0)
        return r;
    struct unpack_result res = u->tar.result;
    if (!u->damaged || u->why.kind == ERR_CORRUPT)
        r = unpack_check_blob(u, &res, e);
    if (r == 0 && u->damaged) {
        *e = u->why;
        return u->want.blob.s[0] ? err_wrap(e, "layer %.19s", u->want.blob.s) : e->code;
    }
    if (r == 0)
        r = unpack_check_diff(u, &res, e);
    if (r == 0 && u->plain)
        res.blob = res.diff_id;
    if (r == 0)
        *ret = res;
    return r;
}

void unpack_free(struct unpack *u) {
    if (!u)
        return;
    if (u->running)
        unpack_pipe_end(&u->pipe, true);
    (void)unpack_join(u);
    unpack_inflate_free(u->inflate);
    unpack_hash_done(&u->hash);
    unpack_hash_done(&u->tar.hash);
    unpack_pipe_done(&u->pipe);
    free(u);
}
