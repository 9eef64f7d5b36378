/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/login_file.h"

#include "base/base64.h"
#include "base/io.h"
#include "base/json.h"
#include "base/path.h"
#include "base/str.h"
#include "registry/credhelper.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

/* The document; an empty one for a file that is not there. */
static int login_file_read(const char *file, struct str *text, js **ret, struct err *e) {
    int r = io_read_file(AT_FDCWD, file, text);
    if (r == -ENOENT || (r == 0 && text->len == 0)) {
        *ret = js_new_object();
        return *ret ? 0 : err_oom(e);
    }
    if (r < 0)
        return err_sysn(e, r, "cannot read %s", file);
    r = js_parse(str_c(text), text->len, file, ret, e);
    if (r == 0 && js_type(*ret) != JS_OBJECT)
        r = err_set(e, ERR_CORRUPT, -EINVAL, "%s: expected a JSON object", file);
    return r;
}

static int login_file_write(const char *file, const js *doc, struct err *e) {
    AUTO_STR struct str text = STR_INIT(LOGIN_MAX_FILE);
    if (js_print(doc, JS_PRETTY, &text) < 0 || str_addc(&text, '\n') < 0)
        return err_set(e, ERR_NO_SPACE, -EOVERFLOW, "%s would be larger than 1 MiB", file);
    int r = io_replace_file(AT_FDCWD, file, str_c(&text), text.len, 0600, true);
    return r < 0 ? err_sysn(e, r, "cannot write %s", file) : 0;
}

/* Where it really lies; its directory is made. Two logins at once: one after the other. */
static int login_file_lock(const char *file, bool make, struct arena *a, const char **real,
                           int *lock, struct err *e) {
    char buf[PATH_MAX];
    *real = realpath(file, buf) ? arena_strdup(a, buf) : file;
    const char *slash = *real ? strrchr(*real, '/') : NULL;
    const char *dir = !slash ? "." : slash == *real ? "/" : NULL;
    if (!dir)
        dir = arena_strndup(a, *real, (size_t)(slash - *real));
    if (!*real || !dir)
        return err_oom(e);
    int r = make ? path_mkdir_p(AT_FDCWD, dir, 0700) : 0;
    if (r < 0)
        return err_sysn(e, r, "cannot make %s", dir);
    *lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0 && errno == ENOENT && !make)
        return 0;
    if (*lock < 0)
        return err_sys(e, "%s", dir);
    while (flock(*lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_sys(e, "cannot lock %s", dir);
    return 0;
}

/* The entry that goes into "auths"; empty when a helper has the secret. */
static js *login_file_entry(const struct login *l, bool helper) {
    AUTO_STR struct str plain = STR_INIT(LOGIN_MAX_FILE / 2), auth = STR_INIT(LOGIN_MAX_FILE);
    js *entry = js_new_object();
    if (!entry || helper)
        return entry;
    if (str_addf(&plain, "%s:%s", l->user ? l->user : "",
                 l->identity || !l->password ? "" : l->password) < 0 ||
        base64_encode(str_c(&plain), plain.len, &auth) < 0 ||
        js_set_str(entry, "auth", str_c(&auth)) < 0 ||
        js_set_str(entry, "identitytoken", l->identity) < 0) {
        js_free(entry);
        return NULL;
    }
    return entry;
}

int login_file_store(const char *file, const char *host, const struct login *l, bool *plain,
                     struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(LOGIN_MAX_FILE);
    AUTO_JS js *doc = NULL;
    AUTO_FD int lock = -1;
    const char *real = NULL;
    int r = a ? login_file_lock(file, true, a, &real, &lock, e) : err_oom(e);
    if (r == 0)
        r = login_file_read(real, &text, &doc, e);
    if (r < 0)
        return r;
    const char *helper = login_helper(str_c(&text), text.len, host, a);
    if (helper)
        r = credhelper_store(helper, login_key(host), l, e);
    if (r < 0)
        return r;
    js *auths = js_get(doc, "auths");
    if (!auths && js_set(doc, "auths", js_new_object()) < 0)
        return err_oom(e);
    auths = js_get(doc, "auths");
    if (js_type(auths) != JS_OBJECT)
        return err_set(e, ERR_CORRUPT, -EINVAL, "%s: \"auths\" is no object", real);
    js *entry = login_file_entry(l, helper != NULL);
    if (!entry || js_set(auths, login_key(host), entry) < 0)
        return err_oom(e);
    r = login_file_write(real, doc, e);
    if (r == 0)
        *plain = !helper;
    return r;
}

/* Names first: an object does not change while one walks through it. */
static int login_file_matches(const js *auths, const char *host, struct arena *a,
                              struct strlist *ret, struct err *e) {
    struct js_iter it = js_iter(auths);
    while (js_type(auths) == JS_OBJECT && js_next(&it))
        if ((!host || login_names_host(it.key, host)) && strlist_add(a, ret, it.key) < 0)
            return err_oom(e);
    return 0;
}

int login_file_erase(const char *file, const char *host, size_t *removed, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(LOGIN_MAX_FILE);
    AUTO_JS js *doc = NULL;
    AUTO_FD int lock = -1;
    const char *real = NULL;
    struct strlist keys = {0};
    int r = a ? login_file_lock(file, false, a, &real, &lock, e) : err_oom(e);
    if (r == 0)
        r = login_file_read(real, &text, &doc, e);
    js *auths = r == 0 ? js_get(doc, "auths") : NULL;
    if (r == 0)
        r = login_file_matches(auths, host, a, &keys, e);
    for (size_t i = 0; i < keys.n && r == 0; i++) {
        const char *helper = login_helper(str_c(&text), text.len, host ? host : keys.v[i], a);
        if (helper)
            r = credhelper_erase(helper, keys.v[i], e);
        js_del(auths, keys.v[i]);
        ++*removed;
    }
    return r < 0 || keys.n == 0 ? r : login_file_write(real, doc, e);
}

const char *login_file_default(struct arena *a) {
    char *places[LOGIN_PLACES];
    login_places(a, places);
    return places[LOGIN_PLACE_ENV] ? places[LOGIN_PLACE_ENV] : places[LOGIN_PLACE_DOCKER];
}
