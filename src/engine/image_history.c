/* SPDX-License-Identifier: Apache-2.0 */
/* docker history's rows: the steps that an image's configuration tells, newest first. */
#include "engine/engine.h"

#include "base/json.h"
#include "base/str.h"
#include "spec/ref.h"

static js *history_row(const struct img_history *h, uint64_t size) {
    js *o = js_new_object();
    int64_t ns = 0;
    if (h->created)
        (void)str_from_rfc3339(h->created, &ns);
    js_set_str(o, "Id", "<missing>");
    js_set_i64(o, "Created", ns / 1000000000);
    js_set_str(o, "CreatedBy", h->created_by ? h->created_by : "");
    js_set(o, "Tags", NULL);
    js_set_u64(o, "Size", size);
    js_set_str(o, "Comment", h->comment ? h->comment : "");
    return o;
}

/* Rows in the order of the document; layers that it forgets to mention come at the end. */
static js *history_rows(const struct store *s, const struct img_config *c) {
    js *v = js_new_array();
    size_t layer = 0;
    for (size_t i = 0; i < c->n_history; i++) {
        uint64_t size = 0;
        if (!c->history[i].empty_layer && layer < c->n_diff_ids)
            (void)layer_size(s, &c->diff_ids[layer++], &size);
        js_push(v, history_row(&c->history[i], size));
    }
    for (; layer < c->n_diff_ids; layer++) {
        const struct img_history silent = {.created = c->created};
        uint64_t size = 0;
        (void)layer_size(s, &c->diff_ids[layer], &size);
        js_push(v, history_row(&silent, size));
    }
    return v;
}

/* Several platforms of one name are several images here: the one that is had must be the wanted. */
static int history_platform(const struct image *img, const char *platform, struct arena *a,
                            struct err *e) {
    struct platform want;
    const struct platform *has = &img->config.platform;
    int r = platform ? platform_parse(platform, a, &want, e) : 0;
    if (r < 0 || !platform)
        return r;
    if (!str_eq(want.arch, has->arch) || (has->os && !str_eq(want.os, has->os)))
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "image %.12s is here for %s, not for %s",
                       digest_hex(&img->id), platform_print(has, a), platform);
    return 0;
}

int hako_image_history(hako_engine *g, const char *name, const char *platform, char **ret_json,
                       hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct image img = {0};
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = image_find(s, name, a, &img, e);
    if (r == 0)
        r = history_platform(&img, platform, a, e);
    if (r == 0)
        r = image_describe(s, a, &img, e);
    if (r < 0)
        return r;
    AUTO_JS js *oldest_first = history_rows(s, &img.config);
    AUTO_JS js *rows = js_new_array();
    for (size_t i = js_len(oldest_first); i > 0; i--)
        js_push(rows, js_ref(js_at(oldest_first, i - 1)));
    js *top = js_at(rows, 0);
    if (top) { /* only the last step is an image */
        js *tags = js_new_array();
        struct ref ref;
        struct err ignored = {0};
        for (size_t i = 0; i < img.refs.n; i++)
            if (ref_parse(img.refs.v[i], a, &ref, &ignored) == 0)
                js_push_str(tags, ref_familiar(&ref, a));
        js_set_str(top, "Id", img.id.s);
        js_set(top, "Tags", tags);
    }
    AUTO_STR struct str text = STR_INIT(0);
    if (js_print(rows, JS_COMPACT, &text) < 0)
        return err_oom(e);
    *ret_json = str_take(&text);
    return 0;
}
