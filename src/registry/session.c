/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/session.h"

#include "base/json.h"
#include "registry/token.h"

#include <string.h>

#define TRIES 4 /* in a row without getting further */
#define ALL_TRIES 100
#define PROGRESS ((uint64_t)128 << 10) /* what counts as getting further */
#define FIRST_WAIT_MS 200U             /* doubled each time */
#define LONGEST_RETRY_AFTER 30U        /* seconds; beyond that the user had better know */

/* One question, over all its tries. */
struct asking {
    struct session *s;
    const struct ask *q;
    uint64_t offset;  /* asked for in this try */
    uint64_t skipped; /* of a body that starts at 0 although we asked for less */
    uint64_t mark;    /* done at the last reset of `tries` */
    unsigned tries, all_tries;
    bool authorized; /* a challenge was answered for this question */
    bool plain;      /* how this try was made */
    bool switched;   /* TLS was tried and plain HTTP is next, or the other way */
};

static uint64_t asking_done(const struct asking *g) {
    return g->q->done ? *g->q->done : 0;
}

static int asking_body(void *data, const struct fetch_head *head, const void *p, size_t n,
                       struct err *e) {
    struct asking *g = data;
    if (head->status != 206 && g->skipped < g->offset) {
        size_t k = MIN_OF((uint64_t)n, g->offset - g->skipped);
        g->skipped += k;
        p = (const char *)p + k;
        n -= k;
    }
    return n && g->q->body ? g->q->body(g->q->data, p, n, e) : 0;
}

static bool asking_stop(void *data) {
    const struct asking *g = data;
    return g->s->stop(g->s->job);
}

/* An upload may lead elsewhere: our credentials stay here. */
static bool asking_is_ours(const struct endpoint *ep, const char *url) {
    const char *p = strstr(url, "://");
    size_t n = strlen(ep->host);
    return p && strncmp(p + 3, ep->host, n) == 0 && (p[3 + n] == '/' || p[3 + n] == '\0');
}

static int asking_once(struct asking *g, struct fetch_head *head, struct str *text, struct err *e) {
    struct endpoint *ep = g->q->ep;
    AUTO_STR struct str url = STR_INIT(8192), token = STR_INIT(65536);
    pthread_mutex_lock(&ep->mutex);
    bool basic = ep->basic;
    g->plain = ep->plain;
    int r = ep->token ? str_add(&token, ep->token) : 0;
    pthread_mutex_unlock(&ep->mutex);
    if (r == 0)
        r = g->q->url ? str_add(&url, g->q->url)
                      : str_addf(&url, "%s://%s/v2/%s%s", g->plain ? "http" : "https", ep->host,
                                 ep->repo, g->q->path);
    bool ours = !g->q->url || asking_is_ours(ep, g->q->url);
    if (r < 0)
        return err_set(e, ERR_USAGE, r, "the address of %s on %s is too long", ep->repo, ep->host);
    g->offset = asking_done(g);
    g->skipped = 0;
    struct fetch_want w = {.url = str_c(&url),
                           .accept = g->q->accept,
                           .user = basic && ours ? ep->login.user : NULL,
                           .password = ep->login.password,
                           .bearer = token.len && !basic && ours ? str_c(&token) : NULL,
                           .method = g->q->method,
                           .send = g->q->send,
                           .content_range = g->q->content_range,
                           .ca = ep->certs.ca,
                           .cert = ep->certs.cert,
                           .key = ep->certs.key,
                           .plain_ok = ep->insecure,
                           .unverified = ep->insecure,
                           .direct = ep->loopback,
                           .offset = g->offset,
                           .body = asking_body,
                           .stop = asking_stop,
                           .data = g};
    r = fetch_run(g->s->fetch, &w, head, text, e);
    if (r == 0) {
        pthread_mutex_lock(&ep->mutex);
        ep->answered = true;
        pthread_mutex_unlock(&ep->mutex);
    }
    return r;
}

/* Loopback and insecure registries speak TLS or not; nobody says so beforehand. */
static bool asking_switch(struct asking *g, int code) {
    struct endpoint *ep = g->q->ep;
    if (!ep->insecure || g->switched || (code != FETCH_NO_TLS && code != FETCH_NO_SERVER))
        return false;
    pthread_mutex_lock(&ep->mutex);
    /* once it has answered, a failure is another's to whom it has sent us, or a passing one; but
     * a thread that began before the answer may have asked in the wrong way */
    bool again = !ep->answered || ep->plain != g->plain;
    if (again && !ep->answered)
        ep->plain = !g->plain; /* not !ep->plain: another thread may have found out as well */
    pthread_mutex_unlock(&ep->mutex);
    g->switched = again;
    return again;
}

