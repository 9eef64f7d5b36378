/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/account.h"

#include "base/io.h"
#include "registry/helper.h"
#include "registry/login_file.h"
#include "registry/session.h"

#include <string.h>

/* --- login ----------------------------------------------------------------------------------- */

static int account_ignore(void *data, const void *p, size_t n, struct err *e) {
    (void)data, (void)p, (void)n, (void)e;
    return 0;
}

/* GET /v2/ as this user. 0 = the registry is content; what it grants goes to the reply. */
static int account_ask(struct session *s, struct endpoint *ep, struct err *e) {
    AUTO_STR struct str text = STR_INIT(FETCH_TEXT_MAX);
    const struct ask q = {.ep = ep, .path = "", .body = account_ignore};
    struct fetch_head head;
    int r = session_get(s, &q, &head, &text, e);
    if (r < 0 || head.status / 100 == 2)
        return r;
    if (head.status == 401 || head.status == 403)
        return err_set(e, ERR_DENIED, -EACCES, "registry %s refuses this user name and password",
                       ep->host);
    if (head.status == 404)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                       "%s answers, but is no registry: /v2/ is not found", ep->host);
    return err_set(e, ERR_UNAVAILABLE, -EREMOTEIO, "registry %s answers with status %ld", ep->host,
                   head.status);
}

static int account_verify(struct job *j, const void *data, void *result, struct err *e) {
    const struct login_request *rq = data;
    AUTO_ARENA struct arena *a = arena_new();
    struct session s = {.wait = job_wait, .stop = job_stop, .job = j};
    struct endpoints list = {NULL, 0};
    (void)result;
    char *host = a ? arena_strdup(a, rq->host) : NULL, *path = a ? arena_strdup(a, "") : NULL;
    if (!host || !path)
        return err_oom(e);
    const struct ref ref = {.domain = host, .path = path};
    int r = fetch_setup(e);
    if (r == 0)
        r = endpoints_origin(&ref, &rq->access, a, &list, e);
    if (r < 0 || !list.v)
        return r < 0 ? r : err_oom(e);
    struct login *l = &list.v[0].login;
    *l = (struct login){.user = arena_strdup(a, rq->user),
                        .password = arena_strdup(a, rq->password),
                        .fresh = true};
    r = l->user && l->password ? fetch_new(&s.fetch, e) : err_oom(e);
    if (r == 0)
        r = account_ask(&s, &list.v[0], e);
    if (r == 0 && l->granted && io_write_all(j->reply, l->granted, strlen(l->granted)) < 0)
        r = err_set(e, ERR_INTERNAL, -EIO, "cannot hand over the identity token");
    free(l->granted);
    fetch_free(s.fetch);
    endpoints_done(&list);
    return r;
}

int account_login(const struct login_request *rq, struct login_result *ret, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str granted = STR_INIT((size_t)64 << 10);
    const struct helper_task t = {.what = "login",
                                  .userns_fd = -1,
                                  .no_userns = true,
                                  .fds = {-1, -1, -1},
                                  .work = account_verify,
                                  .rq = rq};
    int r = a ? helper_run(&t, NULL, 0, &granted, e) : err_oom(e);
    if (r < 0)
        return r;
    struct login l = {.user = arena_strdup(a, rq->user), .password = arena_strdup(a, rq->password)};
    if (granted.len)
        l.identity = arena_strdup(a, str_c(&granted));
    const char *file = rq->file ? rq->file : login_file_default(a);
    if (!l.user || !l.password || (granted.len && !l.identity))
        return err_oom(e);
    if (!file)
        return err_set(e, ERR_USAGE, -ENOENT,
                       "no place for credentials: set HOME or DOCKER_CONFIG, or use --authfile");
    struct login_result res = {.plain = true};
    r = login_file_store(file, rq->host, &l, &res.plain, e);
    if (r < 0)
        return r;
    (void)str_copy(res.file, sizeof(res.file), file);
    *ret = res;
    return 0;
}

/* --- logout ---------------------------------------------------------------------------------- */

int account_logout(const struct logout_request *rq, size_t *removed, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    char *places[LOGIN_PLACES] = {NULL};
    size_t n = 0;
    int r = a ? 0 : err_oom(e);
    if (r == 0 && rq->file)
        r = login_file_erase(rq->file, rq->host, &n, e);
    else if (r == 0)
        login_places(a, places);
    for (size_t i = 0; i < LOGIN_PLACES && r == 0; i++)
        if (places[i])
            r = login_file_erase(places[i], rq->host, &n, e);
    if (r == 0)
        *removed = n;
    return r;
}

int account_user(const char *host, const char *file, char **ret, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct login l = {.user = NULL};
    int r = a ? login_find(file, host, "", a, &l, e) : err_oom(e);
    if (r < 0)
        return r;
    const char *user = l.user ? l.user : l.identity ? "<token>" : NULL;
    *ret = user ? strdup(user) : NULL;
    return user && !*ret ? err_oom(e) : 0;
}
