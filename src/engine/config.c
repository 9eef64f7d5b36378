/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config.h"

#include "base/io.h"
#include "base/json.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)1 << 20)

static int config_registry(const char *host, const js *doc, struct arena *a,
                           struct registry_entry *ret, struct err *e) {
    const js *mirrors = js_get(doc, "mirrors");
    size_t n = js_len(mirrors);
    const char **list = arena_array(a, n + 1, const char *);
    ret->host = arena_strdup(a, host);
    if (!list || !ret->host)
        return err_oom(e);
    for (size_t i = 0; i < n; i++) {
        const char *m = js_str(js_at(mirrors, i));
        if (!m)
            return err_set(e, ERR_USAGE, -EINVAL, "registries.%s.mirrors[%zu]: expected a string",
                           host, i);
        list[i] = arena_strdup(a, m);
        if (!list[i])
            return err_oom(e);
    }
    ret->mirrors = list;
    ret->insecure = js_get_bool(doc, "insecure", false);
    ret->blocked = js_get_bool(doc, "blocked", false);
    return 0;
}

static int config_registries(const js *doc, struct arena *a, struct config *c, struct err *e) {
    size_t n = js_len(doc);
    if (n == 0)
        return 0;
    struct registry_entry *v = arena_array(a, n, struct registry_entry);
    if (!v)
        return err_oom(e);
    size_t i = 0;
    for (struct js_iter it = js_iter(doc); js_next(&it); i++) {
        int r = config_registry(it.key, it.value, a, &v[i], e);
        if (r < 0)
            return r;
    }
    c->registries.v = v;
    c->registries.n = i;
    return 0;
}

static int config_logs(const js *doc, struct config *c, struct err *e) {
    const char *size = js_get_str(doc, "max-size");
    const char *files = js_get_str(doc, "max-file");
    uint64_t n = 0;
    if (size && (str_to_bytes(size, &c->log_max_bytes) < 0 || c->log_max_bytes == 0))
        return err_set(e, ERR_USAGE, -EINVAL, "log-opts.max-size: invalid size \"%s\"", size);
    if (files && (str_to_u64(files, &n) < 0 || n == 0 || n > 1000))
        return err_set(e, ERR_USAGE, -EINVAL, "log-opts.max-file: expected 1 to 1000, got \"%s\"",
                       files);
    if (n)
        c->log_max_files = (uint32_t)n;
    return 0;
}

/* An absolute path; "" takes an earlier file's word back. */
static int config_path(const js *doc, const char *key, struct arena *a, const char **ret,
                       struct err *e) {
    const js *v = js_get(doc, key);
    const char *s = js_str(v);
    if (!v)
        return 0;
    if (!s || (*s && *s != '/'))
        return err_set(e, ERR_USAGE, -EINVAL, "%s: expected an absolute path", key);
    *ret = *s ? arena_strdup(a, s) : NULL;
    return *s && !*ret ? err_oom(e) : 0;
}

static int config_merge(const js *doc, struct arena *a, struct config *c, struct err *e) {
    int r = config_registries(js_get(doc, "registries"), a, c, e);
    if (r < 0)
        return r;
    r = config_path(doc, "policy", a, &c->policy, e);
    if (r == 0)
        r = config_path(doc, "lock", a, &c->lock, e);
    if (r < 0)
        return r;
    c->pids_limit = js_get_i64(doc, "pids-limit", c->pids_limit);
    if (c->pids_limit == 0 || c->pids_limit < -1)
        return err_set(e, ERR_USAGE, -EINVAL, "pids-limit: expected a positive number or -1");
    return config_logs(js_get(doc, "log-opts"), c, e);
}

static int config_file(const char *path, bool must_exist, struct arena *a, struct config *c,
                       struct err *e) {
    AUTO_STR struct str text = STR_INIT(CONFIG_MAX_BYTES);
    int r = io_read_file(AT_FDCWD, path, &text);
    if (r == -ENOENT && !must_exist)
        return 0;
    if (r < 0)
        return err_sysn(e, r, "configuration file %s", path);
    AUTO_JS js *doc = NULL;
    r = js_parse(str_c(&text), text.len, path, &doc, e);
    if (r < 0)
        return r;
    if (js_type(doc) != JS_OBJECT)
        return err_set(e, ERR_USAGE, -EINVAL, "%s: expected a JSON object", path);
    r = config_merge(doc, a, c, e);
    return r < 0 ? err_wrap(e, "configuration file %s", path) : 0;
}

static const char *config_user_path(struct arena *a) {
    const char *xdg = getenv("XDG_CONFIG_HOME");
    if (xdg && xdg[0] == '/')
        return arena_printf(a, "%s/hako/config.json", xdg);
    const char *home = getenv("HOME");
    return home && home[0] == '/' ? arena_printf(a, "%s/.config/hako/config.json", home) : NULL;
}

int config_read(const char *path, struct arena *a, struct config *ret, struct err *e) {
    struct config c = {.pids_limit = CONFIG_DEFAULT_PIDS};
    int r;
    if (path) {
        r = config_file(path, true, a, &c, e);
    } else {
        r = config_file("/etc/hako/config.json", false, a, &c, e);
        const char *user = config_user_path(a);
        if (r == 0 && user)
            r = config_file(user, false, a, &c, e);
    }
    if (r < 0)
        return r;
    *ret = c;
    return 0;
}
