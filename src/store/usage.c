/* SPDX-License-Identifier: Apache-2.0 */
#include "store/usage.h"

#include "store/layer_table.h"

static void usage_split(const struct layer_table *t, struct usage_image *u) {
    struct image *img = &u->image;
    for (size_t i = 0; i < img->config.n_diff_ids; i++) {
        const struct layer_row *row = layer_table_find(t, &img->config.diff_ids[i]);
        bool again = false;
        for (size_t k = 0; k < i && !again; k++)
            again = digest_eq(&img->config.diff_ids[i], &img->config.diff_ids[k]);
        if (!row || again)
            continue;
        *(row->images > 1 ? &u->shared : &u->unique) += row->size;
    }
}

int usage_read(const struct store *s, struct arena *a, struct usage *ret, struct err *e) {
    struct layer_table table;
    struct image *v = NULL;
    struct usage u = {.images = NULL};
    uint64_t ignored;
    int r = layer_table_read(s, a, &table, e);
    if (r == 0)
        r = image_list(s, a, &v, &u.n, e);
    if (r < 0)
        return r;
    u.images = arena_array(a, u.n, struct usage_image);
    if (!u.images)
        return err_oom(e);
    for (size_t i = 0; i < u.n; i++)
        layer_table_count(&table, &v[i], 1, &ignored);
    for (size_t i = 0; i < u.n; i++) {
        u.images[i].image = v[i];
        usage_split(&table, &u.images[i]);
    }
    u.layers = table.n;
    for (size_t i = 0; i < table.n; i++)
        u.layer_bytes += table.v[i].size;
    *ret = u;
    return 0;
}
