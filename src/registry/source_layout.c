/* SPDX-License-Identifier: Apache-2.0 */
/* An OCI image layout directory (image-spec image-layout.md). */
#include "registry/source.h"

#include "base/io.h"
#include "base/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LAYOUT_BUFFER ((size_t)256 << 10)

struct source_layout {
    struct source base;
    struct job *job;
    const char *shown;
    int dirfd;
};

static struct source_layout *layout(struct source *src) {
    return (struct source_layout *)(void *)((char *)src - offsetof(struct source_layout, base));
}

static int layout_connect(struct source *src, void **ret, struct err *e) {
    (void)src;
    char *buf = malloc(LAYOUT_BUFFER);
    if (!buf)
        return err_oom(e);
    *ret = buf;
    return 0;
}

static void layout_disconnect(void *conn) {
    free(conn);
}

static int layout_blob(struct source *src, void *conn, const struct digest *d, unsigned route,
                       const struct source_sink *sink, struct err *e) {
    struct source_layout *l = layout(src);
    char path[256];
    (void)route;
    snprintf(path, sizeof(path), "blobs/%s/%s", digest_algo(d), digest_hex(d));
    AUTO_FD int fd = path_open_beneath(l->dirfd, path, O_RDONLY | O_NOCTTY, 0);
    if (fd == -ENOENT)
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "image layout %s has no blob %s",
                       l->job->rq->layout_dir, d->s);
    if (fd < 0)
        return err_sysn(e, fd, "cannot open %s/%s", l->job->rq->layout_dir, path);
    for (;;) {
        ssize_t n = read(fd, conn, LAYOUT_BUFFER);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read %s/%s", l->job->rq->layout_dir, path);
        if (n == 0)
            return 0;
        int r = job_cancelled(l->job) ? err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled")
                                      : sink->take(sink->data, conn, (size_t)n, e);
        if (r < 0)
            return r;
    }
}

static int layout_take(void *data, const void *p, size_t n, struct err *e) {
    int r = str_addn(data, p, n);
    return r < 0 ? err_set(e, ERR_CORRUPT, r, "manifest is larger than %zu MiB",
                           SOURCE_MAX_MANIFEST >> 20)
                 : 0;
}

/* The entry of index.json that the reference means, or NULL: the index itself is meant. */
static const struct descriptor *layout_entry(const struct source_layout *l,
                                             const struct manifest *index) {
    const struct ref *ref = l->job->rq->ref;
    for (size_t i = 0; i < index->n_manifests; i++) {
        const struct descriptor *d = &index->manifests[i];
        if (ref->digest.s[0] ? digest_eq(&d->digest, &ref->digest)
                             : str_eq(d->ref_name, ref->tag) || str_eq(d->ref_name, l->shown))
            return d;
    }
    return index->n_manifests == 1 ? &index->manifests[0] : NULL;
}

static int layout_top(struct source_layout *l, struct str *doc, struct digest *named,
                      struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest index;
    char what[300];
    if (!a)
        return err_oom(e);
    int r = io_read_file(l->dirfd, "index.json", doc);
    snprintf(what, sizeof(what), "%.280s/index.json", l->job->rq->layout_dir);
    if (r < 0)
        return err_sysn(e, r, "cannot read %s", what);
    r = manifest_decode(str_c(doc), doc->len, what, a, &index, e);
    if (r < 0)
        return r;
    const struct descriptor *d = layout_entry(l, &index);
    *named = d ? d->digest : (struct digest){""};
    return 0;
}

static int layout_manifest(struct source *src, void *conn, const struct digest *want,
                           struct str *doc, struct digest *named, struct err *e) {
    struct source_layout *l = layout(src);
    struct digest d = {""};
    int r = 0;
    if (want)
        d = *want;
    else
        r = layout_top(l, doc, &d, e);
    if (r == 0 && d.s[0]) {
        const struct source_sink sink = {layout_take, doc, NULL};
        str_clear(doc);
        r = layout_blob(src, conn, &d, 0, &sink, e);
    }
    if (r == 0)
        *named = d;
    return r;
}

static void layout_close(struct source *src) {
    fd_close(&layout(src)->dirfd);
}

int source_layout_open(struct job *j, const char *shown, struct arena *a, struct source **ret,
                       struct err *e) {
    struct source_layout *l = arena_new_of(a, struct source_layout);
    if (!l)
        return err_oom(e);
    l->base = (struct source){.routes = 1,
                              .connect = layout_connect,
                              .disconnect = layout_disconnect,
                              .manifest = layout_manifest,
                              .blob = layout_blob,
                              .close = layout_close};
    l->job = j;
    l->shown = shown;
    l->dirfd = open(j->rq->layout_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->dirfd < 0)
        return err_sys(e, "cannot open image layout %s", j->rq->layout_dir);
    *ret = &l->base;
    return 0;
}
