/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/storejob.h"

#include "base/io.h"
#include "base/json.h"
#include "registry/helper.h"
#include "store/add.h"
#include "store/unpack_hash.h"

#include <string.h>

#define COMMIT_MAX_CONFIG ((size_t)8 << 20)
/* The tar of no change: 1024 zeros. No layer is made of it. */
#define COMMIT_EMPTY "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

struct commit {
    struct job *job;
    struct add *add;
};

static int commit_take(void *data, const void *p, size_t n, struct err *e) {
    struct commit *c = data;
    if (job_cancelled(c->job))
        return err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled");
    return add_feed(c->add, p, n, e);
}

static int commit_layer(struct job *j, const struct commit_request *rq, struct unpack_result *ret,
                        struct err *e) {
    struct commit c = {.job = j};
    const struct add_want want = {.max_bytes = 0};
    const struct tar_sink sink = {commit_take, &c};
    int r = add_begin(rq->store, &want, &c.add, e);
    if (r == 0 && rq->squash)
        r = snapshot_tar_export(rq->squash, &rq->omit, &sink, e);
    else if (r == 0)
        r = snapshot_tar_diff(rq->upperfd, &rq->omit, &sink, e);
    if (r == 0)
        r = add_finish(c.add, ret, e);
    add_free(c.add);
    return r;
}

/* doc.key, an array (or made one). */
static js *commit_array(js *doc, const char *key) {
    js *v = js_get(doc, key);
    if (v && js_type(v) == JS_ARRAY)
        return v;
    v = js_new_array();
    return v && js_set(doc, key, v) == 0 ? js_get(doc, key) : NULL;
}

static js *commit_object(js *doc, const char *key) {
    js *v = js_get(doc, key);
    if (v && js_type(v) == JS_OBJECT)
        return v;
    v = js_new_object();
    return v && js_set(doc, key, v) == 0 ? js_get(doc, key) : NULL;
}

static int commit_history(const struct commit_request *rq, js *doc, const char *when, bool empty) {
    if (rq->squash)
        js_del(doc, "history");
    js *history = commit_array(doc, "history"), *entry = js_new_object();
    int r = history && entry ? js_set_str(entry, "created", when) : -ENOMEM;
    if (r == 0)
        r = js_set_str(entry, "created_by", rq->created_by);
    if (r == 0)
        r = js_set_str(entry, "author", rq->author);
    if (r == 0)
        r = js_set_str(entry, "comment", rq->comment);
    if (r == 0 && empty)
        r = js_set_bool(entry, "empty_layer", true);
    if (r < 0) {
        js_free(entry);
        return r;
    }
    return js_push(history, entry);
}

static int commit_rootfs(const struct commit_request *rq, js *doc, const struct digest *diff_id) {
    js *rootfs = commit_object(doc, "rootfs");
    if (!rootfs)
        return -ENOMEM;
    if (rq->squash)
        js_del(rootfs, "diff_ids");
    int r = js_set_str(rootfs, "type", "layers");
    js *ids = r == 0 ? commit_array(rootfs, "diff_ids") : NULL;
    if (!ids)
        return -ENOMEM;
    return diff_id->s[0] ? js_push_str(ids, diff_id->s) : 0;
}

static int commit_config(const struct commit_request *rq, const struct digest *diff_id,
                         struct str *ret, struct err *e) {
    char when[36];
    AUTO_JS js *doc = NULL;
    int r = js_parse(rq->config, strlen(rq->config), "configuration of the new image", &doc, e);
    if (r < 0)
        return r;
    str_rfc3339(now_unix_ns(), when);
    r = js_set_str(doc, "created", when);
    if (r == 0)
        r = js_set_str(doc, "author", rq->author);
    if (r == 0)
        r = commit_rootfs(rq, doc, diff_id);
    if (r == 0)
        r = commit_history(rq, doc, when, !diff_id->s[0]);
    if (r == 0)
        r = js_print(doc, JS_COMPACT, ret);
    return r < 0 ? err_oom(e) : 0;
}

/* The sum of the new image's layers. */
static int commit_size(const struct store *s, const struct str *config, uint64_t *ret,
                       struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct img_config c;
    if (!a)
        return err_oom(e);
    int r =
        img_config_decode(str_c(config), config->len, "configuration of the new image", a, &c, e);
    for (size_t i = 0; r == 0 && i < c.n_diff_ids; i++) {
        uint64_t one;
        if (layer_size(s, &c.diff_ids[i], &one) == 0)
            *ret += one;
    }
    return r;
}

