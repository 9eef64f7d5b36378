/* SPDX-License-Identifier: Apache-2.0 */
#include "store/prune.h"

#include "base/str.h"
#include "store/image_remove.h"
#include "store/layer_table.h"

#include <string.h>

struct pruning {
    const struct store *s;
    const struct prune_want *want;
    struct layer_table table;
    uint64_t bytes; /* of all layers, as it will be */
    uint64_t freed;
    struct arena *a;
    struct strlist *report;
};

static bool prune_label_holds(const struct image *img, const struct prune_label *l) {
    for (size_t i = 0; i < img->config.n_labels; i++) {
        if (strcmp(img->config.labels[i].key, l->key) == 0)
            return (!l->value || strcmp(img->config.labels[i].value, l->value) == 0) != l->absent;
    }
    return l->absent;
}

static bool prune_chosen(const struct prune_want *want, const struct image *img) {
    int64_t created = 0;
    if (!want->all && img->refs.n)
        return false;
    if (want->before_ns) {
        if (!img->config.created || str_from_rfc3339(img->config.created, &created) < 0)
            created = 0; /* "0001-01-01": older than anything */
        if (created >= want->before_ns)
            return false;
    }
    for (size_t i = 0; i < want->n_labels; i++) {
        if (!prune_label_holds(img, &want->labels[i]))
            return false;
    }
    return !want->in_use || !want->in_use(img->id.s, want->data);
}

static int prune_image(struct pruning *p, const struct image *img, struct err *e) {
    uint64_t gone = 0;
    struct arena *a = p->a;
    int r = 0;
    if (!p->want->dry_run)
        r = image_remove_whole(p->s, img, false, a, p->report, e);
    else if (strlist_addf(a, p->report, "Deleted: %s", img->id.s) < 0)
        r = err_oom(e);
    if (r < 0)
        return r;
    layer_table_count(&p->table, img, -1, &gone);
    p->freed += gone;
    p->bytes -= gone;
    return 0;
}

/* Pulled longest ago first. */
static int prune_compare(const void *pa, const void *pb) {
    const struct image *a = pa, *b = pb;
    return a->pulled_ns < b->pulled_ns ? -1 : a->pulled_ns > b->pulled_ns;
}

static int prune_begin(struct pruning *p, struct image **v, size_t *n, struct err *e) {
    uint64_t one;
    int r = layer_table_read(p->s, p->a, &p->table, e);
    if (r == 0)
        r = image_list(p->s, p->a, v, n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < *n; i++) {
        layer_table_count(&p->table, &(*v)[i], 1, &one);
        p->bytes += one;
    }
    for (size_t i = 0; i < p->table.n; i++) /* layers without an image go in any case */
        p->freed += p->table.v[i].images ? 0 : p->table.v[i].size;
    if (*n)
        qsort(*v, *n, sizeof(**v), prune_compare);
    return 0;
}

int prune_images(const struct store *s, const struct prune_want *want, struct arena *a,
                 struct strlist *report, uint64_t *freed, struct err *e) {
    struct pruning p = {.s = s, .want = want, .a = a, .report = report};
    struct image *v = NULL;
    size_t n = 0, before = report->n;
    AUTO_FD int lock = -1;
    int r = store_lock(s, true, &lock, e);
    if (r == 0)
        r = prune_begin(&p, &v, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (want->keep_bytes && p.bytes <= want->keep_bytes)
            break;
        if (prune_chosen(want, &v[i]))
            r = prune_image(&p, &v[i], e);
    }
    size_t images = report->n;
    if (r == 0 && !want->dry_run)
        r = gc_layers(s, a, report, e);
    if (r < 0)
        return r;
    /* While a pull runs gc leaves the layers alone: then nothing has been freed yet. */
    bool waits = !want->dry_run && images == report->n && (images > before || p.freed);
    *freed = waits ? 0 : p.freed;
    return 0;
}
