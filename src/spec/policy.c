/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/policy.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

static const char *const policy_types[] = {
    [POLICY_ACCEPT] = "insecureAcceptAnything",
    [POLICY_REJECT] = "reject",
    [POLICY_SIGNED_BY] = "signedBy",
    [POLICY_SIGSTORE] = "sigstoreSigned",
};

const char *policy_type_name(enum policy_type t) {
    return policy_types[t];
}

struct policy_reader {
    const char *what;
    struct arena *a;
    struct err *e;
};

static int policy_bad(const struct policy_reader *r, const char *where, const char *why) {
    return err_set(r->e, ERR_USAGE, -EINVAL, "policy %s: %s: %s", r->what, where, why);
}

/* All keys of the object are among `known` (" a b "). */
static int policy_keys(const struct policy_reader *r, const js *o, const char *known,
                       const char *where) {
    struct js_iter it = js_iter(o);
    if (js_type(o) != JS_OBJECT)
        return policy_bad(r, where, "expected an object");
    while (js_next(&it)) {
        AUTO_STR struct str word = STR_INIT(200);
        if (str_addf(&word, " %s ", it.key) < 0 || strchr(it.key, ' ') ||
            !strstr(known, str_c(&word)))
            return err_set(r->e, ERR_USAGE, -EINVAL,
                           "policy %s: %s: \"%.60s\" is not known to hako", r->what, where, it.key);
    }
    return 0;
}

/* --- one requirement ------------------------------------------------------------------------- */

static int policy_string(const struct policy_reader *r, const js *o, const char *key,
                         const char *where, const char **ret) {
    const char *s = js_get_str(o, key);
    if (str_empty(s))
        return err_set(r->e, ERR_USAGE, -EINVAL, "policy %s: %s: %s: expected a string", r->what,
                       where, key);
    *ret = arena_strdup(r->a, s);
    return *ret ? 0 : err_oom(r->e);
}

static int policy_identity(const struct policy_reader *r, const js *o, const char *where,
                           struct policy_rule *ret) {
    static const char *const types[] = {"matchRepoDigestOrExact", "matchExact",
                                        "matchRepository",        "exactReference",
                                        "exactRepository",        "remapIdentity"};
    const char *type = js_get_str_or(o, "type", "");
    size_t i = 0;
    if (!o)
        return 0;
    while (i < ARRAY_SIZE(types) && strcmp(types[i], type) != 0)
        i++;
    if (i == ARRAY_SIZE(types))
        return policy_bad(r, where, "signedIdentity: unknown type");
    ret->identity = (enum policy_identity)i;
    int rc =
        policy_keys(r, o, " type dockerReference dockerRepository prefix signedPrefix ", where);
    if (rc == 0 && i == IDENTITY_EXACT_REFERENCE)
        rc = policy_string(r, o, "dockerReference", where, &ret->reference);
    if (rc == 0 && i == IDENTITY_EXACT_REPOSITORY)
        rc = policy_string(r, o, "dockerRepository", where, &ret->reference);
    if (rc == 0 && i == IDENTITY_REMAP)
        rc = policy_string(r, o, "prefix", where, &ret->reference);
    if (rc == 0 && i == IDENTITY_REMAP)
        rc = policy_string(r, o, "signedPrefix", where, &ret->signed_prefix);
    return rc;
}

/* "keyPath": "x" or "keyPaths": ["x", …] */
static int policy_list(const struct policy_reader *r, const js *o, const char *one,
                       const char *many, const char *where, struct strlist *ret) {
    const js *list = js_get(o, many);
    if (js_get(o, one)) {
        const char *s = NULL;
        int rc = policy_string(r, o, one, where, &s);
        if (rc < 0)
            return rc;
        if (strlist_add(r->a, ret, s) < 0)
            return err_oom(r->e);
    }
    if (list && (js_type(list) != JS_ARRAY || js_len(list) == 0))
        return policy_bad(r, where, "expected a list of keys");
    for (size_t i = 0; i < js_len(list); i++) {
        const char *s = js_str(js_at(list, i));
        if (str_empty(s))
            return policy_bad(r, where, "expected a list of strings");
        if (strlist_add(r->a, ret, s) < 0)
            return err_oom(r->e);
    }
    return 0;
}

