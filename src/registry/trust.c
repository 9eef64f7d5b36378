/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/trust.h"

#include "base/base64.h"
#include "base/io.h"
#include "spec/signpayload.h"

#include <fcntl.h>
#include <string.h>

#define TRUST_MAX_KEY ((size_t)4 << 20)

int trust_keys(const struct policy_rule *rule, struct arena *a, struct str **ret, size_t *n,
               struct err *e) {
    size_t files = rule->key_paths.n, total = files + rule->key_data.n;
    struct str *v = arena_array(a, total, struct str);
    if (!v)
        return err_oom(e);
    for (size_t i = 0; i < total; i++) {
        AUTO_STR struct str text = STR_INIT(TRUST_MAX_KEY);
        const char *data = i < files ? NULL : rule->key_data.v[i - files];
        int r = data ? base64_decode(data, strlen(data), &text)
                     : io_read_file(AT_FDCWD, rule->key_paths.v[i], &text);
        if (r < 0 && data)
            return err_set(e, ERR_USAGE, r, "keyData is no base64");
        if (r < 0)
            return err_sysn(e, r, "key %s", rule->key_paths.v[i]);
        v[i].s = arena_memdup(a, str_c(&text), text.len + 1);
        v[i].len = text.len;
        if (!v[i].s)
            return err_oom(e);
    }
    *ret = v;
    *n = total;
    return 0;
}

int trust_payload(const struct policy_rule *rule, const struct trust_subject *s, const char *text,
                  size_t len, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct signpayload p;
    int r = a ? signpayload_parse(text, len, "the signed document", a, &p, e) : err_oom(e);
    if (r < 0)
        return r;
    if (!digest_eq(&p.manifest, &s->top) && !digest_eq(&p.manifest, &s->at))
        return err_set(e, ERR_DENIED, -EKEYREJECTED, "the signature is for another image, %.19s",
                       p.manifest.s);
    if (!policy_identity_ok(rule, s->ref, p.reference))
        return err_set(e, ERR_DENIED, -EKEYREJECTED,
                       "the signature is for the name %.200s, which signedIdentity does not accept",
                       p.reference);
    return 0;
}

static int trust_rule(const struct policy_rule *rule, const struct trust_want *want,
                      const struct trust_subject *s, struct err *e) {
    switch (rule->type) {
    case POLICY_ACCEPT:
        return 0;
    case POLICY_SIGNED_BY:
        return trust_gpg(rule, want, s, e);
    case POLICY_SIGSTORE:
        return trust_sigstore(rule, s, e);
    case POLICY_REJECT:
        break;
    }
    return err_set(e, ERR_DENIED, -EPERM, "every such image is refused");
}

int trust_check(const struct trust_want *want, const struct trust_subject *s, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    const char *name = a ? ref_full(s->ref, a) : NULL;
    if (!name)
        return err_oom(e);
    for (size_t i = 0; i < want->rules->n; i++) {
        const struct policy_rule *rule = &want->rules->v[i];
        int r = trust_rule(rule, want, s, e);
        if (r == 0)
            continue;
        if (r == -ECANCELED || r == -ENOMEM)
            return r;
        struct err why = *e;
        return err_set(e, ERR_DENIED, -EKEYREJECTED,
                       "policy %s refuses %.150s by its rule %s (%s): %.200s", want->file, name,
                       want->rules->where, policy_type_name(rule->type), why.msg);
    }
    return 0;
}
