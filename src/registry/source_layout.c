/* SPDX-License-Identifier: Apache-2.0 */
/* An OCI image layout (image-spec image-layout.md). */
#include "registry/source_bag.h"

#include <stdio.h>
#include <string.h>

#define LAYOUT_BUFFER ((size_t)256 << 10)

struct source_layout {
    struct source base;
    struct job *job;
    struct bag *bag;
    const struct ref *ref;
    const char *shown;
    struct digest chosen;
};

static struct source_layout *layout(struct source *src) {
    return (struct source_layout *)(void *)((char *)src - offsetof(struct source_layout, base));
}

/* --- what all sources that read a bag share -------------------------------------------------- */

int source_bag_connect(struct source *src, void **ret, struct err *e) {
    (void)src;
    char *buf = malloc(LAYOUT_BUFFER);
    if (!buf)
        return err_oom(e);
    *ret = buf;
    return 0;
}

void source_bag_disconnect(void *conn) {
    free(conn);
}

void source_bag_close(struct source *src) {
    (void)src;
}

int source_bag_send(struct job *j, struct bag *bag, const char *name, void *buf,
                    const struct source_sink *sink, struct err *e) {
    struct bag_file f = {.fd = -1};
    int r = bag_find(bag, name, &f, e);
    while (r == 0) {
        ssize_t n = bag_file_read(&f, buf, LAYOUT_BUFFER);
        if (n == 0)
            break;
        if (n < 0)
            r = err_sysn(e, (int)n, "cannot read %s in %s", name, bag_shown(bag));
        else if (job_cancelled(j))
            r = err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled");
        else
            r = sink->take(sink->data, buf, (size_t)n, e);
    }
    if (r != -ENOENT)
        bag_file_close(&f);
    return r;
}

/* --- the layout ------------------------------------------------------------------------------ */

static int layout_blob(struct source *src, void *conn, const struct digest *d, unsigned route,
                       const struct source_sink *sink, struct err *e) {
    struct source_layout *l = layout(src);
    char path[256];
    (void)route;
    snprintf(path, sizeof(path), "blobs/%s/%s", digest_algo(d), digest_hex(d));
    int r = source_bag_send(l->job, l->bag, path, conn, sink, e);
    if (r == -ENOENT && e->code == 0)
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "image layout %s has no blob %s",
                       bag_shown(l->bag), d->s);
    return r;
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
    const struct ref *ref = l->ref;
    for (size_t i = 0; ref && i < index->n_manifests; i++) {
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
    struct manifest index = {0};
    char what[300];
    if (!a)
        return err_oom(e);
    int r = bag_read(l->bag, "index.json", doc, e);
    snprintf(what, sizeof(what), "%.280s/index.json", bag_shown(l->bag));
    if (r == -ENOENT && e->code == 0)
        return err_sysn(e, r, "cannot read %s", what);
    if (r == 0)
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
    struct digest d = l->chosen;
    int r = 0;
    if (want)
        d = *want;
    else if (!d.s[0])
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

void source_layout_choose(struct source *src, const struct digest *d) {
    layout(src)->chosen = *d;
}

int source_layout_open(struct job *j, struct bag *bag, const struct ref *ref, const char *shown,
                       struct arena *a, struct source **ret, struct err *e) {
    struct source_layout *l = arena_new_of(a, struct source_layout);
    if (!l)
        return err_oom(e);
    l->base = (struct source){.routes = 1,
                              .connect = source_bag_connect,
                              .disconnect = source_bag_disconnect,
                              .manifest = layout_manifest,
                              .blob = layout_blob,
                              .close = source_bag_close};
    l->job = j;
    l->bag = bag;
    l->ref = ref;
    l->shown = shown;
    *ret = &l->base;
    return 0;
}
