/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/copy.h"

#include "base/io.h"
#include "store/unpack_hash.h"

#include <fcntl.h>
#include <string.h>

#define COPY_DEPTH 4

struct copying {
    const struct copy_want *w;
    struct arena *a;
    struct source *src;
    void *conn;
};

struct copy_blob {
    int fd;
    uint64_t done, size;
    struct unpack_hash hash;
};

static int copy_take(void *data, const void *p, size_t n, struct err *e) {
    struct copy_blob *b = data;
    if (b->done + n > b->size)
        return err_set(e, ERR_CORRUPT, -EMSGSIZE, "a blob is larger than its manifest says");
    int r = unpack_hash_add(&b->hash, p, n);
    if (r == 0)
        r = io_write_all(b->fd, p, n);
    b->done += n;
    return r < 0 ? err_sysn(e, r, "cannot keep a blob") : 0;
}

static int copy_fetch(struct copying *c, const struct descriptor *d, struct copy_blob *b,
                      struct err *e) {
    const struct source_sink sink = {copy_take, b, &b->done};
    struct digest is;
    int r = unpack_hash_init(&b->hash, &d->digest, e);
    if (r < 0)
        return r;
    r = c->src->blob(c->src, c->conn, &d->digest, 0, &sink, e);
    if (r == 0)
        r = unpack_hash_get(&b->hash, &is, e);
    unpack_hash_done(&b->hash);
    if (r == 0 && !digest_eq(&is, &d->digest))
        r = err_set(e, ERR_CORRUPT, -EBADMSG,
                    "a blob is not what its name says: expected %s, got %s", d->digest.s, is.s);
    return r;
}

static int copy_descriptor(struct copying *c, const struct descriptor *d, struct err *e) {
    const struct copy_want *w = c->w;
    int r = upload_exists(w->to, &d->digest, e);
    if (r == 0 && strcmp(w->from->domain, w->to_domain) == 0)
        r = upload_mount(w->to, &d->digest, w->from->path, e);
    if (r != 0)
        return r < 0 ? r : 0;
    AUTO_FD int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "cannot keep a blob in /var/tmp");
    struct copy_blob b = {.fd = fd, .size = d->size};
    r = copy_fetch(c, d, &b, e);
    if (r < 0)
        return r;
    const struct fetch_body body = {.fd = fd, .size = b.done};
    return upload_blob(w->to, &d->digest, &body, e);
}

static int copy_document(struct copying *c, const struct digest *d, unsigned depth, struct err *e) {
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_MANIFEST);
    struct digest named, is;
    struct manifest m = {0};
    if (depth >= COPY_DEPTH)
        return err_set(e, ERR_CORRUPT, -ELOOP,
                       "indexes lead to indexes more than %d times: refused", COPY_DEPTH);
    int r = c->src->manifest(c->src, c->conn, d, &doc, &named, e);
    if (r == 0)
        r = unpack_hash_bytes(str_c(&doc), doc.len, d, &is, e);
    if (r == 0 && !digest_eq(&is, d))
        r = err_set(e, ERR_CORRUPT, -EBADMSG,
                    "a manifest is not what its name says: expected %s, got %s", d->s, is.s);
    if (r == 0)
        r = manifest_decode(str_c(&doc), doc.len, "manifest", c->a, &m, e);
    for (size_t i = 0; r == 0 && m.is_index && i < m.n_manifests; i++)
        r = copy_document(c, &m.manifests[i].digest, depth + 1, e);
    if (r == 0 && !m.is_index)
        r = copy_descriptor(c, &m.config, e);
    for (size_t i = 0; r == 0 && !m.is_index && i < m.n_layers; i++)
        r = copy_descriptor(c, &m.layers[i], e);
    if (r < 0)
        return r;
    const char *type = m.media_type ? m.media_type : m.is_index ? MT_OCI_INDEX : MT_OCI_MANIFEST;
    return upload_manifest(c->w->to, d->s, &doc, type, d, e);
}

int copy_image(const struct copy_want *w, const struct digest *d, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct copying c = {.w = w, .a = a};
    const char *shown = a ? ref_familiar(w->from, a) : NULL;
    if (!shown)
        return err_oom(e);
    int r = source_net_open(w->job, w->from, w->access, shown, a, &c.src, e);
    if (r < 0)
        return r;
    r = c.src->connect(c.src, &c.conn, e);
    if (r == 0) {
        r = copy_document(&c, d, 0, e);
        c.src->disconnect(c.conn);
    }
    c.src->close(c.src);
    return r;
}