static int policy_signed(const struct policy_reader *r, const js *o, const char *where,
                         struct policy_rule *ret) {
    bool gpg = ret->type == POLICY_SIGNED_BY;
    static const char unsupported[] = " fulcio rekorPublicKeyPath rekorPublicKeyPaths "
                                      "rekorPublicKeyData rekorPublicKeyDatas pki ";
    struct js_iter it = js_iter(o);
    while (!gpg && js_next(&it)) {
        AUTO_STR struct str word = STR_INIT(200);
        if (str_addf(&word, " %s ", it.key) == 0 && strstr(unsupported, str_c(&word)))
            return policy_bad(r, where,
                              "certificates and transparency logs (fulcio, rekor, pki) are not "
                              "supported: hako verifies by public keys");
    }
    int rc = policy_keys(r, o,
                         gpg ? " type keyType keyPath keyPaths keyData signedIdentity "
                             : " type keyPath keyPaths keyData keyDatas signedIdentity ",
                         where);
    if (rc == 0 && gpg && !str_eq(js_get_str(o, "keyType"), "GPGKeys"))
        rc = policy_bad(r, where, "keyType: only \"GPGKeys\" is known");
    if (rc == 0)
        rc = policy_list(r, o, "keyPath", "keyPaths", where, &ret->key_paths);
    if (rc == 0)
        rc = policy_list(r, o, "keyData", "keyDatas", where, &ret->key_data);
    if (rc == 0 && (ret->key_paths.n == 0) == (ret->key_data.n == 0))
        rc = policy_bad(r, where, "expected either keyPath(s) or keyData");
    return rc < 0 ? rc : policy_identity(r, js_get(o, "signedIdentity"), where, ret);
}

static int policy_rule(const struct policy_reader *r, const js *o, const char *where,
                       struct policy_rule *ret) {
    const char *type = js_get_str_or(o, "type", "");
    struct policy_rule rule = {.type = POLICY_ACCEPT};
    size_t i = 0;
    while (i < ARRAY_SIZE(policy_types) && strcmp(policy_types[i], type) != 0)
        i++;
    if (i == ARRAY_SIZE(policy_types))
        return err_set(r->e, ERR_USAGE, -EINVAL,
                       "policy %s: %s: unknown requirement type \"%.40s\"", r->what, where, type);
    rule.type = (enum policy_type)i;
    int rc = rule.type == POLICY_ACCEPT || rule.type == POLICY_REJECT
                 ? policy_keys(r, o, " type ", where)
                 : policy_signed(r, o, where, &rule);
    if (rc == 0)
        *ret = rule;
    return rc;
}

static int policy_rules(const struct policy_reader *r, const js *list, const char *where,
                        struct policy_rules *ret) {
    size_t n = js_len(list);
    if (js_type(list) != JS_ARRAY || n == 0)
        return policy_bad(r, where, "expected a list of at least one requirement");
    struct policy_rule *v = arena_array(r->a, n, struct policy_rule);
    if (!v || !where)
        return err_oom(r->e);
    for (size_t i = 0; i < n; i++) {
        int rc = policy_rule(r, js_at(list, i), where, &v[i]);
        if (rc < 0)
            return rc;
    }
    *ret = (struct policy_rules){v, n, where};
    return 0;
}

/* --- the document ---------------------------------------------------------------------------- */

