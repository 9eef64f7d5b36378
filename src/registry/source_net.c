/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/source.h"

#include "registry/session.h"
#include "store/unpack_hash.h"

#include <stdio.h>
#include <string.h>

#define ACCEPT                                                                                     \
    MT_OCI_MANIFEST ", " MT_OCI_INDEX ", " MT_DOCKER_MANIFEST ", " MT_DOCKER_LIST ", */*;q=0.1"

struct source_net {
    struct source base;
    struct job *job;
    const struct ref *ref;
    const struct registry_access *access;
    struct session_names names;
    struct endpoints places;
    size_t first; /* the place that had the manifest */
};

static struct source_net *net(struct source *src) {
    return (struct source_net *)(void *)((char *)src - offsetof(struct source_net, base));
}

static int net_connect(struct source *src, void **ret, struct err *e) {
    struct session *s = calloc(1, sizeof(*s));
    if (!s)
        return err_oom(e);
    const struct registry_access *access = net(src)->access;
    *s = (struct session){.wait = job_wait,
                          .stop = job_stop,
                          .job = net(src)->job,
                          .tries = access->tries,
                          .delay_ms = access->delay_ms};
    int r = fetch_new(&s->fetch, e);
    if (r < 0) {
        free(s);
        return r;
    }
    *ret = s;
    return 0;
}

static void net_disconnect(void *conn) {
    struct session *s = conn;
    if (s)
        fetch_free(s->fetch);
    free(s);
}

/* --- documents ------------------------------------------------------------------------------ */

static int net_take_document(void *data, const void *p, size_t n, struct err *e) {
    int r = str_addn(data, p, n);
    return r < 0 ? err_set(e, ERR_CORRUPT, r, "manifest is larger than %zu MiB",
                           SOURCE_MAX_MANIFEST >> 20)
                 : 0;
}

static void net_clear_document(void *data) {
    str_clear(data);
}

/* The registry's own word on the digest must agree with the bytes. */
static int net_check_header(const struct source_net *n, const struct fetch_head *head,
                            const struct str *doc, struct err *e) {
    struct digest said, is;
    struct err ignored;
    if (!head->digest[0] || digest_parse(head->digest, "header", &said, &ignored) < 0)
        return 0;
    int r = unpack_hash_bytes(doc->s, doc->len, &said, &is, e);
    if (r < 0 || digest_eq(&said, &is))
        return r;
    return err_set(e, ERR_CORRUPT, -EBADMSG,
                   "manifest for %s is not what the registry announces: expected digest %s, got %s",
                   n->names.image, said.s, is.s);
}

static int net_ask_manifest(struct source_net *n, struct session *s, struct endpoint *ep,
                            const char *path, struct str *doc, struct err *e) {
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX);
    struct fetch_head head;
    const struct ask q = {.ep = ep,
                          .path = path,
                          .accept = ACCEPT,
                          .body = net_take_document,
                          .again = net_clear_document,
                          .data = doc};
    str_clear(doc);
    int r = session_get(s, &q, &head, &text, e);
    if (r < 0)
        return r;
    if (head.status / 100 != 2)
        return session_refusal(&q, &n->names, &head, &text, e);
    return net_check_header(n, &head, doc, e);
}

static int net_manifest(struct source *src, void *conn, const struct digest *want, struct str *doc,
                        struct digest *named, struct err *e) {
    struct source_net *n = net(src);
    const struct ref *ref = n->ref;
    const char *what = want               ? want->s
                       : ref->digest.s[0] ? ref->digest.s
                       : ref->tag         ? ref->tag
                                          : "latest";
    char path[256];
    snprintf(path, sizeof(path), "/manifests/%s", what);
    int r = -ENOENT;
    for (size_t i = n->first; i < n->places.n; i++) {
        r = net_ask_manifest(n, conn, &n->places.v[i], path, doc, e);
        if (r == 0) {
            n->first = i;
            src->routes = (unsigned)(n->places.n - i);
            *named = want ? *want : ref->digest;
            return 0;
        }
        if (r == -ECANCELED)
            break;
    }
    return r;
}

/* --- blobs ---------------------------------------------------------------------------------- */

struct net_blob {
    const struct source_sink *sink;
    bool refused; /* by the sink: no other place would help */
};

static int net_take_blob(void *data, const void *p, size_t n, struct err *e) {
    struct net_blob *b = data;
    int r = b->sink->take(b->sink->data, p, n, e);
    b->refused = r < 0;
    return r;
}

static int net_blob(struct source *src, void *conn, const struct digest *d, unsigned route,
                    const struct source_sink *sink, struct err *e) {
    struct source_net *n = net(src);
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX);
    char path[256];
    int r = -ENOENT;
    snprintf(path, sizeof(path), "/blobs/%s", d->s);
    for (size_t i = n->first + route; i < n->places.n; i++) {
        struct net_blob b = {sink, false};
        struct fetch_head head;
        const struct ask q = {.ep = &n->places.v[i],
                              .path = path,
                              .body = net_take_blob,
                              .done = sink->done,
                              .data = &b};
        r = session_get(conn, &q, &head, &text, e);
        if (r == 0 && head.status / 100 != 2)
            r = session_refusal(&q, &n->names, &head, &text, e);
        if (r == 0 || b.refused || r == -ECANCELED)
            break;
    }
    return r;
}

static void net_close(struct source *src) {
    endpoints_done(&net(src)->places);
}

int source_net_open(struct job *j, const struct ref *ref, const struct registry_access *access,
                    const char *shown, struct arena *a, struct source **ret, struct err *e) {
    struct source_net *n = arena_new_of(a, struct source_net);
    if (!n)
        return err_oom(e);
    n->base = (struct source){.connect = net_connect,
                              .disconnect = net_disconnect,
                              .manifest = net_manifest,
                              .blob = net_blob,
                              .close = net_close};
    n->job = j;
    n->ref = ref;
    n->access = access;
    n->names = (struct session_names){shown, ref_familiar_name(ref, a), false};
    n->base.origin = arena_printf(a, "%s/%s", ref->domain, ref->path);
    if (!n->names.repo || !n->base.origin)
        return err_oom(e);
    int r = fetch_setup(e);
    if (r == 0)
        r = endpoints_make(ref, access, a, &n->places, e);
    if (r < 0)
        return r;
    n->base.routes = (unsigned)n->places.n;
    *ret = &n->base;
    return 0;
}