static int commit_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct commit_request *rq = data;
    struct commit_result *ret = result;
    AUTO_STR struct str config = STR_INIT(COMMIT_MAX_CONFIG);
    AUTO_FD int lock = -1;
    struct unpack_result layer = {0};
    struct digest id;
    uint64_t size = 0;
    int r = store_pulling(rq->store, &lock, e);
    if (r == 0)
        r = commit_layer(j, rq, &layer, e);
    if (r < 0)
        return r;
    if (strcmp(layer.diff_id.s, COMMIT_EMPTY) == 0)
        layer.diff_id.s[0] = '\0';
    r = commit_config(rq, &layer.diff_id, &config, e);
    if (r == 0)
        r = unpack_hash_bytes(str_c(&config), config.len, &(struct digest){""}, &id, e);
    if (r == 0)
        r = commit_size(rq->store, &config, &size, e);
    if (r < 0)
        return r;
    const struct image_commit c = {.ref = rq->ref,
                                   .config = str_c(&config),
                                   .config_len = config.len,
                                   .config_digest = id,
                                   .size = size};
    r = image_commit(rq->store, &c, e);
    if (r == 0)
        *ret = (struct commit_result){id, layer.diff_id};
    return r;
}

int storejob_commit(const struct commit_request *rq, struct commit_result *ret, struct err *e) {
    const struct helper_task t = {.what = "commit",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {rq->upperfd, -1, -1},
                                  .work = commit_work,
                                  .rq = rq};
    return helper_run(&t, ret, sizeof(*ret), NULL, e);
}

/* --- check ---------------------------------------------------------------------------------- */

struct check_job {
    struct job *job;
    const struct check_request *rq;
    struct err e;
};

const char *storejob_kind(enum check_kind kind) {
    static const char *const words[] = {
        [CHECK_LAYER_MISSING] = "missing", [CHECK_LAYER_DAMAGED] = "damaged",
        [CHECK_LAYER_CHANGED] = "changed", [CHECK_LAYER_UNRECORDED] = "unrecorded",
        [CHECK_LAYER_UNUSED] = "unused",   [CHECK_IMAGE_BROKEN] = "broken",
        [CHECK_REF_DANGLING] = "dangling"};
    return words[kind];
}

static const char *check_in_use(const char *image_id, void *data) {
    const struct check_request *rq = ((struct check_job *)data)->rq;
    for (size_t i = 0; i < rq->n_used; i++) {
        if (strcmp(rq->used[i], image_id) == 0)
            return image_id;
    }
    return NULL;
}

static int check_print(const struct check_finding *f, struct str *line) {
    AUTO_JS js *doc = js_new_object();
    int r = doc ? js_set_str(doc, "kind", storejob_kind(f->kind)) : -ENOMEM;
    if (r == 0)
        r = js_set_str(doc, "what", f->what);
    if (r == 0)
        r = js_set_str(doc, "why", f->why);
    if (r == 0)
        r = js_set_str(doc, "image", f->image);
    if (r == 0)
        r = js_set_str(doc, "pull", f->pull);
    if (r == 0)
        r = js_set_bool(doc, "repaired", f->repaired);
    if (r == 0)
        r = js_print(doc, JS_COMPACT, line);
    return r < 0 ? r : str_addc(line, '\n');
}

static int check_found(const struct check_finding *f, void *data) {
    struct check_job *c = data;
    AUTO_STR struct str line = STR_INIT(64 << 10);
    if (job_cancelled(c->job))
        return err_set(&c->e, ERR_INTERNAL, -ECANCELED, "cancelled");
    int r = check_print(f, &line);
    if (r == 0 && c->job->reply >= 0)
        r = io_write_all(c->job->reply, line.s, line.len);
    return r < 0 ? err_sysn(&c->e, r, "cannot report what was found") : 0;
}

static int check_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct check_request *rq = data;
    struct check_job c = {.job = j, .rq = rq};
    const struct check_want want = {.quick = rq->quick,
                                    .repair = rq->repair,
                                    .in_use = check_in_use,
                                    .in_use_data = &c,
                                    .found = check_found,
                                    .data = &c};
    err_clear(&c.e);
    int r = check_store(rq->store, &want, result, e);
    if (r < 0 && c.e.code)
        *e = c.e;
    return r;
}

int storejob_check(const struct check_request *rq, struct check_result *ret, struct str *reply,
                   struct err *e) {
    const struct helper_task t = {.what = "check",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {-1, -1, -1},
                                  .work = check_work,
                                  .rq = rq};
    return helper_run(&t, ret, sizeof(*ret), reply, e);
}