static int policy_transports(const struct policy_reader *r, const js *doc, struct policy *p) {
    size_t n = 0;
    struct js_iter it = js_iter(doc);
    if (doc && js_type(doc) != JS_OBJECT)
        return policy_bad(r, "transports", "expected an object");
    while (doc && js_next(&it)) {
        if (js_type(it.value) != JS_OBJECT)
            return policy_bad(r, "transports", "expected an object for each transport");
        n += js_len(it.value);
    }
    p->scopes = arena_array(r->a, n + 1, struct policy_scope);
    if (!p->scopes)
        return err_oom(r->e);
    it = js_iter(doc);
    while (doc && js_next(&it)) {
        const char *transport = arena_strdup(r->a, it.key);
        struct js_iter in = js_iter(it.value);
        while (js_next(&in)) {
            struct policy_scope *s = &p->scopes[p->n++];
            s->transport = transport;
            s->scope = arena_strdup(r->a, in.key);
            if (!transport || !s->scope)
                return err_oom(r->e);
            const char *where = arena_printf(r->a, "transports.%s.\"%s\"", transport, s->scope);
            int rc = policy_rules(r, in.value, where, &s->rules);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

int policy_parse(const char *text, size_t len, const char *what, struct arena *a,
                 struct policy *ret, struct err *e) {
    const struct policy_reader r = {what, a, e};
    AUTO_JS js *doc = NULL;
    struct policy p = {.n = 0};
    int rc = js_parse(text, len, what, &doc, e);
    if (rc == 0)
        rc = policy_keys(&r, doc, " default transports ", "top level");
    if (rc == 0)
        rc = policy_rules(&r, js_get(doc, "default"), "default", &p.dflt);
    if (rc == 0)
        rc = policy_transports(&r, js_get(doc, "transports"), &p);
    if (rc == 0)
        *ret = p;
    return rc;
}

/* --- which one counts ------------------------------------------------------------------------ */

static const struct policy_rules *policy_scope(const struct policy *p, const char *transport,
                                               const char *scope, size_t n) {
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->scopes[i].transport, transport) == 0 && strlen(p->scopes[i].scope) == n &&
            strncmp(p->scopes[i].scope, scope, n) == 0)
            return &p->scopes[i].rules;
    return NULL;
}

/* "/a/b/c", "/a/b", "/a", … or "host/a", "host" */
static const struct policy_rules *policy_upwards(const struct policy *p, const char *transport,
                                                 const char *name) {
    for (size_t n = strlen(name); n > 0; n--) {
        if (name[n] != '\0' && name[n] != '/')
            continue;
        const struct policy_rules *r = policy_scope(p, transport, name, n);
        if (r)
            return r;
    }
    return NULL;
}

/* "*.sub.example.com", then "*.example.com", "*.com"; the port belongs to the host. */
static const struct policy_rules *policy_wildcard(const struct policy *p, const char *host) {
    for (const char *dot = strchr(host, '.'); dot; dot = strchr(dot + 1, '.')) {
        for (size_t i = 0; i < p->n; i++) {
            const char *scope = p->scopes[i].scope;
            if (strcmp(p->scopes[i].transport, "docker") == 0 && scope[0] == '*' &&
                strcmp(scope + 1, dot) == 0)
                return &p->scopes[i].rules;
        }
    }
    return NULL;
}

static const struct policy_rules *policy_last(const struct policy *p, const char *transport) {
    const struct policy_rules *r = policy_scope(p, transport, "", 0);
    return r ? r : &p->dflt;
}

const struct policy_rules *policy_for_ref(const struct policy *p, const struct ref *ref) {
    AUTO_STR struct str name = STR_INIT(2048), full = STR_INIT(2048);
    const struct policy_rules *r = NULL;
    int rc = str_addf(&name, "%s/%s", ref->domain, ref->path);
    if (rc == 0 && ref->digest.s[0])
        rc = str_addf(&full, "%s@%s", str_c(&name), ref->digest.s);
    else if (rc == 0)
        rc = str_addf(&full, "%s:%s", str_c(&name), ref->tag ? ref->tag : "latest");
    if (rc == 0)
        r = policy_scope(p, "docker", str_c(&full), full.len);
    if (!r && rc == 0)
        r = policy_upwards(p, "docker", str_c(&name));
    if (!r)
        r = policy_wildcard(p, ref->domain);
    return r ? r : policy_last(p, "docker");
}

const struct policy_rules *policy_for_path(const struct policy *p, const char *transport,
                                           const char *path) {
    const struct policy_rules *r = path ? policy_upwards(p, transport, path) : NULL;
    return r ? r : policy_last(p, transport);
}
