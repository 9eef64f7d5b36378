/* SPDX-License-Identifier: Apache-2.0 */
/* import and export: a root file system's tar becomes an image, a container becomes a tar. */
#include "base/json.h"
#include "base/str.h"
#include "engine/change.h"
#include "engine/container.h"
#include "engine/move.h"
#include "engine/trust.h"
#include "store/snapshot.h"

#include <fcntl.h>
#include <string.h>

static int import_config(const struct hako_import_options *o, const struct platform *p,
                         struct str *ret, struct err *e) {
    AUTO_JS js *doc = js_new_object();
    js *config = js_new_object();
    int r = doc && config ? js_set_str(doc, "architecture", p->arch) : -ENOMEM;
    if (r == 0)
        r = js_set_str(doc, "os", p->os);
    if (r == 0)
        r = js_set_str(doc, "variant", p->variant);
    for (size_t i = 0; r == 0 && i < o->change.n; i++)
        if ((r = change_apply(config, o->change.v[i], e)) < 0) {
            js_free(config);
            return r;
        }
    if (r == 0)
        r = js_set(doc, "config", config);
    if (r == 0)
        r = js_print(doc, JS_COMPACT, ret);
    return r < 0 ? err_oom(e) : 0;
}

int hako_image_import(hako_engine *g, const struct hako_import_options *o, char ret_id[136],
                      hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str config = STR_INIT((size_t)4 << 20);
    const struct registry_module *m = NULL;
    const struct store *s = NULL;
    struct platform platform;
    struct digest id;
    struct ref ref;
    bool url = o->source && (str_starts(o->source, "http://") || str_starts(o->source, "https://"));
    struct move_teller tell = {MOVE_LOAD, o->progress, o->data};
    struct import_request rq = {.path = url ? NULL : o->source,
                                .url = url ? o->source : NULL,
                                .fd = o->fd,
                                .created_ns = o->created_ns,
                                .comment = o->message ? o->message : "Imported",
                                .userns_fd = -1,
                                .progress = o->progress ? move_tell : NULL,
                                .data = &tell};
    int r = a ? platform_parse(o->platform, a, &platform, e) : err_oom(e);
    if (r == 0)
        r = trust_load(g, "tarball", o->source, e);
    if (r == 0 && o->reference) {
        r = ref_parse(o->reference, a, &ref, e);
        if (r == 0 && ref.digest.s[0])
            r = err_set(e, ERR_USAGE, -EINVAL, "%s: a digest cannot be given to a new image",
                        o->reference);
        rq.ref = &ref;
    }
    if (r == 0)
        r = import_config(o, &platform, &config, e);
    if (r == 0)
        r = move_open(g, &m, &s, e);
    if (r < 0 || !m)
        return r;
    rq.config = str_c(&config);
    rq.store = s;
    r = m->import(&rq, &id, e);
    if (r == 0)
        (void)str_copy(ret_id, sizeof(id.s), id.s);
    return r;
}

int hako_container_export(hako_container *c, int fd, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct registry_module *m = NULL;
    const struct store *s = NULL;
    struct snapshot sn;
    struct image img;
    AUTO_FD int lock = -1;
    int r = a ? move_open(c->g, &m, &s, e) : err_oom(e);
    if (r == 0)
        r = store_lock(s, false, &lock, e);
    if (r == 0)
        r = image_find(s, c->rec.image_id, a, &img, e);
    if (r == 0)
        r = snapshot_paths(s, &img, c->path, a, &sn, e);
    const struct export_request rq = {.snapshot = &sn, .fd = fd, .store = s, .userns_fd = -1};
    return r < 0 ? r : m->export(&rq, e);
}
