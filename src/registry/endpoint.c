/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/endpoint.h"

#include "base/str.h"

#include <string.h>

#define MAX_MIRRORS 16

bool endpoint_is_loopback(const char *host) {
    if (str_starts(host, "[::1]"))
        return host[5] == '\0' || host[5] == ':';
    size_t n = strcspn(host, ":");
    if (n == 9 && strncmp(host, "localhost", 9) == 0)
        return true;
    /* An address, not a name that begins like one. */
    return str_starts(host, "127.") && strspn(host, "0123456789.") == n;
}

static const struct registry_entry *endpoint_config(const struct registry_config *config,
                                                    const char *host) {
    for (size_t i = 0; config && i < config->n; i++) {
        if (strcmp(config->v[i].host, host) == 0)
            return &config->v[i];
    }
    return NULL;
}

static int endpoint_creds(struct endpoint *ep, const char *creds, struct arena *a, struct err *e) {
    size_t n = strcspn(creds, ":");
    ep->login.user = arena_strndup(a, creds, n);
    ep->login.password = arena_strdup(a, creds[n] ? creds + n + 1 : "");
    return ep->login.user && ep->login.password ? 0 : err_oom(e);
}

static int endpoint_fill(struct endpoint *ep, const char *name, const char *host,
                         const char *prefix, const struct ref *ref,
                         const struct registry_access *access, struct arena *a, struct err *e) {
    const struct registry_entry *known = endpoint_config(access->config, name);
    ep->host = arena_strdup(a, host);
    ep->repo = arena_printf(a, "%s%s%s", prefix, *prefix ? "/" : "", ref->path);
    if (!ep->host || !ep->repo)
        return err_oom(e);
    ep->loopback = endpoint_is_loopback(host);
    ep->insecure = ep->insecure || ep->loopback || (known && known->insecure);
    if (access->tls != VERIFY_DEFAULT)
        ep->insecure = access->tls == VERIFY_NO;
    int r = certs_find(access->cert_dir, host, a, &ep->certs, e);
    if (r < 0)
        return r;
    return access->creds ? endpoint_creds(ep, access->creds, a, e)
                         : login_find(access->auth_file, name, ep->repo, a, &ep->login, e);
}

/* "[http[s]://]host[:port][/prefix]" */
static int endpoint_mirror(struct endpoint *ep, const char *text, const struct ref *ref,
                           const struct registry_access *access, struct arena *a, struct err *e) {
    if (str_starts(text, "http://")) {
        ep->insecure = true;
        text += 7;
    } else if (str_starts(text, "https://")) {
        text += 8;
    }
    size_t n = strcspn(text, "/");
    char *host = arena_strndup(a, text, n);
    char *prefix = arena_strdup(a, text[n] ? text + n + 1 : "");
    if (!host || !prefix)
        return err_oom(e);
    for (size_t k = strlen(prefix); k > 0 && prefix[k - 1] == '/'; k--)
        prefix[k - 1] = '\0';
    if (!*host)
        return err_set(
            e, ERR_USAGE, -EINVAL,
            "mirror \"%.100s\" of %s is not host[:port][/prefix]: mend the configuration", text,
            ref->domain);
    return endpoint_fill(ep, host, host, prefix, ref, access, a, e);
}

static int endpoint_origin(struct endpoint *ep, const struct ref *ref,
                           const struct registry_access *access, struct arena *a, struct err *e) {
    const char *host = ref->domain;
    if (strcmp(host, "docker.io") == 0)
        host = "registry-1.docker.io";
    return endpoint_fill(ep, ref->domain, host, "", ref, access, a, e);
}

static int endpoints_list(const struct ref *ref, const struct registry_access *access, bool mirrors,
                          struct arena *a, struct endpoints *ret, struct err *e) {
    const struct registry_entry *known = endpoint_config(access->config, ref->domain);
    struct endpoints list = {NULL, 1};
    if (known && known->blocked)
        return err_set(e, ERR_DENIED, -EPERM, "registry %s is blocked by the configuration",
                       ref->domain);
    while (mirrors && known && known->mirrors && known->mirrors[list.n - 1] &&
           list.n <= MAX_MIRRORS)
        list.n++;
    list.v = arena_array(a, list.n, struct endpoint);
    if (!list.v)
        return err_oom(e);
    int r = 0;
    for (size_t i = 0; r == 0 && i + 1 < list.n; i++)
        r = endpoint_mirror(&list.v[i], known->mirrors[i], ref, access, a, e);
    if (r == 0)
        r = endpoint_origin(&list.v[list.n - 1], ref, access, a, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.n; i++)
        pthread_mutex_init(&list.v[i].mutex, NULL);
    *ret = list;
    return 0;
}

int endpoints_make(const struct ref *ref, const struct registry_access *access, struct arena *a,
                   struct endpoints *ret, struct err *e) {
    return endpoints_list(ref, access, true, a, ret, e);
}

int endpoints_origin(const struct ref *ref, const struct registry_access *access, struct arena *a,
                     struct endpoints *ret, struct err *e) {
    return endpoints_list(ref, access, false, a, ret, e);
}

void endpoints_push(struct endpoints *list) {
    for (size_t i = 0; i < list->n; i++)
        list->v[i].push = true;
}

void endpoints_done(struct endpoints *list) {
    for (size_t i = 0; i < list->n; i++) {
        free(list->v[i].token);
        pthread_mutex_destroy(&list->v[i].mutex);
    }
    list->n = 0;
}
