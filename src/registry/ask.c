/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/ask.h"

#include "base/io.h"
#include "registry/copy.h"
#include "registry/helper.h"
#include "store/unpack_hash.h"

#include <stdio.h>
#include <string.h>

#define ASK_MAX_PAGES 1000
#define ASK_PAGE "1000"
#define ASK_MAX_TEXT ((size_t)8 << 20)

struct asking_one {
    struct job *job;
    const struct ask_request *rq;
    struct arena *a;
    struct endpoints places;
    struct session session;
    struct session_names names;
    struct ask_result *result;
};

static int one_take(void *data, const void *p, size_t n, struct err *e) {
    return str_addn(data, p, n) < 0
               ? err_set(e, ERR_CORRUPT, -EMSGSIZE, "the registry's answer is too large")
               : 0;
}

static void one_again(void *data) {
    str_clear(data);
}

static int one_reply(const struct asking_one *o, const void *p, size_t n, struct err *e) {
    int r = o->job->reply >= 0 ? io_write_all(o->job->reply, p, n) : 0;
    return r < 0 ? err_sysn(e, r, "cannot pass the answer on") : 0;
}

/* --- tags ------------------------------------------------------------------------------------ */

/* "</v2/app/tags/list?last=x&n=2>; rel=\"next\"" → an address, or "". */
static int one_next_page(const struct asking_one *o, const char *link, struct str *ret) {
    char target[2048];
    const char *end = *link == '<' ? strchr(link, '>') : NULL;
    str_clear(ret);
    if (!end || !strstr(end, "next"))
        return 0;
    snprintf(target, sizeof(target), "%.*s", (int)MIN_OF(end - link - 1, 2047), link + 1);
    return session_location(&o->places.v[0], target, ret);
}

static int one_tags_page(struct asking_one *o, const struct str *doc, struct err *e) {
    AUTO_JS js *v = NULL;
    int r = js_parse(str_c(doc), doc->len, "list of tags", &v, e);
    const js *list = js_get(v, "tags");
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const char *tag = js_str(js_at(list, i));
        char line[160];
        int n = snprintf(line, sizeof(line), "%s\n", tag ? tag : "");
        /* a tag of the grammar has at most 128 letters, none of them odd */
        if (tag && n > 1 && n < 131 && !strpbrk(tag, "\r\n\033"))
            r = one_reply(o, line, (size_t)n, e);
    }
    return r;
}

static int one_tags(struct asking_one *o, struct err *e) {
    AUTO_STR struct str doc = STR_INIT(ASK_MAX_TEXT), text = STR_INIT(FETCH_TEXT_MAX);
    AUTO_STR struct str url = STR_INIT(8192);
    struct fetch_head head;
    for (unsigned page = 0; page < ASK_MAX_PAGES; page++) {
        const struct ask q = {.ep = &o->places.v[0],
                              .path = "/tags/list?n=" ASK_PAGE,
                              .url = url.len ? str_c(&url) : NULL,
                              .body = one_take,
                              .again = one_again,
                              .data = &doc};
        str_clear(&doc);
        int r = session_get(&o->session, &q, &head, &text, e);
        if (r < 0)
            return r;
        if (head.status / 100 != 2)
            return session_refusal(&q, &o->names, &head, &text, e);
        r = one_tags_page(o, &doc, e);
        if (r == 0 && one_next_page(o, head.link, &url) < 0)
            r = err_set(e, ERR_CORRUPT, -EINVAL, "the registry's list of tags leads nowhere");
        if (r < 0 || !url.len)
            return r;
    }
    return err_set(e, ERR_CORRUPT, -E2BIG, "the registry's list of tags has no end");
}

/* --- documents ------------------------------------------------------------------------------- */

static int one_document(struct asking_one *o, const char *path, struct str *doc,
                        struct fetch_head *head, struct err *e) {
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX);
    const struct ask q = {.ep = &o->places.v[0],
                          .path = path,
                          .accept = MT_OCI_MANIFEST ", " MT_OCI_INDEX ", " MT_DOCKER_MANIFEST
                                                    ", " MT_DOCKER_LIST ", */*;q=0.1",
                          .body = one_take,
                          .again = one_again,
                          .data = doc};
    int r = session_get(&o->session, &q, head, &text, e);
    if (r == 0 && head->status / 100 != 2)
        r = session_refusal(&q, &o->names, head, &text, e);
    return r;
}

static const char *one_name(const struct ref *ref) {
    return ref->digest.s[0] ? ref->digest.s : ref->tag ? ref->tag : "latest";
}

static int one_manifest(struct asking_one *o, struct err *e) {
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_MANIFEST);
    struct fetch_head head;
    struct digest is;
    const struct ref *ref = o->rq->ref;
    char path[256];
    snprintf(path, sizeof(path), "/manifests/%s", one_name(ref));
    int r = one_document(o, path, &doc, &head, e);
    if (r == 0)
        r = unpack_hash_bytes(str_c(&doc), doc.len, &ref->digest, &is, e);
    if (r == 0 && ref->digest.s[0] && !digest_eq(&is, &ref->digest))
        r = err_set(e, ERR_CORRUPT, -EBADMSG,
                    "manifest of %s is not what its name says: expected digest %s, got %s",
                    o->names.image, ref->digest.s, is.s);
    if (r == 0)
        r = one_reply(o, str_c(&doc), doc.len, e);
    if (r < 0)
        return r;
    o->result->digest = is;
    (void)str_copy(o->result->type, sizeof(o->result->type), head.type);
    return 0;
}

