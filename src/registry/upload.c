/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upload.h"

#include <stdio.h>
#include <string.h>

#define UPLOAD_TRIES 5U
#define ONE_PUT ((uint64_t)1 << 20)
#define AGAIN 1 /* not a failure yet */

struct uploading {
    const struct upload *u;
    const struct digest *d;
    const struct fetch_body *body;
    struct str url; /* of the upload session; empty: none yet */
    uint64_t at;    /* the registry has this much */
    struct fetch_head head;
    struct str text;
};

static int upload_refused(const struct uploading *g, const struct ask *q, struct err *e) {
    return session_refusal(q, g->u->names, &g->head, &g->text, e);
}

/* One question whose failure is judged here: 0 = answered, AGAIN (e filled), or final. */
static int upload_ask(struct uploading *g, const struct ask *q, struct err *e) {
    int r = session_get(g->u->s, q, &g->head, &g->text, e);
    if (r == FETCH_BROKEN || (r == FETCH_NO_SERVER && g->url.len))
        return AGAIN;
    if (r < 0)
        return r;
    if (!session_transient(&g->head))
        return 0;
    upload_refused(g, q, e);
    return AGAIN;
}

static int upload_where(struct uploading *g, struct err *e) {
    int r = session_location(g->u->ep, g->head.location, &g->url);
    return r < 0
               ? err_set(e, ERR_CORRUPT, -EINVAL,
                         "registry %s does not say where blobs can be uploaded to", g->u->ep->host)
               : 0;
}

static int upload_begin(struct uploading *g, struct err *e) {
    const struct ask q = {.ep = g->u->ep, .path = "/blobs/uploads/", .method = "POST"};
    g->at = 0;
    str_clear(&g->url);
    int r = upload_ask(g, &q, e);
    if (r != 0)
        return r;
    return g->head.status == 202 ? upload_where(g, e) : upload_refused(g, &q, e);
}

/* How far has it come? What the registry does not know any more begins anew. */
static int upload_status(struct uploading *g, struct err *e) {
    const struct ask q = {
        .ep = g->u->ep, .path = "/blobs/uploads/", .url = str_c(&g->url), .once = true};
    char text[64];
    uint64_t last = 0;
    int r = upload_ask(g, &q, e);
    if (r != 0)
        return r;
    const char *dash = strchr(g->head.range, '-');
    snprintf(text, sizeof(text), "%s", dash ? dash + 1 : "");
    if (g->head.status != 204 || str_to_u64(text, &last) < 0 || last >= g->body->size)
        return upload_begin(g, e);
    g->at = last ? last + 1 : 0;
    return g->head.location[0] ? upload_where(g, e) : 0;
}

/* ?digest= ends it; with `body` in the same breath. */
static int upload_close(struct uploading *g, const struct fetch_body *body, struct err *e) {
    AUTO_STR struct str url = STR_INIT(8192);
    int r = str_addf(&url, "%s%sdigest=", str_c(&g->url), strchr(str_c(&g->url), '?') ? "&" : "?");
    if (r == 0)
        r = fetch_escape(&url, g->d->s);
    if (r < 0)
        return err_set(e, ERR_CORRUPT, r, "an address of registry %s is too long", g->u->ep->host);
    static const struct fetch_body nothing = {.p = "", .fd = -1};
    const struct ask q = {.ep = g->u->ep,
                          .path = "/blobs/uploads/",
                          .url = str_c(&url),
                          .method = "PUT",
                          .send = body ? body : &nothing,
                          .once = true};
    r = upload_ask(g, &q, e);
    if (r != 0)
        return r;
    if (g->head.status == 404 || g->head.status == 416) {
        str_clear(&g->url);
        upload_refused(g, &q, e);
        return AGAIN;
    }
    return g->head.status == 201 || g->head.status == 204 ? 0 : upload_refused(g, &q, e);
}

static int upload_rest(struct uploading *g, struct err *e) {
    struct fetch_body rest = *g->body;
    char range[64];
    rest.at += g->at;
    rest.size -= g->at;
    if (rest.p)
        rest.p = (const char *)rest.p + g->at;
    snprintf(range, sizeof(range), "%llu-%llu", (unsigned long long)g->at,
             (unsigned long long)g->body->size - 1);
    const struct ask q = {.ep = g->u->ep,
                          .path = "/blobs/uploads/",
                          .url = str_c(&g->url),
                          .method = "PATCH",
                          .send = &rest,
                          .content_range = range,
                          .once = true};
    int r = upload_ask(g, &q, e);
    if (r != 0)
        return r;
    if (g->head.status == 404 || g->head.status == 416) {
        str_clear(&g->url);
        upload_refused(g, &q, e);
        return AGAIN;
    }
    if (g->head.status / 100 != 2)
        return upload_refused(g, &q, e);
    g->at = g->body->size;
    return upload_where(g, e);
}

