/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry has: its own search (version 1 of the API, which Docker Hub and quay.io still
 * answer), or its catalogue.
 */
#include "registry/account.h"

#include "base/io.h"
#include "base/json.h"
#include "registry/helper.h"
#include "registry/session.h"

#include <stdio.h>
#include <string.h>

#define SEARCH_MAX ((size_t)8 << 20)
#define SEARCH_PAGE 1000

struct search {
    const struct search_request *rq;
    struct job *job;
    struct session s;
    struct endpoints places;
    struct str body;
    js *found; /* array */
};

static int search_take(void *data, const void *p, size_t n, struct err *e) {
    int r = str_addn(data, p, n);
    return r < 0 ? err_set(e, ERR_CORRUPT, r, "the registry's answer is too large") : 0;
}
static int search_take_fetched(void *data, const struct fetch_head *head, const void *p, size_t n,
                               struct err *e) {
    (void)head;
    return search_take(&((struct search *)data)->body, p, n, e);
}
static bool search_stop(void *data) {
    return job_stop(((struct search *)data)->job);
}
static void search_again(void *data) {
    str_clear(data);
}

static void search_add(struct search *s, const char *name, const js *doc) {
    js *o = js_new_object();
    js_set_str(o, "name", name);
    js_set_str(o, "description", js_get_str_or(doc, "description", ""));
    js_set_i64(o, "star_count", js_get_i64(doc, "star_count", 0));
    js_set_bool(o, "is_official", js_get_bool(doc, "is_official", false));
    js_set_bool(o, "is_automated", js_get_bool(doc, "is_automated", false));
    js_push(s->found, o);
}

/* --- the catalogue --------------------------------------------------------------------------- */

/* Names of one page that hold the term; *last is the page's last name, "" when it was the end. */
static int search_page(struct search *s, char last[static 512], struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(str_c(&s->body), s->body.len, "catalogue", &doc, e);
    const js *names = r == 0 ? js_get(doc, "repositories") : NULL;
    for (size_t i = 0; i < js_len(names); i++) {
        const char *name = js_str(js_at(names, i));
        if (name && strstr(name, s->rq->term) && js_len(s->found) < s->rq->limit)
            search_add(s, name, NULL);
        (void)str_copy(last, 512, name ? name : "");
    }
    if (js_len(names) < SEARCH_PAGE)
        last[0] = '\0';
    return r;
}

static int search_catalogue(struct search *s, struct err *e) {
    struct endpoint *ep = &s->places.v[0];
    char last[512] = "";
    do {
        AUTO_STR struct str path = STR_INIT(2048), text = STR_INIT(FETCH_TEXT_MAX);
        struct fetch_head head;
        if (str_addf(&path, "_catalog?n=%d", SEARCH_PAGE) < 0 ||
            (last[0] && (str_add(&path, "&last=") < 0 || fetch_escape(&path, last) < 0)))
            return err_oom(e);
        const struct ask q = {.ep = ep,
                              .path = str_c(&path),
                              .body = search_take,
                              .again = search_again,
                              .data = &s->body};
        str_clear(&s->body);
        int r = session_get(&s->s, &q, &head, &text, e);
        if (r < 0)
            return r;
        if (head.status / 100 != 2)
            return err_set(e, ERR_UNAVAILABLE, -EREMOTEIO,
                           "registry %s does not tell its catalogue (status %ld)%s", ep->host,
                           head.status, head.status == 401 ? ": log in first" : "");
        r = search_page(s, last, e);
        if (r < 0)
            return r;
    } while (last[0] && js_len(s->found) < s->rq->limit);
    return 0;
}

/* --- version 1 ------------------------------------------------------------------------------- */

static int search_v1(struct search *s, const char *host, struct err *e) {
    const struct endpoint *ep = &s->places.v[0];
    AUTO_STR struct str url = STR_INIT(4096), text = STR_INIT(FETCH_TEXT_MAX);
    AUTO_JS js *doc = NULL;
    struct fetch_head head;
    int r = str_addf(&url, "%s://%s/v1/search?n=%u&q=", ep->plain ? "http" : "https", host,
                     MIN_OF(s->rq->limit, 100U));
    if (r == 0)
        r = fetch_escape(&url, s->rq->term);
    if (r < 0)
        return err_set(e, ERR_USAGE, r, "the search term is too long");
    str_clear(&s->body);
    const struct fetch_want w = {.url = str_c(&url),
                                 .user = ep->login.user,
                                 .password = ep->login.password,
                                 .ca = ep->certs.ca,
                                 .cert = ep->certs.cert,
                                 .key = ep->certs.key,
                                 .plain_ok = ep->insecure,
                                 .unverified = ep->insecure,
                                 .direct = ep->loopback,
                                 .body = search_take_fetched,
                                 .stop = search_stop,
                                 .data = s};
    r = fetch_run(s->s.fetch, &w, &head, &text, e);
    if (r < 0)
        return r;
    if (head.status / 100 != 2)
        return err_set(e, ERR_UNAVAILABLE, -EREMOTEIO, "registry %s does not search (status %ld)",
                       host, head.status);
    r = js_parse(str_c(&s->body), s->body.len, "search result", &doc, e);
    const js *v = r == 0 ? js_get(doc, "results") : NULL;
    for (size_t i = 0; i < js_len(v) && js_len(s->found) < s->rq->limit; i++) {
        const char *name = js_get_str(js_at(v, i), "name");
        if (name)
            search_add(s, name, js_at(v, i));
    }
    return r;
}

static int search_all(struct search *s, struct err *e) {
    if (strcmp(s->rq->host, "docker.io") == 0)
        return search_v1(s, "index.docker.io", e);
    int r = search_catalogue(s, e);
    if (r == 0 && js_len(s->found) > 0)
        return 0;
    struct err other;
    int v1 = search_v1(s, s->places.v[0].host, &other);
    return v1 == 0 ? 0 : r;
}

static int search_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct search_request *rq = data;
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(SEARCH_MAX);
    struct search s = {.rq = rq,
                       .job = j,
                       .s = {.wait = job_wait, .stop = job_stop, .job = j},
                       .body = STR_INIT(SEARCH_MAX)};
    (void)result;
    char *host = a ? arena_strdup(a, rq->host) : NULL, *path = a ? arena_strdup(a, "") : NULL;
    s.found = js_new_array();
    if (!host || !path || !s.found)
        return err_oom(e);
    const struct ref ref = {.domain = host, .path = path};
    int r = fetch_setup(e);
    if (r == 0)
        r = endpoints_origin(&ref, &rq->access, a, &s.places, e);
    if (r == 0)
        r = fetch_new(&s.s.fetch, e);
    if (r == 0)
        r = search_all(&s, e);
    if (r == 0 && js_print(s.found, JS_COMPACT, &text) < 0)
        r = err_oom(e);
    if (r == 0 && io_write_all(j->reply, str_c(&text), text.len) < 0)
        r = err_set(e, ERR_INTERNAL, -EIO, "cannot hand over the result");
    js_free(s.found);
    str_free(&s.body);
    return r;
}

int account_search(const struct search_request *rq, struct str *reply, struct err *e) {
    const struct helper_task t = {.what = "search",
                                  .userns_fd = -1,
                                  .no_userns = true,
                                  .fds = {-1, -1, -1},
                                  .work = search_work,
                                  .rq = rq};
    return helper_run(&t, NULL, 0, reply, e);
}
