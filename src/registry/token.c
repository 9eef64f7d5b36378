/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/token.h"

#include "base/json.h"
#include "registry/challenge.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_MAX ((size_t)256 << 10)

static int token_take(void *data, const struct fetch_head *head, const void *p, size_t n,
                      struct err *e) {
    (void)head;
    int r = str_addn(data, p, n);
    return r < 0 ? err_set(e, ERR_CORRUPT, r, "the token server's answer is too large") : 0;
}

static int token_keep(struct endpoint *ep, const struct str *answer, struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(str_c(answer), answer->len, "answer of the token server", &doc, e);
    if (r < 0)
        return r;
    const char *token = js_get_str(doc, "token");
    if (str_empty(token))
        token = js_get_str(doc, "access_token");
    if (!token || !token[0] || strpbrk(token, "\r\n"))
        return err_set(e, ERR_CORRUPT, -EINVAL, "the token server of %s gives no token", ep->host);
    char *copy = strdup(token);
    const char *identity = ep->login.fresh ? js_get_str(doc, "refresh_token") : NULL;
    if (identity && identity[0]) {
        free(ep->login.granted);
        ep->login.granted = strdup(identity);
    }
    if (!copy)
        return err_oom(e);
    pthread_mutex_lock(&ep->mutex);
    free(ep->token);
    ep->token = copy;
    pthread_mutex_unlock(&ep->mutex);
    return 0;
}

static int token_param(struct str *out, const char *sep, const char *name, const char *value) {
    int r = str_addf(out, "%s%s=", sep, name);
    return r < 0 ? r : fetch_escape(out, value);
}

/* GET realm?service=…&scope=…, with the password if there is one. */
static int token_query(const struct challenge *c, const char *scope, const struct login *l,
                       struct str *url) {
    const char *sep = "";
    int r = str_addf(url, "%s%s", c->realm, strchr(c->realm, '?') ? "&" : "?");
    if (r == 0 && c->service[0]) {
        r = token_param(url, sep, "service", c->service);
        sep = "&";
    }
    /* one parameter per scope: not every token server splits them */
    while (r == 0 && *scope) {
        char one[1024];
        size_t n = strcspn(scope, " ");
        snprintf(one, sizeof(one), "%.*s", (int)MIN_OF(n, sizeof(one) - 1), scope);
        if (n)
            r = token_param(url, sep, "scope", one);
        sep = "&";
        scope += n + strspn(scope + n, " ");
    }
    if (r == 0 && l->fresh && l->user) {
        r = token_param(url, sep, "account", l->user);
        if (r == 0)
            r = str_add(url, "&offline_token=true&client_id=hako");
    }
    return r;
}

/* What the challenge asks for; for a push, always the right to write as well: else the first
 * question, which only reads, would get a token that the next one cannot use. */
static int token_scope(const struct challenge *c, const struct endpoint *ep, struct str *ret) {
    char pull[600];
    snprintf(pull, sizeof(pull), "repository:%s:pull", ep->repo ? ep->repo : "");
    if (c->scope[0] && !(ep->push && strcmp(c->scope, pull) == 0))
        return str_add(ret, c->scope);
    return str_empty(ep->repo) ? 0 : str_addf(ret, "%s%s", pull, ep->push ? ",push" : "");
}

/* POST of the OAuth2 refresh grant. */
static int token_form(const struct challenge *c, const char *scope, const char *identity,
                      struct str *form) {
    int r = str_add(form, "grant_type=refresh_token&client_id=hako");
    if (r == 0)
        r = token_param(form, "&", "service", c->service);
    if (r == 0 && scope[0])
        r = token_param(form, "&", "scope", scope);
    return r < 0 ? r : token_param(form, "&", "refresh_token", identity);
}

static int token_refused(const struct endpoint *ep, const struct fetch_head *head, struct err *e) {
    bool login = ep->login.user || ep->login.identity;
    if (head->status == 401 || head->status == 403) {
        if (!login)
            return 1;
        return err_set(e, ERR_DENIED, -EACCES,
                       ep->login.fresh ? "registry %s refuses this user name and password"
                                       : "registry %s refuses the stored credentials: log in again",
                       ep->host);
    }
    return err_set(e, ERR_UNAVAILABLE, -EREMOTEIO,
                   "the token server of %s answers with status %ld: try again later", ep->host,
                   head->status);
}

static int token_fetch(struct fetch *f, struct endpoint *ep, const struct challenge *c,
                       struct err *e) {
    AUTO_STR struct str url = STR_INIT(8192), form = STR_INIT(65536), answer = STR_INIT(TOKEN_MAX);
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX), scope = STR_INIT(2048);
    const struct login *l = &ep->login;
    struct fetch_head head;
    int r = token_scope(c, ep, &scope);
    if (r == 0 && l->identity)
        r = token_form(c, str_c(&scope), l->identity, &form);
    if (r == 0)
        r = l->identity ? str_add(&url, c->realm) : token_query(c, str_c(&scope), l, &url);
    if (r < 0)
        return err_set(e, ERR_CORRUPT, r, "the challenge of registry %s is too long", ep->host);
    struct fetch_want w = {.url = str_c(&url),
                           .user = l->identity ? NULL : l->user,
                           .password = l->password,
                           .form = l->identity ? str_c(&form) : NULL,
                           /* A password in the clear only where the user has allowed it. */
                           .plain_ok = ep->insecure,
                           .unverified = ep->insecure,
                           .direct = ep->loopback,
                           .ca = ep->certs.ca,
                           .cert = ep->certs.cert,
                           .key = ep->certs.key,
                           .body = token_take,
                           .data = &answer};
    r = fetch_run(f, &w, &head, &text, e);
    if (r < 0)
        return err_wrap(e, "token server of %s", ep->host);
    if (head.status / 100 != 2)
        return token_refused(ep, &head, e);
    return token_keep(ep, &answer, e);
}

int token_answer(struct fetch *f, struct endpoint *ep, const struct fetch_head *head,
                 struct err *e) {
    struct challenge c;
    challenge_parse(head->challenge, &c);
    /* A redirect's target asks in its own name: it gets nothing of ours. */
    if (head->redirected || c.scheme == CHALLENGE_NONE)
        return 1;
    if (c.scheme == CHALLENGE_BEARER)
        return token_fetch(f, ep, &c, e);
    if (!ep->login.user)
        return 1;
    pthread_mutex_lock(&ep->mutex);
    ep->basic = true;
    pthread_mutex_unlock(&ep->mutex);
    return 0;
}
