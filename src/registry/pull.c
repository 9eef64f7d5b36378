/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/pull.h"

#include "registry/helper.h"
#include "registry/source_bag.h"
#include "registry/transfer.h"
#include "registry/trust.h"

static int pull_open(struct job *j, const struct pull_request *rq, const char *shown,
                     struct arena *a, struct source **ret, struct err *e) {
    struct bag *bag = NULL;
    if (!rq->layout_dir)
        return source_net_open(j, rq->ref, &rq->access, shown, a, ret, e);
    int r = bag_open(rq->layout_dir, -1, rq->store->tmpfd, a, &bag, e);
    return r < 0 ? r : source_layout_open(j, bag, rq->ref, shown, a, ret, e);
}

static int pull_allowed(const struct transfer_want *w, const struct digest *top,
                        const struct digest *at, struct err *e) {
    const struct pull_request *rq = w->data;
    const struct trust_subject s = {
        .job = w->job, .ref = rq->ref, .access = &rq->access, .top = *top, .at = *at};
    return trust_check(rq->trust, &s, e);
}

/* What is opened here stays until the process ends: threads may still look at it. */
static int pull_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct pull_request *rq = data;
    struct arena *a = arena_new();
    struct platform host;
    AUTO_FD int lock = -1;
    const char *shown = a ? ref_familiar(rq->ref, a) : NULL;
    struct transfer_want w = {.job = j,
                              .store = rq->store,
                              .shown = shown,
                              .platform = rq->platform ? rq->platform : &host,
                              .document = rq->pinned,
                              .ref = rq->ref,
                              .allowed = rq->trust ? pull_allowed : NULL,
                              .data = rq,
                              .max_layer_bytes = rq->max_layer_bytes};
    _Static_assert(sizeof(struct pull_result) <= JOB_RESULT_MAX, "it has room in a message");
    int r = shown ? platform_parse(NULL, a, &host, e) : err_oom(e);
    if (r == 0)
        r = store_pulling(rq->store, &lock, e);
    if (r == 0)
        r = pull_open(j, rq, shown, a, &w.src, e);
    if (r == 0)
        r = w.src->connect(w.src, &w.conn, e);
    if (r == 0)
        r = rq->all_platforms ? transfer_all_platforms(&w, result, e)
                              : transfer_image(&w, result, e);
    return r;
}

int pull_image(const struct pull_request *rq, struct pull_result *ret, struct err *e) {
    const struct helper_task t = {.what = "pull",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {-1, -1, -1},
                                  .work = pull_work,
                                  .rq = rq,
                                  .progress = rq->progress,
                                  .data = rq->data};
    return helper_run(&t, ret, sizeof(*ret), NULL, e);
}
