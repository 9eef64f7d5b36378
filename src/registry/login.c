/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/login.h"

#include "base/base64.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "registry/credhelper.h"

#include <fcntl.h>
#include <string.h>

/* "auth": base64 of user:password. */
static int login_decode_auth(const char *auth, struct arena *a, struct login *l) {
    AUTO_STR struct str decoded = STR_INIT(LOGIN_MAX_FILE);
    int r = base64_decode(auth, strlen(auth), &decoded);
    if (r < 0 || (decoded.len && memchr(decoded.s, '\0', decoded.len)))
        return r == -ENOMEM ? r : -EINVAL;
    char *plain = arena_strdup(a, str_c(&decoded));
    if (!plain)
        return -ENOMEM;
    char *colon = strchr(plain, ':');
    if (!colon)
        return -EINVAL;
    *colon = '\0';
    l->user = plain;
    l->password = colon + 1;
    return 0;
}

static int login_decode(const js *entry, struct arena *a, struct login *ret) {
    struct login l = {.user = NULL};
    const char *auth = js_get_str(entry, "auth");
    const char *user = js_get_str(entry, "username"), *password = js_get_str(entry, "password");
    const char *identity = js_get_str(entry, "identitytoken");
    if (!str_empty(auth)) {
        int r = login_decode_auth(auth, a, &l);
        if (r < 0)
            return r;
    } else if (!str_empty(user) && password) {
        l.user = arena_strdup(a, user);
        l.password = arena_strdup(a, password);
        if (!l.user || !l.password)
            return -ENOMEM;
    }
    if (!str_empty(identity)) {
        l.identity = arena_strdup(a, identity);
        if (!l.identity)
            return -ENOMEM;
    }
    *ret = l;
    return 0;
}

const char *login_key(const char *host) {
    return strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host;
}

/* Old files hold "https://host/v1/". */
bool login_names_host(const char *key, const char *host) {
    if (strcmp(key, "https://index.docker.io/v1/") == 0 || strcmp(key, "index.docker.io") == 0 ||
        strcmp(key, "registry-1.docker.io") == 0)
        return strcmp(host, "docker.io") == 0;
    const char *p = str_starts(key, "https://")  ? key + 8
                    : str_starts(key, "http://") ? key + 7
                                                 : key;
    size_t n = strcspn(p, "/");
    if (n != strlen(host) || strncmp(p, host, n) != 0)
        return false;
    return p != key || p[n] == '\0'; /* "host/name" without a scheme names a repository */
}

/* How much of "host/path" the key covers: 0 = not at all. */
static size_t login_match(const char *key, const char *host, const char *path) {
    size_t n = strlen(host), k = strlen(key);
    if (login_names_host(key, host))
        return 1;
    if (strncmp(key, host, n) != 0 || key[n] != '/' || k - n - 1 > strlen(path))
        return 0;
    const char *rest = key + n + 1;
    size_t m = strlen(rest);
    if (m == 0 || strncmp(path, rest, m) != 0 || (path[m] != '\0' && path[m] != '/'))
        return 0;
    return 1 + m;
}

int login_parse(const char *text, size_t len, const char *what, const char *host, const char *path,
                struct arena *a, struct login *ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(text, len, what, &doc, e);
    if (r < 0)
        return r;
    const js *auths = js_get(doc, "auths"), *found = NULL;
    size_t best = 0;
    struct js_iter it = js_iter(auths);
    while (js_type(auths) == JS_OBJECT && js_next(&it)) {
        size_t m = login_match(it.key, host, path);
        if (m > best && js_type(it.value) == JS_OBJECT) {
            best = m;
            found = it.value;
        }
    }
    if (!found)
        return 0;
    r = login_decode(found, a, ret);
    if (r == -ENOMEM)
        return err_oom(e);
    if (r < 0)
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "%s: the entry for %s holds no base64 of user:password: log in again", what,
                       host);
    return 0;
}

const char *login_helper(const char *text, size_t len, const char *host, struct arena *a) {
    AUTO_JS js *doc = NULL;
    struct err ignored;
    if (js_parse(text, len, "credentials", &doc, &ignored) < 0)
        return NULL;
    const js *helpers = js_get(doc, "credHelpers");
    struct js_iter it = js_iter(helpers);
    while (js_type(helpers) == JS_OBJECT && js_next(&it))
        if (login_names_host(it.key, host) && !str_empty(js_str(it.value)))
            return arena_strdup(a, js_str(it.value));
    const char *store = js_get_str(doc, "credsStore");
    return str_empty(store) ? NULL : arena_strdup(a, store);
}

static int login_read(const char *file, bool must, const char *host, const char *path,
                      struct arena *a, struct login *ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(LOGIN_MAX_FILE);
    int r = io_read_file(AT_FDCWD, file, &text);
    if (r == -ENOENT && !must)
        return 0;
    if ((r == -EACCES || r == -ENOTDIR) && !must)
        return 0;
    if (r < 0)
        return err_sysn(e, r, "cannot read credentials from %s", file);
    const char *helper = login_helper(str_c(&text), text.len, host, a);
    r = helper ? credhelper_get(helper, login_key(host), a, ret, e) : 1;
    if (r <= 0)
        return r < 0 ? err_wrap(e, "%s", file) : 0;
    return login_parse(str_c(&text), text.len, file, host, path, a, ret, e);
}

/* $var/tail, or ~/home_tail when the variable is not set. */
static char *login_place(const char *var, const char *tail, const char *home_tail,
                         struct arena *a) {
    const char *dir = getenv(var), *home = getenv("HOME");
    if (!str_empty(dir))
        return arena_printf(a, "%s%s", dir, tail);
    return home_tail && !str_empty(home) ? arena_printf(a, "%s%s", home, home_tail) : NULL;
}

void login_places(struct arena *a, char *ret[static LOGIN_PLACES]) {
    ret[LOGIN_PLACE_ENV] = login_place("REGISTRY_AUTH_FILE", "", NULL, a);
    ret[LOGIN_PLACE_DOCKER] =
        login_place("DOCKER_CONFIG", "/config.json", "/.docker/config.json", a);
    ret[LOGIN_PLACE_RUN] = login_place("XDG_RUNTIME_DIR", "/containers/auth.json", NULL, a);
    ret[LOGIN_PLACE_CONFIG] =
        login_place("XDG_CONFIG_HOME", "/containers/auth.json", "/.config/containers/auth.json", a);
}

int login_find(const char *file, const char *host, const char *path, struct arena *a,
               struct login *ret, struct err *e) {
    struct login l = {.user = NULL};
    int r = 0;
    if (file) {
        r = login_read(file, true, host, path, a, &l, e);
    } else {
        char *places[LOGIN_PLACES];
        login_places(a, places);
        for (size_t i = 0; r == 0 && !l.user && !l.identity && i < LOGIN_PLACES; i++) {
            if (places[i])
                r = login_read(places[i], false, host, path, a, &l, e);
        }
    }
    if (r == 0)
        *ret = l;
    return r;
}
