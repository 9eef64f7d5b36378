/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/load.h"

#include "base/io.h"
#include "registry/helper.h"
#include "registry/source_bag.h"
#include "registry/transfer.h"

#include <string.h>

#define LOAD_MAX_REPLY ((size_t)4 << 20)

struct load {
    struct job *job;
    const struct load_request *rq;
    struct arena *a;
    struct bag *bag;
    struct platform host;
    struct docker_item *items; /* of manifest.json, when there is one */
    size_t n_items;
    size_t loaded;
};

/* --- names ----------------------------------------------------------------------------------- */

/* "debian:12" → docker.io/library/debian:12; a bare word, as umoci writes it, is podman's
 * localhost/word. What is no name at all is left out. */
static int load_name(struct load *l, const char *text, bool bare_is_tag, struct strlist *ret,
                     struct err *e) {
    struct ref ref;
    struct err bad;
    if (str_empty(text))
        return 0;
    if (bare_is_tag && !strpbrk(text, "/:"))
        text = arena_printf(l->a, "localhost/%s", text);
    if (!text)
        return err_oom(e);
    if (ref_parse(text, l->a, &ref, &bad) < 0 || ref.digest.s[0])
        return 0;
    const char *full = ref_full(&ref, l->a);
    if (!full || (!strlist_has(ret, full) && strlist_add(l->a, ret, full) < 0))
        return err_oom(e);
    return 0;
}

static bool load_selected(const struct load *l, const struct strlist *names, const char *tag) {
    const char *want = l->rq->select;
    struct ref ref;
    struct err bad;
    if (!want || str_eq(want, tag))
        return true;
    if (ref_parse(want, l->a, &ref, &bad) < 0)
        return false;
    const char *full = ref_full(&ref, l->a);
    return full && strlist_has(names, full);
}

static int load_report(struct load *l, const struct digest *id, const struct strlist *names,
                       struct err *e) {
    AUTO_STR struct str line = STR_INIT(LOAD_MAX_REPLY);
    AUTO_JS js *doc = js_new_object();
    js *list = js_new_array();
    int r = doc && list ? js_set_str(doc, "id", id->s) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < names->n; i++)
        r = js_push_str(list, names->v[i]);
    if (r == 0)
        r = js_set(doc, "names", list);
    if (r == 0)
        r = js_print(doc, JS_COMPACT, &line);
    if (r == 0)
        r = str_addc(&line, '\n');
    if (r == 0 && l->job->reply >= 0)
        r = io_write_all(l->job->reply, line.s, line.len);
    return r < 0 ? err_sysn(e, r, "cannot report what was loaded") : 0;
}

/* --- one image ------------------------------------------------------------------------------- */

static int load_tag(struct load *l, const struct digest *id, const struct strlist *names,
                    struct err *e) {
    const struct image img = {.id = *id};
    int r = 0;
    for (size_t i = 0; r == 0 && i < names->n; i++) {
        struct ref ref;
        r = ref_parse(names->v[i], l->a, &ref, e);
        if (r == 0)
            r = image_tag(l->rq->store, &img, &ref, e);
    }
    return r;
}

/* The names that manifest.json of the same archive gives this image. */
static int load_docker_names(struct load *l, const struct digest *id, struct strlist *names,
                             struct err *e) {
    int r = 0;
    for (size_t i = 0; i < l->n_items; i++) {
        const struct docker_item *item = &l->items[i];
        if (!strstr(item->config, digest_hex(id)))
            continue;
        for (size_t k = 0; r == 0 && k < item->names.n; k++)
            r = load_name(l, item->names.v[k], false, names, e);
    }
    return r;
}

static int load_image(struct load *l, struct source *src, const struct digest *document,
                      struct strlist *names, struct err *e) {
    const struct load_request *rq = l->rq;
    struct pull_result got;
    struct transfer_want w = {.job = l->job,
                              .store = rq->store,
                              .src = src,
                              .shown = names->n ? names->v[0] : bag_shown(l->bag),
                              .platform = rq->platform ? rq->platform : &l->host,
                              .any_platform = !rq->platform,
                              .document = document,
                              .no_pin = true,
                              .max_layer_bytes = rq->max_layer_bytes};
    int r = src->connect(src, &w.conn, e);
    if (r == 0)
        r = transfer_image(&w, &got, e);
    if (r < 0)
        return r;
    src->disconnect(w.conn);
    if (names->n == 0)
        r = load_docker_names(l, &got.config, names, e);
    if (r == 0 && names->n == 0)
        r = load_name(l, rq->name, false, names, e);
    if (r == 0)
        r = load_tag(l, &got.config, names, e);
    if (r == 0)
        r = load_report(l, &got.config, names, e);
    l->loaded += r == 0;
    return r;
}

/* --- the three kinds of bag ------------------------------------------------------------------ */

