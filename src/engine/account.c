/* SPDX-License-Identifier: Apache-2.0 */
/* login, logout, search: the user and registries. */
#include "registry/account.h"

#include "base/str.h"
#include "engine/engine.h"

#include <string.h>

/* "https://index.docker.io/v1/", "http://host:5000", "host:5000/", NULL → the registry's name. */
static int account_host(const char *given, struct arena *a, char **ret, struct err *e) {
    const char *p = str_empty(given) ? "docker.io" : given;
    if (str_starts(p, "https://"))
        p += 8;
    else if (str_starts(p, "http://"))
        p += 7;
    char *host = arena_strndup(a, p, strcspn(p, "/"));
    if (!host)
        return err_oom(e);
    if (!*host || strpbrk(host, " \t\r\n@?#\\\"'") || strlen(host) > 255)
        return err_set(e, ERR_USAGE, -EINVAL, "\"%.100s\" is no address of a registry", given);
    if (strcmp(host, "index.docker.io") == 0 || strcmp(host, "registry-1.docker.io") == 0)
        host = arena_strdup(a, "docker.io");
    *ret = host;
    return host ? 0 : err_oom(e);
}

static int account_open(hako_engine *g, const char *registry, struct arena *a,
                        const struct registry_module **m, const struct config **cfg, char **host,
                        struct err *e) {
    int r = a ? account_host(registry, a, host, e) : err_oom(e);
    if (r == 0)
        r = engine_config(g, cfg, e);
    return r < 0 ? r : module_registry(g, m, e);
}

int hako_login(hako_engine *g, const struct hako_login_options *o, struct hako_logged_in *ret,
               hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct registry_module *m = NULL;
    const struct config *cfg = NULL;
    char *host = NULL;
    struct login_result got;
    int r = account_open(g, o->registry, a, &m, &cfg, &host, e);
    if (r == 0 && (str_empty(o->user) || strchr(o->user, ':')))
        r = err_set(e, ERR_USAGE, -EINVAL, "a user name is needed, without \":\"");
    if (r == 0 && !o->password)
        r = err_set(e, ERR_USAGE, -EINVAL, "a password is needed");
    if (r < 0)
        return r;
    const struct login_request rq = {
        .host = host,
        .user = o->user,
        .password = o->password,
        .file = o->authfile,
        .access = {.config = &cfg->registries,
                   .creds = "",
                   .cert_dir = o->cert_dir,
                   .tls = !o->tls_verify_set ? VERIFY_DEFAULT
                          : o->tls_verify    ? VERIFY_YES
                                             : VERIFY_NO},
    };
    r = m->login(&rq, &got, e);
    if (r < 0)
        return r;
    (void)str_copy(ret->registry, sizeof(ret->registry), host);
    (void)str_copy(ret->file, sizeof(ret->file), got.file);
    ret->plain = got.plain;
    return 0;
}

int hako_logout(hako_engine *g, const char *registry, bool all, const char *authfile,
                size_t *ret_removed, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct registry_module *m = NULL;
    const struct config *cfg = NULL;
    char *host = NULL;
    int r = account_open(g, registry, a, &m, &cfg, &host, e);
    const struct logout_request rq = {.host = all ? NULL : host, .file = authfile};
    return r < 0 ? r : m->logout(&rq, ret_removed, e);
}

int hako_login_user(hako_engine *g, const char *registry, const char *authfile, char **ret_user,
                    hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct registry_module *m = NULL;
    const struct config *cfg = NULL;
    char *host = NULL, *user = NULL;
    int r = account_open(g, registry, a, &m, &cfg, &host, e);
    if (r == 0)
        r = m->user(host, authfile, &user, e);
    if (r == 0 && !user)
        r = err_set(e, ERR_NOT_FOUND, -ENOENT, "not logged into %s", host);
    if (r == 0)
        *ret_user = user;
    return r;
}

int hako_search(hako_engine *g, const struct hako_search_options *o, char **ret_json,
                hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str reply = STR_INIT((size_t)16 << 20);
    const struct registry_module *m = NULL;
    const struct config *cfg = NULL;
    char *host = NULL;
    int r = account_open(g, o->registry, a, &m, &cfg, &host, e);
    if (r < 0)
        return r;
    const struct search_request rq = {
        .host = host,
        .term = o->term ? o->term : "",
        .limit = o->limit ? o->limit : 25,
        .access = {.config = &cfg->registries,
                   .auth_file = o->authfile,
                   .creds = o->creds,
                   .cert_dir = o->cert_dir,
                   .tls = !o->tls_verify_set ? VERIFY_DEFAULT
                          : o->tls_verify    ? VERIFY_YES
                                             : VERIFY_NO},
    };
    r = m->search(&rq, &reply, e);
    if (r == 0) {
        *ret_json = str_take(&reply);
        r = *ret_json ? 0 : err_oom(e);
    }
    return r;
}