static int one_blob(struct asking_one *o, struct err *e) {
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_CONFIG);
    struct fetch_head head;
    struct digest is;
    char path[256];
    const struct digest *want = &o->rq->ref->digest;
    snprintf(path, sizeof(path), "/blobs/%s", want->s);
    int r = one_document(o, path, &doc, &head, e);
    if (r == 0)
        r = unpack_hash_bytes(str_c(&doc), doc.len, want, &is, e);
    if (r == 0 && !digest_eq(&is, want))
        r = err_set(e, ERR_CORRUPT, -EBADMSG,
                    "a blob of %s is not what its name says: expected digest %s, got %s",
                    o->names.repo, want->s, is.s);
    return r < 0 ? r : one_reply(o, str_c(&doc), doc.len, e);
}

/* The referrers API, or the tag that stands for it in registries that lack it. */
static int one_referrers(struct asking_one *o, struct err *e) {
    static const char none[] =
        "{\"schemaVersion\":2,\"mediaType\":\"" MT_OCI_INDEX "\",\"manifests\":[]}";
    AUTO_STR struct str doc = STR_INIT(SOURCE_MAX_MANIFEST), path = STR_INIT(2048);
    const struct digest *d = &o->rq->ref->digest;
    struct fetch_head head;
    if (!d->s[0])
        return err_set(e, ERR_USAGE, -EINVAL, "referrers are asked for by digest: NAME@sha256:…");
    int r = str_addf(&path, "/referrers/%s", d->s);
    if (r == 0 && o->rq->artifact_type) {
        r = str_add(&path, "?artifactType=");
        if (r == 0)
            r = fetch_escape(&path, o->rq->artifact_type);
    }
    r = r < 0 ? err_oom(e) : one_document(o, str_c(&path), &doc, &head, e);
    if (r == -ENOENT) {
        str_clear(&path);
        str_clear(&doc);
        r = str_addf(&path, "/manifests/%s-%s", digest_algo(d), digest_hex(d)) < 0
                ? err_oom(e)
                : one_document(o, str_c(&path), &doc, &head, e);
    }
    if (r == -ENOENT)
        return one_reply(o, none, sizeof(none) - 1, e);
    return r < 0 ? r : one_reply(o, str_c(&doc), doc.len, e);
}

/* --- an index -------------------------------------------------------------------------------- */

static int one_put(struct asking_one *o, struct err *e) {
    const struct ask_request *rq = o->rq;
    const struct str doc = {.s = (char *)(uintptr_t)rq->document, .len = strlen(rq->document)};
    const struct upload up = {.s = &o->session, .ep = &o->places.v[0], .names = &o->names};
    struct digest at;
    /* What was typed for one registry is not for another's ears. */
    struct registry_access elsewhere = rq->access;
    elsewhere.creds = elsewhere.cert_dir = NULL;
    int r = unpack_hash_bytes(doc.s, doc.len, &(struct digest){""}, &at, e);
    for (size_t i = 0; r == 0 && i < rq->n_from; i++) {
        bool same = rq->from[i] && strcmp(rq->from[i]->domain, rq->ref->domain) == 0;
        const struct copy_want w = {.job = o->job,
                                    .from = rq->from[i],
                                    .access = same ? &rq->access : &elsewhere,
                                    .to_domain = rq->ref->domain,
                                    .to = &up};
        if (rq->from[i])
            r = copy_image(&w, &rq->what[i], e);
    }
    if (r == 0)
        r = upload_manifest(&up, rq->ref->tag ? rq->ref->tag : at.s, &doc, rq->type, &at, e);
    if (r == 0)
        o->result->digest = at;
    return r;
}

static int ask_open(struct asking_one *o, struct err *e) {
    const struct ask_request *rq = o->rq;
    bool put = rq->kind == ASK_PUT;
    o->names =
        (struct session_names){ref_familiar(rq->ref, o->a), ref_familiar_name(rq->ref, o->a), put};
    if (!o->names.image || !o->names.repo)
        return err_oom(e);
    o->session = (struct session){.wait = job_wait,
                                  .stop = job_stop,
                                  .job = o->job,
                                  .tries = rq->access.tries,
                                  .delay_ms = rq->access.delay_ms};
    int r = fetch_setup(e);
    if (r == 0)
        r = endpoints_origin(rq->ref, &rq->access, o->a, &o->places, e);
    if (r < 0)
        return r;
    if (put)
        endpoints_push(&o->places);
    return fetch_new(&o->session.fetch, e);
}

static int ask_work(struct job *j, const void *data, void *result, struct err *e) {
    struct asking_one o = {.job = j, .rq = data, .a = arena_new(), .result = result};
    int r = o.a ? ask_open(&o, e) : err_oom(e);
    if (r == 0) {
        switch (o.rq->kind) {
        case ASK_TAGS:
            r = one_tags(&o, e);
            break;
        case ASK_MANIFEST:
            r = one_manifest(&o, e);
            break;
        case ASK_BLOB:
            r = one_blob(&o, e);
            break;
        case ASK_REFERRERS:
            r = one_referrers(&o, e);
            break;
        case ASK_PUT:
            r = one_put(&o, e);
            break;
        }
        fetch_free(o.session.fetch);
        endpoints_done(&o.places);
    }
    arena_free(o.a);
    return r;
}

int ask_registry(const struct ask_request *rq, struct ask_result *ret, struct str *reply,
                 struct err *e) {
    struct ask_result ignored;
    const struct helper_task t = {.what = "question to the registry",
                                  .userns_fd = -1,
                                  .no_userns = true,
                                  .fds = {-1, -1, -1},
                                  .work = ask_work,
                                  .rq = rq};
    return helper_run(&t, ret ? ret : &ignored, sizeof(ignored), reply, e);
}
