/* SPDX-License-Identifier: Apache-2.0 */
/* image tree: the layers of an image, and which images stand on them. */
#include "engine/engine.h"

#include "base/json.h"
#include "base/str.h"
#include "spec/ref.h"

static js *tree_names(const struct image *img, struct arena *a) {
    js *v = js_new_array();
    struct ref ref;
    struct err ignored = {0};
    for (size_t i = 0; i < img->refs.n; i++)
        if (ref_parse(img->refs.v[i], a, &ref, &ignored) == 0)
            js_push_str(v, ref_familiar(&ref, a));
    return v;
}

/* Do the first n layers agree? */
static bool tree_shares(const struct img_config *x, const struct img_config *y, size_t n) {
    if (x->n_diff_ids < n || y->n_diff_ids < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!digest_eq(&x->diff_ids[i], &y->diff_ids[i]))
            return false;
    return true;
}

/* Images whose last layer is this one, the image itself too. */
static js *tree_tops(const struct image *img, size_t n, const struct image *all, size_t nall,
                     struct arena *a) {
    js *v = js_new_array();
    for (size_t i = 0; i < nall; i++)
        if (all[i].config.n_diff_ids == n && tree_shares(&img->config, &all[i].config, n)) {
            AUTO_JS js *names = tree_names(&all[i], a);
            for (size_t k = 0; k < js_len(names); k++)
                js_push(v, js_ref(js_at(names, k)));
            if (js_len(names) == 0)
                js_push_str(v, all[i].id.s);
        }
    return v;
}

static js *tree_document(const struct store *s, const struct image *img, const struct image *all,
                         size_t nall, struct arena *a) {
    const struct img_config *c = &img->config;
    js *o = js_new_object(), *layers = js_new_array(), *users = js_new_array();
    js_set_str(o, "Id", img->id.s);
    js_set(o, "Tags", tree_names(img, a));
    js_set_u64(o, "Size", img->size);
    for (size_t i = 0; i < c->n_diff_ids; i++) {
        js *l = js_new_object();
        uint64_t size = 0;
        (void)layer_size(s, &c->diff_ids[i], &size);
        js_set_str(l, "Id", c->diff_ids[i].s);
        js_set_u64(l, "Size", size);
        js_set(l, "TopOf", tree_tops(img, i + 1, all, nall, a));
        js_push(layers, l);
    }
    js_set(o, "Layers", layers);
    for (size_t i = 0; i < nall; i++)
        if (all[i].config.n_diff_ids > c->n_diff_ids && c->n_diff_ids > 0 &&
            tree_shares(c, &all[i].config, c->n_diff_ids)) {
            js *u = js_new_object();
            js_set_str(u, "Id", all[i].id.s);
            js_set(u, "Tags", tree_names(&all[i], a));
            js_push(users, u);
        }
    js_set(o, "UsedBy", users);
    return o;
}

int hako_image_tree(hako_engine *g, const char *name, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct image img = {0}, *all = NULL;
    size_t n = 0;
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = image_find(s, name, a, &img, e);
    if (r == 0)
        r = image_describe(s, a, &img, e);
    if (r == 0)
        r = image_list(s, a, &all, &n, e);
    if (r < 0)
        return r;
    AUTO_JS js *doc = tree_document(s, &img, all, n, a);
    AUTO_STR struct str text = STR_INIT(0);
    if (js_print(doc, JS_COMPACT, &text) < 0)
        return err_oom(e);
    *ret_json = str_take(&text);
    return 0;
}