static int load_docker(struct load *l, struct err *e) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->n_items; i++) {
        struct strlist names = {NULL, 0, 0};
        struct source *src = NULL;
        for (size_t k = 0; r == 0 && k < l->items[i].names.n; k++)
            r = load_name(l, l->items[i].names.v[k], false, &names, e);
        if (r < 0 || !load_selected(l, &names, NULL))
            continue;
        r = source_docker_open(l->job, l->bag, &l->items[i], l->a, &src, e);
        if (r == 0)
            r = load_image(l, src, NULL, &names, e);
    }
    return r;
}

static int load_entry(struct load *l, struct source *src, const js *entry, struct err *e) {
    const js *notes = js_get(entry, "annotations");
    const char *tag = js_get_str(notes, "org.opencontainers.image.ref.name");
    const char *full = js_get_str(notes, "io.containerd.image.name");
    struct strlist names = {NULL, 0, 0};
    struct digest d;
    const char *text = js_get_str(entry, "digest");
    int r = digest_parse(text ? text : "", "an entry of index.json", &d, e);
    if (r == 0)
        r = load_name(l, full ? full : tag, !full, &names, e);
    if (r < 0 || !load_selected(l, &names, tag))
        return r;
    return load_image(l, src, &d, &names, e);
}

static int load_layout(struct load *l, struct err *e) {
    AUTO_STR struct str text = STR_INIT(SOURCE_MAX_MANIFEST);
    AUTO_JS js *doc = NULL;
    struct source *src = NULL;
    int r = bag_read(l->bag, "index.json", &text, e);
    if (r == -ENOENT && e->code == 0)
        return err_set(e, ERR_CORRUPT, r, "%s has no index.json", bag_shown(l->bag));
    if (r == 0)
        r = js_parse(str_c(&text), text.len, "index.json", &doc, e);
    if (r == 0)
        r = source_layout_open(l->job, l->bag, NULL, bag_shown(l->bag), l->a, &src, e);
    const js *list = js_get(doc, "manifests");
    if (r == 0 && (js_type(list) != JS_ARRAY || js_len(list) > IMG_MAX_INDEX))
        r = err_set(e, ERR_CORRUPT, -EINVAL, "index.json of %s: expected at most %d manifests",
                    bag_shown(l->bag), IMG_MAX_INDEX);
    for (size_t i = 0; r == 0 && i < js_len(list); i++)
        r = load_entry(l, src, js_at(list, i), e);
    return r;
}

static int load_dir(struct load *l, struct err *e) {
    struct strlist names = {NULL, 0, 0};
    struct source *src = NULL;
    int r = source_dir_open(l->job, l->bag, l->a, &src, e);
    return r < 0 ? r : load_image(l, src, NULL, &names, e);
}

/* manifest.json is a list in docker's archives and one manifest in skopeo's dir: */
static int load_any(struct load *l, struct err *e) {
    AUTO_STR struct str text = STR_INIT(JS_MAX_BYTES);
    int r = bag_read(l->bag, "manifest.json", &text, e);
    bool has = r == 0;
    if (r < 0 && e->code != 0)
        return r;
    const char *p = str_c(&text);
    bool list = p[strspn(p, " \t\r\n")] == '[';
    if (has && list) {
        r = source_docker_parse(p, text.len, "manifest.json", l->a, &l->items, &l->n_items, e);
        if (r < 0)
            return r;
    }
    if (bag_has(l->bag, "oci-layout") || (!has && bag_has(l->bag, "index.json")))
        return load_layout(l, e);
    if (has)
        return list ? load_docker(l, e) : load_dir(l, e);
    if (bag_has(l->bag, "repositories"))
        return err_set(e, ERR_CORRUPT, -EOPNOTSUPP,
                       "%s was written by a docker before 1.10: save it again with a newer one",
                       bag_shown(l->bag));
    return err_set(e, ERR_CORRUPT, -EINVAL,
                   "%s is no image: it has neither manifest.json nor index.json (for a root file "
                   "system, use hako import)",
                   bag_shown(l->bag));
}

static int load_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct load_request *rq = data;
    struct load *l = calloc(1, sizeof(*l)); /* a blocked thread may outlive the work */
    AUTO_FD int lock = -1;
    (void)result;
    if (!l)
        return err_oom(e);
    *l = (struct load){.job = j, .rq = rq, .a = arena_new()};
    int r = l->a ? platform_parse(NULL, l->a, &l->host, e) : err_oom(e);
    if (r == 0)
        r = store_pulling(rq->store, &lock, e);
    if (r == 0)
        r = bag_open(rq->path, rq->fd, rq->store->tmpfd, l->a, &l->bag, e);
    if (r == 0)
        r = load_any(l, e);
    if (r == 0 && l->loaded == 0)
        r = err_set(e, ERR_NOT_FOUND, -ENOENT,
                    rq->select ? "%s has no image %s" : "%s has no image%s", bag_shown(l->bag),
                    rq->select ? rq->select : "");
    return r;
}

int load_images(const struct load_request *rq, struct str *names, struct err *e) {
    const struct helper_task t = {.what = "load",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {rq->path ? -1 : rq->fd, -1, -1},
                                  .work = load_work,
                                  .rq = rq,
                                  .progress = rq->progress,
                                  .data = rq->data};
    return helper_run(&t, NULL, 0, names, e);
}
