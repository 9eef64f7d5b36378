/* SPDX-License-Identifier: Apache-2.0 */
/* image trust: show the policy, change one scope of it. */
#include "base/io.h"
#include "base/json.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/trust.h"

#include <fcntl.h>
#include <string.h>

int hako_trust_show(hako_engine *g, const char *file, char **ret_file, char **ret_json,
                    hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(POLICY_MAX_BYTES);
    struct policy p;
    int r = a ? 0 : err_oom(e);
    if (r == 0 && !file)
        r = trust_policy_path(g, a, &file, e);
    if (r < 0)
        return r;
    static const char open_policy[] = "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}";
    r = file ? io_read_file(AT_FDCWD, file, &text) : str_add(&text, open_policy);
    if (r < 0)
        return err_sysn(e, r, "policy %s", file ? file : "");
    r = policy_parse(str_c(&text), text.len, file ? file : "(none)", a, &p, e);
    if (r < 0)
        return r;
    *ret_file = file ? strdup(file) : NULL;
    *ret_json = str_take(&text);
    return *ret_json ? 0 : err_oom(e);
}

static js *trust_set_rule(const struct hako_trust_options *o, const char *key) {
    js *rule = js_new_object();
    js_set_str(rule, "type", o->type);
    if (strcmp(o->type, "signedBy") == 0)
        js_set_str(rule, "keyType", "GPGKeys");
    if (key)
        js_set_str(rule, "keyPath", key);
    if (strcmp(o->type, "sigstoreSigned") == 0) {
        js *identity = js_new_object(); /* cosign's signatures name the repository alone */
        js_set_str(identity, "type", "matchRepository");
        js_set(rule, "signedIdentity", identity);
    }
    return rule;
}

static int trust_set_document(js *doc, const struct hako_trust_options *o, struct err *e) {
    js *list = js_new_array();
    for (size_t i = 0; i < o->keys.n; i++)
        js_push(list, trust_set_rule(o, o->keys.v[i]));
    if (o->keys.n == 0)
        js_push(list, trust_set_rule(o, NULL));
    if (strcmp(o->scope, "default") == 0)
        return js_set(doc, "default", list) < 0 ? err_oom(e) : 0;
    if (!js_get(doc, "transports"))
        js_set(doc, "transports", js_new_object());
    js *transports = js_get(doc, "transports");
    if (!js_get(transports, "docker"))
        js_set(transports, "docker", js_new_object());
    return js_set(js_get(transports, "docker"), o->scope, list) < 0 ? err_oom(e) : 0;
}

static int trust_set_type(struct hako_trust_options *o, struct err *e) {
    static const char *const short_words[][2] = {
        {"accept", "insecureAcceptAnything"},
        {"reject", "reject"},
        {"signedBy", "signedBy"},
        {"sigstoreSigned", "sigstoreSigned"},
        {"insecureAcceptAnything", "insecureAcceptAnything"}};
    const char *type = o->type ? o->type : "signedBy", *found = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(short_words); i++)
        if (strcmp(type, short_words[i][0]) == 0)
            found = short_words[i][1];
    if (!found)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "unknown type \"%s\": expected accept, reject, signedBy or sigstoreSigned",
                       type);
    o->type = found;
    bool needs = str_starts(found, "sig");
    if (needs && o->keys.n == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "%s needs a key: --pubkeysfile FILE", found);
    if (!needs && o->keys.n)
        return err_set(e, ERR_USAGE, -EINVAL, "%s takes no keys", found);
    for (size_t i = 0; i < o->keys.n; i++)
        if (o->keys.v[i][0] != '/' || access(o->keys.v[i], R_OK) < 0)
            return err_set(e, ERR_USAGE, -EINVAL,
                           "key %s: expected the absolute path of a file that can be read",
                           o->keys.v[i]);
    return 0;
}

static int trust_set_file(hako_engine *g, const char *given, struct arena *a, const char **ret,
                          struct err *e) {
    const char *home = getenv("HOME"), *file = given;
    int r = given ? 0 : trust_policy_path(g, a, &file, e);
    if (r == 0 && !file)
        file = g->rootless && home ? arena_printf(a, "%s/.config/hako/policy.json", home)
                                   : "/etc/hako/policy.json";
    *ret = file;
    return r < 0 ? r : file ? 0 : err_oom(e);
}

static int trust_set_write(const char *file, const struct str *text, struct arena *a,
                           struct err *e) {
    const char *slash = strrchr(file, '/');
    char *dir = slash && slash != file ? arena_strndup(a, file, (size_t)(slash - file)) : NULL;
    int r = dir ? path_mkdir_p(AT_FDCWD, dir, 0755) : 0;
    if (r < 0)
        return err_sysn(e, r, "cannot make %s", dir);
    r = io_replace_file(AT_FDCWD, file, str_c(text), text->len, 0644, true);
    return r < 0 ? err_sysn(e, r, "cannot write %s", file) : 0;
}

/* The policy as it is, or an open one. */
static int trust_set_read(const char *file, js **ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(POLICY_MAX_BYTES);
    int r = io_read_file(AT_FDCWD, file, &text);
    if (r == -ENOENT)
        r = str_add(&text, "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}");
    if (r < 0)
        return err_sysn(e, r, "policy %s", file);
    return js_parse(str_c(&text), text.len, file, ret, e);
}

int hako_trust_set(hako_engine *g, const struct hako_trust_options *given, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str out = STR_INIT(POLICY_MAX_BYTES);
    AUTO_JS js *doc = NULL;
    struct hako_trust_options o = *given;
    const char *file = NULL;
    struct policy p;
    int r = a ? trust_set_type(&o, e) : err_oom(e);
    if (r == 0)
        r = trust_set_file(g, o.file, a, &file, e);
    if (r == 0)
        r = trust_set_read(file, &doc, e);
    if (r == 0)
        r = trust_set_document(doc, &o, e);
    if (r == 0 && (js_print(doc, JS_PRETTY, &out) < 0 || str_addc(&out, '\n') < 0))
        r = err_oom(e);
    if (r == 0) /* what would not be read is not written */
        r = policy_parse(str_c(&out), out.len, file, a, &p, e);
    return r < 0 || !file ? r : trust_set_write(file, &out, a, e);
}
