/* SPDX-License-Identifier: Apache-2.0 */
/* skopeo's dir: manifest.json is the manifest, <hex>.manifest.json one of an index, <hex> a blob.
 */
#include "registry/source_bag.h"

#include <stdio.h>

struct source_dir {
    struct source base;
    struct job *job;
    struct bag *bag;
};

static struct source_dir *dir(struct source *src) {
    return (struct source_dir *)(void *)((char *)src - offsetof(struct source_dir, base));
}

static int dir_missing(const struct source_dir *d, const char *name, int r, struct err *e) {
    return r == -ENOENT && e->code == 0
               ? err_set(e, ERR_NOT_FOUND, -ENOENT, "%s has no file %s", bag_shown(d->bag), name)
               : r;
}

static int dir_blob(struct source *src, void *conn, const struct digest *want, unsigned route,
                    const struct source_sink *sink, struct err *e) {
    struct source_dir *d = dir(src);
    (void)route;
    int r = source_bag_send(d->job, d->bag, digest_hex(want), conn, sink, e);
    return dir_missing(d, digest_hex(want), r, e);
}

static int dir_manifest(struct source *src, void *conn, const struct digest *want, struct str *doc,
                        struct digest *named, struct err *e) {
    struct source_dir *d = dir(src);
    char name[160] = "manifest.json";
    (void)conn;
    if (want)
        snprintf(name, sizeof(name), "%s.manifest.json", digest_hex(want));
    int r = bag_read(d->bag, name, doc, e);
    *named = want ? *want : (struct digest){""};
    return dir_missing(d, name, r, e);
}

int source_dir_open(struct job *j, struct bag *bag, struct arena *a, struct source **ret,
                    struct err *e) {
    struct source_dir *d = arena_new_of(a, struct source_dir);
    if (!d)
        return err_oom(e);
    d->base = (struct source){.routes = 1,
                              .connect = source_bag_connect,
                              .disconnect = source_bag_disconnect,
                              .manifest = dir_manifest,
                              .blob = dir_blob,
                              .close = source_bag_close};
    d->job = j;
    d->bag = bag;
    *ret = &d->base;
    return 0;
}
