/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/sign.h"

#include "base/base64.h"
#include "base/json.h"
#include "registry/helper.h"
#include "registry/source.h"
#include "registry/trust_key.h"
#include "registry/upload.h"
#include "spec/signpayload.h"
#include "store/unpack_hash.h"

#include <string.h>

#define SIGN_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define SIGN_ANNOTATION "dev.cosignproject.cosign/signature"

struct sign {
    const struct sign_request *rq;
    struct job *job;
    struct arena *a;
    struct session session;
    struct endpoints places;
    struct session_names names;
    struct upload up;
};

static int sign_put(struct sign *g, const struct str *bytes, struct digest *ret, struct err *e) {
    const struct digest none = {""};
    const struct fetch_body body = {.p = str_c(bytes), .fd = -1, .size = bytes->len};
    int r = unpack_hash_bytes(str_c(bytes), bytes->len, &none, ret, e);
    if (r == 0)
        r = upload_exists(&g->up, ret, e);
    return r == 0 ? upload_blob(&g->up, ret, &body, e) : MIN_OF(r, 0);
}

static js *sign_descriptor(const char *type, const struct digest *d, size_t size) {
    js *o = js_new_object();
    js_set_str(o, "mediaType", type);
    js_set_i64(o, "size", (int64_t)size);
    js_set_str(o, "digest", d->s);
    return o;
}

/* The layers of the artifact that is there; none is fine. */
static int sign_existing(struct sign *g, const struct ref *ref, js **layers, struct err *e) {
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_MANIFEST);
    AUTO_JS js *m = NULL;
    struct source *src = NULL;
    struct digest named = {""};
    void *conn = NULL;
    *layers = js_new_array();
    int r = *layers ? source_net_open(g->job, ref, &g->rq->access, "signatures", g->a, &src, e)
                    : err_oom(e);
    if (r < 0)
        return r;
    r = src->connect(src, &conn, e);
    if (r == 0)
        r = src->manifest(src, conn, NULL, &doc, &named, e);
    src->disconnect(conn);
    src->close(src);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = js_parse(str_c(&doc), doc.len, "signature manifest", &m, e);
    const js *v = r == 0 ? js_get(m, "layers") : NULL;
    for (size_t i = 0; i < js_len(v); i++)
        js_push(*layers, js_ref(js_at(v, i)));
    return r;
}

/* The configuration lists the layers, as that of any image does. */
static int sign_config(const js *layers, struct str *out) {
    AUTO_JS js *doc = js_new_object();
    js *fs = js_new_object(), *ids = js_new_array();
    for (size_t i = 0; i < js_len(layers); i++)
        js_push_str(ids, js_get_str_or(js_at(layers, i), "digest", ""));
    js_set_str(fs, "type", "layers");
    js_set(fs, "diff_ids", ids);
    js_set(doc, "architecture", js_new_str(""));
    js_set(doc, "os", js_new_str(""));
    js_set(doc, "config", js_new_object());
    js_set(doc, "rootfs", fs);
    return js_print(doc, JS_COMPACT, out);
}

static int sign_artifact(struct sign *g, const struct ref *ref, js *layers, struct err *e) {
    AUTO_STR struct str config = STR_INIT((size_t)1 << 20), doc = STR_INIT(SOURCE_MAX_MANIFEST);
    AUTO_JS js *m = js_new_object();
    const struct digest none = {""};
    struct digest d, at;
    int r = sign_config(layers, &config) < 0 ? err_oom(e) : sign_put(g, &config, &d, e);
    if (r < 0)
        return r;
    js_set_i64(m, "schemaVersion", 2);
    js_set_str(m, "mediaType", MT_OCI_MANIFEST);
    js_set(m, "config", sign_descriptor(MT_OCI_CONFIG, &d, config.len));
    js_set(m, "layers", js_ref(layers));
    if (js_print(m, JS_COMPACT, &doc) < 0)
        return err_oom(e);
    r = unpack_hash_bytes(str_c(&doc), doc.len, &none, &at, e);
    return r < 0 ? r : upload_manifest(&g->up, ref->tag, &doc, MT_OCI_MANIFEST, &at, e);
}

