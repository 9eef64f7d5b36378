/* SPDX-License-Identifier: Apache-2.0 */
#include "store/add.h"

#include "store/unpack.h"

#include <string.h>

struct add {
    const struct store *store;
    bool no_sync;
    struct layer_writer w;
    struct unpack *unpack;
    bool ended;
};

int add_begin(const struct store *s, const struct add_want *want, struct add **ret, struct err *e) {
    struct add *a = calloc(1, sizeof(*a));
    if (!a)
        return err_oom(e);
    a->store = s;
    a->no_sync = want->no_sync;
    int r = layer_begin(s, want->diff_id.s[0] ? &want->diff_id : NULL, &a->w, e);
    if (r != 0) {
        free(a);
        return r;
    }
    const struct unpack_want inner = {.dirfd = a->w.dirfd,
                                      .userxattr = s->userxattr,
                                      .record = true,
                                      .homefd = a->w.homefd,
                                      .blob = want->blob,
                                      .diff_id = want->diff_id,
                                      .blob_size = want->blob_size,
                                      .max_bytes = want->max_bytes};
    r = unpack_start(&inner, &a->unpack, e);
    if (r < 0) {
        add_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

int add_feed(struct add *a, const void *p, size_t n, struct err *e) {
    return unpack_feed(a->unpack, p, n, e);
}

int add_finish(struct add *a, struct unpack_result *ret, struct err *e) {
    struct unpack_result res;
    int r = unpack_finish(a->unpack, &res, e);
    if (r < 0)
        return r;
    a->w.no_sync = a->no_sync;
    a->ended = true; /* layer_commit ends the writer, whatever comes of it */
    r = layer_commit(a->store, &res.diff_id, &a->w, res.size, e);
    if (r == 0)
        *ret = res;
    return r;
}

void add_free(struct add *a) {
    if (!a)
        return;
    unpack_free(a->unpack);
    if (!a->ended)
        layer_abort(a->store, &a->w);
    free(a);
}
