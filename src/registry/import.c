/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/import.h"

#include "base/io.h"
#include "base/json.h"
#include "http/fetch.h"
#include "registry/helper.h"
#include "store/add.h"
#include "store/unpack_hash.h"

#include <fcntl.h>
#include <string.h>

#define IMPORT_CHUNK ((size_t)256 << 10)
#define IMPORT_MAX_CONFIG ((size_t)8 << 20)
#define TELL_EVERY_NS ((int64_t)100 * 1000 * 1000)

struct import {
    struct job *job;
    const struct import_request *rq;
    struct add *add;
    uint64_t done;
    int64_t told_ns;
};

static int import_take(struct import *m, const void *p, size_t n, struct err *e) {
    static const struct digest none = {"sha256:000000000000"};
    int r = add_feed(m->add, p, n, e);
    m->done += n;
    if (r == 0 && now_mono_ns() - m->told_ns >= TELL_EVERY_NS) {
        m->told_ns = now_mono_ns();
        job_progress(m->job, &none, LOAD_LOADING, m->done, 0);
    }
    if (r == 0 && job_cancelled(m->job))
        r = err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled");
    return r;
}

static int import_take_net(void *data, const struct fetch_head *head, const void *p, size_t n,
                           struct err *e) {
    (void)head;
    return import_take(data, p, n, e);
}

static bool import_stop(void *data) {
    return job_cancelled(((struct import *)data)->job);
}

static int import_url(struct import *m, struct err *e) {
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX);
    struct fetch *f = NULL;
    struct fetch_head head;
    const struct fetch_want w = {.url = m->rq->url,
                                 .plain_ok = true, /* the user has written http:// */
                                 .body = import_take_net,
                                 .stop = import_stop,
                                 .data = m};
    int r = fetch_setup(e);
    if (r == 0)
        r = fetch_new(&f, e);
    if (r == 0)
        r = fetch_run(f, &w, &head, &text, e);
    if (r == 0 && head.status / 100 != 2)
        r = err_set(e, ERR_UNAVAILABLE, -EREMOTEIO, "%s answers with status %ld", m->rq->url,
                    head.status);
    fetch_free(f);
    return r;
}

static int import_file(struct import *m, struct err *e) {
    AUTO_FD int mine = m->rq->path ? open(m->rq->path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
    int fd = m->rq->path ? mine : m->rq->fd;
    const char *shown = m->rq->path ? m->rq->path : "standard input";
    if (fd < 0)
        return err_sys(e, "cannot open %s", shown);
    char *buf = malloc(IMPORT_CHUNK);
    int r = buf ? 0 : err_oom(e);
    while (r == 0) {
        ssize_t n = read(fd, buf, IMPORT_CHUNK);
        if (n == 0)
            break;
        if (n > 0)
            r = import_take(m, buf, (size_t)n, e);
        else if (errno != EINTR)
            r = err_sys(e, "cannot read %s", shown);
    }
    free(buf);
    return r;
}

/* The configuration as given, with rootfs and one line of history. */
static int import_config(const struct import_request *rq, const struct digest *diff_id,
                         struct str *ret, struct err *e) {
    char when[36];
    AUTO_JS js *doc = NULL;
    int r = js_parse(rq->config, strlen(rq->config), "configuration of the import", &doc, e);
    if (r < 0)
        return r;
    js *rootfs = js_new_object(), *ids = js_new_array(), *history = js_new_array();
    js *entry = js_new_object();
    str_rfc3339(rq->created_ns ? rq->created_ns : now_unix_ns(), when);
    r = rootfs && ids && history && entry ? js_set_str(doc, "created", when) : -ENOMEM;
    if (r == 0)
        r = js_push_str(ids, diff_id->s);
    if (r == 0)
        r = js_set_str(rootfs, "type", "layers");
    if (r == 0)
        r = js_set(rootfs, "diff_ids", ids);
    if (r == 0)
        r = js_set(doc, "rootfs", rootfs);
    if (r == 0)
        r = js_set_str(entry, "created", when);
    if (r == 0)
        r = js_set_str(entry, "comment", rq->comment);
    if (r == 0)
        r = js_push(history, entry);
    if (r == 0)
        r = js_set(doc, "history", history);
    if (r == 0)
        r = js_print(doc, JS_COMPACT, ret);
    return r < 0 ? err_oom(e) : 0;
}

static int import_commit(struct import *m, const struct unpack_result *layer, struct digest *ret,
                         struct err *e) {
    AUTO_STR struct str config = STR_INIT(IMPORT_MAX_CONFIG);
    struct digest id;
    int r = import_config(m->rq, &layer->diff_id, &config, e);
    if (r == 0)
        r = unpack_hash_bytes(str_c(&config), config.len, &(struct digest){""}, &id, e);
    if (r < 0)
        return r;
    const struct image_commit c = {.ref = m->rq->ref,
                                   .config = str_c(&config),
                                   .config_len = config.len,
                                   .config_digest = id,
                                   .size = layer->size};
    r = image_commit(m->rq->store, &c, e);
    if (r == 0)
        *ret = id;
    return r;
}

static int import_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct import_request *rq = data;
    struct import m = {.job = j, .rq = rq};
    const struct add_want want = {.max_bytes = rq->max_layer_bytes};
    struct unpack_result layer;
    AUTO_FD int lock = -1;
    int r = store_pulling(rq->store, &lock, e);
    if (r == 0)
        r = add_begin(rq->store, &want, &m.add, e);
    if (r == 0)
        r = rq->path || !rq->url ? import_file(&m, e) : import_url(&m, e);
    if (r == 0)
        r = add_finish(m.add, &layer, e);
    add_free(m.add);
    return r < 0 ? r : import_commit(&m, &layer, result, e);
}

int import_image(const struct import_request *rq, struct digest *ret, struct err *e) {
    const struct helper_task t = {.what = "import",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {rq->path || rq->url ? -1 : rq->fd, -1, -1},
                                  .work = import_work,
                                  .rq = rq,
                                  .progress = rq->progress,
                                  .data = rq->data};
    return helper_run(&t, ret, sizeof(*ret), NULL, e);
}