static int sign_layer(struct sign *g, const struct digest *manifest, js *layers, struct err *e) {
    AUTO_STR struct str payload = STR_INIT(SIGNPAYLOAD_MAX), sig = STR_INIT(65536),
                        text = STR_INIT(131072);
    struct signpayload p = {.manifest = *manifest};
    const struct str key = {.s = arena_memdup(g->a, g->rq->key, g->rq->key_len + 1),
                            .len = g->rq->key_len};
    struct digest d;
    p.type = arena_strdup(g->a, SIGNPAYLOAD_COSIGN);
    p.reference = arena_strdup(g->a, ref_full(g->rq->ref, g->a));
    if (!p.type || !p.reference || !key.s)
        return err_oom(e);
    int r = signpayload_print(&p, &payload, e);
    if (r == 0)
        r = trust_key_sign(&key, g->rq->passphrase, str_c(&payload), payload.len, &sig, e);
    if (r == 0 && base64_encode(str_c(&sig), sig.len, &text) < 0)
        r = err_oom(e);
    if (r == 0)
        r = sign_put(g, &payload, &d, e);
    if (r < 0)
        return r;
    js *l = sign_descriptor(SIGN_TYPE, &d, payload.len), *notes = js_new_object();
    js_set_str(notes, SIGN_ANNOTATION, str_c(&text));
    js_set(l, "annotations", notes);
    return js_push(layers, l) < 0 ? err_oom(e) : 0;
}

static int sign_manifest(struct sign *g, const struct digest *manifest, struct err *e) {
    struct ref ref = {.domain = g->rq->ref->domain, .path = g->rq->ref->path};
    AUTO_JS js *layers = NULL;
    ref.tag = arena_printf(g->a, "%s-%s.sig", digest_algo(manifest), digest_hex(manifest));
    if (!ref.tag)
        return err_oom(e);
    int r = sign_existing(g, &ref, &layers, e);
    if (r == 0)
        r = sign_layer(g, manifest, layers, e);
    return r < 0 ? r : sign_artifact(g, &ref, layers, e);
}

static int sign_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct sign_request *rq = data;
    AUTO_ARENA struct arena *a = arena_new();
    struct sign g = {.rq = rq, .job = j, .a = a};
    (void)result;
    if (!a)
        return err_oom(e);
    g.session = (struct session){.wait = job_wait,
                                 .stop = job_stop,
                                 .job = j,
                                 .tries = rq->access.tries,
                                 .delay_ms = rq->access.delay_ms};
    g.names = (struct session_names){ref_familiar(rq->ref, a), ref_familiar_name(rq->ref, a), true};
    if (!g.names.image || !g.names.repo)
        return err_oom(e);
    int r = fetch_setup(e);
    if (r == 0)
        r = endpoints_origin(rq->ref, &rq->access, a, &g.places, e);
    if (r == 0)
        r = fetch_new(&g.session.fetch, e);
    if (r < 0)
        return r;
    endpoints_push(&g.places);
    g.up = (struct upload){.s = &g.session, .ep = &g.places.v[0], .names = &g.names};
    for (size_t i = 0; i < SIGN_MAX && r == 0; i++)
        if (rq->manifests[i].s[0])
            r = sign_manifest(&g, &rq->manifests[i], e);
    fetch_free(g.session.fetch);
    endpoints_done(&g.places);
    return r;
}

int sign_image(const struct sign_request *rq, struct err *e) {
    const struct helper_task t = {.what = "signing",
                                  .userns_fd = -1,
                                  .no_userns = true,
                                  .fds = {-1, -1, -1},
                                  .work = sign_work,
                                  .rq = rq};
    return helper_run(&t, NULL, 0, NULL, e);
}
