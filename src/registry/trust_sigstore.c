/* SPDX-License-Identifier: Apache-2.0 */
/* Sigstore's signatures: an artifact beside the image, tagged by the image's digest. */
#include "registry/trust.h"

#include "base/base64.h"
#include "base/json.h"
#include "registry/source.h"
#include "registry/trust_key.h"
#include "spec/signpayload.h"
#include "store/unpack_hash.h"

#include <string.h>

#define SIGSTORE_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define SIGSTORE_ANNOTATION "dev.cosignproject.cosign/signature"

struct sigstore {
    const struct policy_rule *rule;
    const struct trust_subject *s;
    struct arena *a;
    struct str *keys;
    size_t n_keys;
};

struct sigstore_blob {
    struct str text;
    uint64_t done;
};

static int sigstore_take(void *data, const void *p, size_t n, struct err *e) {
    struct sigstore_blob *b = data;
    int r = str_addn(&b->text, p, n);
    if (r < 0)
        return err_set(e, ERR_CORRUPT, r, "the signed document is larger than 1 MiB");
    b->done += n;
    return 0;
}

/* The document that the layer is, if it is what its digest says. */
static int sigstore_payload(struct source *src, void *conn, const struct digest *d,
                            struct sigstore_blob *b, struct err *e) {
    struct digest is;
    const struct source_sink sink = {sigstore_take, b, &b->done};
    int r = src->blob(src, conn, d, 0, &sink, e);
    if (r == 0)
        r = unpack_hash_bytes(str_c(&b->text), b->text.len, d, &is, e);
    if (r == 0 && !digest_eq(&is, d))
        r = err_set(e, ERR_CORRUPT, -EBADMSG, "the signed document is not what its digest says");
    return r;
}

static int sigstore_verify(const struct sigstore *g, const struct str *payload,
                           const char *signature, struct err *e) {
    AUTO_STR struct str sig = STR_INIT(65536);
    int r = base64_decode(signature, strlen(signature), &sig);
    if (r < 0)
        return err_set(e, ERR_CORRUPT, r, "the signature is no base64");
    r = -EKEYREJECTED;
    for (size_t i = 0; i < g->n_keys && r != 0; i++)
        r = trust_key_verify(&g->keys[i], str_c(payload), payload->len, str_c(&sig), sig.len, e);
    return r < 0 ? r : trust_payload(g->rule, g->s, str_c(payload), payload->len, e);
}

/* 0: one of the artifact's signatures holds. 1: it has none. */
static int sigstore_artifact(const struct sigstore *g, struct source *src, void *conn,
                             const struct str *doc, struct err *e) {
    AUTO_JS js *m = NULL;
    int r = js_parse(str_c(doc), doc->len, "signature manifest", &m, e), last = 1;
    const js *layers = r == 0 ? js_get(m, "layers") : NULL;
    size_t n = MIN_OF(js_len(layers), (size_t)TRUST_MAX_SIGNATURES);
    for (size_t i = 0; i < n && r == 0 && last != 0; i++) {
        struct sigstore_blob b = {.text = STR_INIT(SIGNPAYLOAD_MAX)};
        const js *l = js_at(layers, i), *notes = js_get(l, "annotations");
        const char *sig = js_get_str(notes, SIGSTORE_ANNOTATION);
        struct digest d;
        if (!str_eq(js_get_str(l, "mediaType"), SIGSTORE_TYPE) || !sig)
            continue;
        r = digest_parse(js_get_str_or(l, "digest", ""), "signature manifest", &d, e);
        if (r == 0)
            r = sigstore_payload(src, conn, &d, &b, e);
        if (r == 0) {
            struct err why;
            int one = sigstore_verify(g, &b.text, sig, &why);
            /* one by our key that says something else tells more than one by another's */
            if (one == 0 || last == 1 || last == -EBADMSG) {
                last = one;
                *e = why;
            }
        }
        str_free(&b.text);
    }
    return r < 0 ? r : last;
}

static int sigstore_manifest(const struct sigstore *g, const struct digest *manifest,
                             struct err *e) {
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_MANIFEST);
    struct ref ref = {.domain = g->s->ref->domain, .path = g->s->ref->path};
    struct source *src = NULL;
    struct digest named = {""};
    void *conn = NULL;
    ref.tag = arena_printf(g->a, "%s-%s.sig", digest_algo(manifest), digest_hex(manifest));
    if (!ref.tag)
        return err_oom(e);
    int r = source_net_open(g->s->job, &ref, g->s->access, "signatures", g->a, &src, e);
    if (r < 0)
        return r;
    r = src->connect(src, &conn, e);
    if (r == 0)
        r = src->manifest(src, conn, NULL, &doc, &named, e);
    if (r == -ENOENT)
        r = 1;
    if (r == 0)
        r = sigstore_artifact(g, src, conn, &doc, e);
    src->disconnect(conn);
    src->close(src);
    return r;
}

int trust_sigstore(const struct policy_rule *rule, const struct trust_subject *s, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct sigstore g = {.rule = rule, .s = s, .a = a};
    int r = a ? trust_keys(rule, a, &g.keys, &g.n_keys, e) : err_oom(e);
    if (r == 0)
        r = sigstore_manifest(&g, &s->top, e);
    if (r != 0 && r != -ECANCELED && !digest_eq(&s->top, &s->at)) {
        struct err before = *e;
        int other = sigstore_manifest(&g, &s->at, e);
        if (other == 1 && r < 0)
            *e = before;
        else
            r = other;
    }
    return r == 1 ? err_set(e, ERR_DENIED, -EKEYREJECTED, "it has no signature in its repository")
                  : r;
}