/* All that is left to do, once. */
static int upload_try(struct uploading *g, struct err *e) {
    int r = g->url.len ? upload_status(g, e) : upload_begin(g, e);
    if (r != 0)
        return r;
    if (g->body->size <= ONE_PUT)
        return upload_close(g, g->body, e);
    if (g->at < g->body->size)
        r = upload_rest(g, e);
    return r != 0 ? r : upload_close(g, NULL, e);
}

int upload_blob(const struct upload *u, const struct digest *d, const struct fetch_body *body,
                struct err *e) {
    struct fetch_body b = *body;
    struct uploading g = {
        .u = u, .d = d, .body = &b, .url = STR_INIT(8192), .text = STR_INIT(FETCH_TEXT_MAX)};
    unsigned tries = u->s->tries ? u->s->tries : UPLOAD_TRIES;
    uint64_t best = 0;
    b.sent = u->sent;
    b.data = u->data;
    int r = upload_try(&g, e);
    for (unsigned n = 1; r == AGAIN; n++) {
        if (g.at > best) { /* it gets further: patience begins anew */
            best = g.at;
            n = 1;
        }
        struct err why = *e;
        if (n >= tries) {
            r = why.code;
            break;
        }
        r = session_pause(u->s, n, &g.head, e);
        if (r < 0)
            break;
        g.head = (struct fetch_head){.status = 0};
        if (b.size <= ONE_PUT)
            str_clear(&g.url);
        r = upload_try(&g, e);
    }
    str_free(&g.url);
    str_free(&g.text);
    return r;
}

int upload_exists(const struct upload *u, const struct digest *d, struct err *e) {
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX);
    struct fetch_head head;
    char path[256];
    snprintf(path, sizeof(path), "/blobs/%s", d->s);
    const struct ask q = {.ep = u->ep, .path = path, .method = "HEAD"};
    int r = session_get(u->s, &q, &head, &text, e);
    if (r < 0)
        return r;
    if (head.status == 404)
        return 0;
    return head.status / 100 == 2 ? 1 : session_refusal(&q, u->names, &head, &text, e);
}

int upload_mount(const struct upload *u, const struct digest *d, const char *repo, struct err *e) {
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX), path = STR_INIT(2048);
    struct fetch_head head;
    int r = str_add(&path, "/blobs/uploads/?mount=");
    if (r == 0)
        r = fetch_escape(&path, d->s);
    if (r == 0)
        r = str_add(&path, "&from=");
    if (r == 0)
        r = fetch_escape(&path, repo);
    if (r < 0)
        return 0;
    const struct ask q = {.ep = u->ep, .path = str_c(&path), .method = "POST"};
    r = session_get(u->s, &q, &head, &text, e);
    /* 202: an upload has begun instead, which the registry forgets in time; others: it has no
     * mounting, or we may not read there. */
    return r < 0 ? r : head.status == 201;
}

int upload_manifest(const struct upload *u, const char *name, const struct str *doc,
                    const char *type, const struct digest *d, struct err *e) {
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX);
    struct fetch_head head;
    char path[256];
    snprintf(path, sizeof(path), "/manifests/%s", name);
    const struct fetch_body body = {.p = str_c(doc), .fd = -1, .size = doc->len, .type = type};
    const struct ask q = {.ep = u->ep, .path = path, .method = "PUT", .send = &body};
    int r = session_get(u->s, &q, &head, &text, e);
    if (r < 0)
        return r;
    if (head.status / 100 != 2)
        return session_refusal(&q, u->names, &head, &text, e);
    if (head.digest[0] && str_starts(head.digest, "sha256:") && strcmp(head.digest, d->s) != 0)
        return err_set(e, ERR_CORRUPT, -EBADMSG,
                       "registry %s has stored another manifest than was sent: %s instead of %s",
                       u->ep->host, head.digest, d->s);
    return 0;
}
