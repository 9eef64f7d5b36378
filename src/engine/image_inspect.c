/* SPDX-License-Identifier: Apache-2.0 */
/* docker image inspect's document. */
#include "engine/engine.h"

#include "base/json.h"
#include "base/str.h"
#include "spec/ref.h"

static js *image_strings(const struct strlist *l) {
    if (l->n == 0)
        return NULL;
    js *v = js_new_array();
    for (size_t i = 0; i < l->n; i++)
        js_push_str(v, l->v[i]);
    return v;
}

static js *image_familiar(const struct strlist *l, struct arena *a) {
    js *v = js_new_array();
    for (size_t i = 0; i < l->n; i++) {
        struct ref ref;
        struct err ignored = {0};
        if (ref_parse(l->v[i], a, &ref, &ignored) == 0)
            js_push_str(v, ref_familiar(&ref, a));
    }
    return v;
}

static js *image_set(const struct strlist *keys) {
    if (keys->n == 0)
        return NULL;
    js *o = js_new_object();
    for (size_t i = 0; i < keys->n; i++)
        js_set(o, keys->v[i], js_new_object());
    return o;
}

static js *image_health(const struct img_health *h) {
    js *o = js_new_object();
    js_set(o, "Test", image_strings(&h->test));
    if (h->interval)
        js_set_i64(o, "Interval", h->interval);
    if (h->timeout)
        js_set_i64(o, "Timeout", h->timeout);
    if (h->start_period)
        js_set_i64(o, "StartPeriod", h->start_period);
    if (h->start_interval)
        js_set_i64(o, "StartInterval", h->start_interval);
    if (h->retries)
        js_set_i64(o, "Retries", h->retries);
    return o;
}

static js *image_config(const struct img_config *c) {
    js *o = js_new_object(), *labels = js_new_object();
    js_set(o, "User", js_new_str(c->user ? c->user : ""));
    js_set(o, "ExposedPorts", image_set(&c->exposed_ports));
    js_set(o, "Env", image_strings(&c->env));
    js_set(o, "Cmd", image_strings(&c->cmd));
    js_set(o, "Volumes", image_set(&c->volumes));
    js_set(o, "WorkingDir", js_new_str(c->working_dir ? c->working_dir : ""));
    js_set(o, "Entrypoint", image_strings(&c->entrypoint));
    for (size_t i = 0; i < c->n_labels; i++)
        js_set(labels, c->labels[i].key, js_new_str(c->labels[i].value));
    js_set(o, "Labels", labels);
    js_set_str(o, "StopSignal", c->stop_signal);
    if (c->onbuild.n)
        js_set(o, "OnBuild", image_strings(&c->onbuild));
    if (c->shell.n)
        js_set(o, "Shell", image_strings(&c->shell));
    if (c->health.given)
        js_set(o, "Healthcheck", image_health(&c->health));
    return o;
}

/* Where its layers lie, as docker's overlay2 driver tells it. */
static js *image_driver(const struct store *s, const struct img_config *c) {
    js *o = js_new_object(), *data = js_new_object();
    AUTO_STR struct str lower = STR_INIT(0), top = STR_INIT(8192);
    for (size_t i = c->n_diff_ids; i > 1; i--)
        (void)str_addf(&lower, "%s%s/layers/%s/fs", lower.len ? ":" : "", s->root,
                       digest_hex(&c->diff_ids[i - 2]));
    if (c->n_diff_ids)
        (void)str_addf(&top, "%s/layers/%s/fs", s->root,
                       digest_hex(&c->diff_ids[c->n_diff_ids - 1]));
    if (lower.len)
        js_set_str(data, "LowerDir", str_c(&lower));
    js_set_str(data, "UpperDir", str_c(&top));
    js_set(o, "Data", data);
    js_set_str(o, "Name", "overlay2");
    return o;
}

static js *image_metadata(const struct image *img) {
    char t[36] = "0001-01-01T00:00:00Z";
    js *o = js_new_object();
    if (img->pulled_ns)
        str_rfc3339(img->pulled_ns, t);
    js_set_str(o, "LastTagTime", t);
    return o;
}

static js *image_document(const struct store *s, const struct image *img, struct arena *a) {
    const struct img_config *c = &img->config;
    js *o = js_new_object(), *fs = js_new_object(), *layers = js_new_array();
    js_set_str(o, "Id", img->id.s);
    js_set(o, "RepoTags", image_familiar(&img->refs, a));
    js_set(o, "RepoDigests", image_familiar(&img->digests, a));
    js_set(o, "Parent", js_new_str(""));
    js_set(o, "Comment",
           js_new_str(c->n_history && c->history[c->n_history - 1].comment
                          ? c->history[c->n_history - 1].comment
                          : ""));
    js_set(o, "Created", js_new_str(c->created ? c->created : ""));
    js_set(o, "DockerVersion", js_new_str(""));
    js_set(o, "Author", js_new_str(c->author ? c->author : ""));
    js_set(o, "Config", image_config(c));
    js_set_str(o, "Architecture", c->platform.arch);
    js_set_str(o, "Variant", c->platform.variant);
    js_set_str(o, "Os", c->platform.os);
    js_set_u64(o, "Size", img->size);
    js_set_str(fs, "Type", "layers");
    for (size_t i = 0; i < c->n_diff_ids; i++)
        js_push_str(layers, c->diff_ids[i].s);
    js_set(fs, "Layers", layers);
    js_set(o, "GraphDriver", image_driver(s, c));
    js_set(o, "RootFS", fs);
    js_set(o, "Metadata", image_metadata(img));
    if (img->manifest.s[0]) {
        js *d = js_new_object();
        js_set_str(d, "digest", img->manifest.s);
        js_set(o, "Descriptor", d);
    }
    return o;
}

int hako_image_inspect(hako_engine *g, const char *name, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct image img = {0};
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = image_find(s, name, a, &img, e);
    if (r == 0)
        r = image_describe(s, a, &img, e);
    if (r < 0)
        return r;
    AUTO_JS js *doc = image_document(s, &img, a);
    AUTO_STR struct str text = STR_INIT(0);
    if (js_print(doc, JS_PRETTY, &text) < 0)
        return err_oom(e);
    *ret_json = str_take(&text);
    return 0;
}