bool session_transient(const struct fetch_head *head) {
    switch (head->status) {
    case 429:
        return head->retry_after > 0 && head->retry_after <= LONGEST_RETRY_AFTER;
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

int session_pause(struct session *s, unsigned n, const struct fetch_head *head, struct err *e) {
    unsigned ms = (s->delay_ms ? s->delay_ms : FIRST_WAIT_MS) << MIN_OF(n - 1, 6U);
    if (head && head->retry_after && head->retry_after <= LONGEST_RETRY_AFTER)
        ms = MAX_OF(ms, (unsigned)head->retry_after * 1000U);
    return s->wait(s->job, ms) < 0 ? err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled") : 0;
}

int session_location(const struct endpoint *ep, const char *location, struct str *ret) {
    str_clear(ret);
    if (strstr(location, "://"))
        return str_add(ret, location);
    if (*location != '/')
        return -EINVAL;
    return str_addf(ret, "%s://%s%s", ep->plain ? "http" : "https", ep->host, location);
}

/* Wait before the next try. 1: no more tries. */
static int asking_pause(struct asking *g, const struct fetch_head *head, struct err *e) {
    if (asking_done(g) >= g->mark + PROGRESS) {
        g->mark = asking_done(g);
        g->tries = 0;
    }
    if (++g->tries >= (g->s->tries ? g->s->tries : TRIES) || ++g->all_tries >= ALL_TRIES)
        return 1;
    int r = session_pause(g->s, g->tries, head, e);
    if (r < 0)
        return r;
    if (!g->q->done && g->q->again)
        g->q->again(g->q->data);
    return 0;
}

/* What the answer asks of us: 0 = once more, 1 = it stands. */
static int asking_answered(struct asking *g, const struct fetch_head *head, struct err *e) {
    if (head->status == 401 && !g->authorized) {
        g->authorized = true;
        return token_answer(g->s->fetch, g->q->ep, head, e);
    }
    return session_transient(head) && !g->q->once ? asking_pause(g, head, e) : 1;
}

int session_get(struct session *s, const struct ask *q, struct fetch_head *ret, struct str *text,
                struct err *e) {
    struct asking g = {.s = s, .q = q};
    g.mark = asking_done(&g);
    for (;;) {
        struct fetch_head head = {.status = 0};
        struct err failed;
        int r = asking_once(&g, &head, text, e);
        if (r == 0) {
            r = asking_answered(&g, &head, e);
            if (r == 1)
                *ret = head;
            if (r != 0)
                return r < 0 ? r : 0;
            continue;
        }
        failed = *e;
        if (asking_switch(&g, r))
            continue;
        /* Nobody there: final at first, a stumble once we have had something from there. */
        bool stumble = r == FETCH_BROKEN || (r == FETCH_NO_SERVER && asking_done(&g) > 0);
        r = stumble && !q->once ? asking_pause(&g, NULL, e) : 1;
        if (r == 1)
            *e = failed;
        if (r != 0)
            return e->code;
    }
}

/* The first error of a distribution-spec error document; "" when it is none. */
static void session_error_text(const struct str *text, char code[static 64],
                               char message[static 200]) {
    struct err ignored;
    AUTO_JS js *doc = NULL;
    code[0] = message[0] = '\0';
    if (text->len == 0 || js_parse(str_c(text), text->len, "error", &doc, &ignored) < 0)
        return;
    const js *first = js_at(js_get(doc, "errors"), 0);
    (void)str_copy(code, 64, js_get_str_or(first, "code", ""));
    (void)str_copy(message, 200, js_get_str_or(first, "message", ""));
    for (char *p = message; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' '; /* it goes to a terminal */
    }
}

static int session_missing(const struct ask *q, const struct session_names *names, const char *code,
                           struct err *e) {
    if (str_starts(q->path, "/blobs/"))
        return err_set(e, ERR_NOT_FOUND, -ENOENT,
                       "registry %s has lost blob %.19s of %s: push the image again", q->ep->host,
                       q->path + strlen("/blobs/"), names->image);
    if (strcmp(code, "NAME_UNKNOWN") == 0)
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "repository for %s not found on %s: name unknown",
                       names->repo, q->ep->host);
    return err_set(e, ERR_NOT_FOUND, -ENOENT, "manifest for %s not found: manifest unknown",
                   names->image);
}

int session_refusal(const struct ask *q, const struct session_names *names,
                    const struct fetch_head *head, const struct str *text, struct err *e) {
    char code[64], message[200];
    session_error_text(text, code, message);
    const char *sep = message[0] ? ": " : "";
    switch (head->status) {
    case 401:
    case 403:
        return err_set(e, ERR_DENIED, -EACCES,
                       names->push ? "push access denied for %s: it may require 'hako login'%s%s"
                                   : "pull access denied for %s, repository does not exist or may "
                                     "require 'hako login'%s%s",
                       names->repo, sep, message);
    case 404:
        return session_missing(q, names, code, e);
    case 429:
        return err_set(e, ERR_UNAVAILABLE, -EBUSY,
                       "toomanyrequests: registry %s limits the number of pulls%s%s: wait, or log "
                       "in for a higher limit",
                       q->ep->host, sep, message);
    default:
        return err_set(e, ERR_UNAVAILABLE, -EREMOTEIO, "registry %s answers with status %ld%s%s%s",
                       q->ep->host, head->status, sep, message,
                       head->status >= 500 ? ": try again later" : "");
    }
}
