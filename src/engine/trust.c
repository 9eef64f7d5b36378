/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/trust.h"

#include "base/io.h"
#include "base/str.h"
#include "engine/lookaside.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define TRUST_NOTE "verified" /* beside the image's documents */
#define TRUST_NOTE_MAX ((size_t)16 << 20)

/* --- the policy ------------------------------------------------------------------------------ */

int trust_policy_path(hako_engine *g, struct arena *a, const char **ret, struct err *e) {
    const struct config *cfg = NULL;
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME"), *base = NULL;
    int r = engine_config(g, &cfg, e);
    if (r < 0)
        return r;
    if (cfg->policy) {
        *ret = cfg->policy;
        return 0;
    }
    if (xdg && xdg[0] == '/')
        base = arena_strdup(a, xdg);
    else if (home && home[0] == '/')
        base = arena_printf(a, "%s/.config", home);
    const char *places[] = {
        base ? arena_printf(a, "%s/hako/policy.json", base) : NULL,
        "/etc/hako/policy.json",
        base ? arena_printf(a, "%s/containers/policy.json", base) : NULL,
        "/etc/containers/policy.json",
    };
    *ret = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(places) && !*ret; i++)
        if (places[i] && access(places[i], F_OK) == 0)
            *ret = places[i];
    return 0;
}

/* 1: there is none. */
static int trust_policy(hako_engine *g, struct arena *a, const char **file, struct policy *ret,
                        struct err *e) {
    AUTO_STR struct str text = STR_INIT(POLICY_MAX_BYTES);
    int r = trust_policy_path(g, a, file, e);
    if (r < 0 || !*file)
        return r < 0 ? r : 1;
    r = io_read_file(AT_FDCWD, *file, &text);
    if (r < 0) /* one that is there and cannot be read allows nothing */
        return err_sysn(e, r, "policy %s", *file);
    return policy_parse(str_c(&text), text.len, *file, a, ret, e);
}

static int trust_refuse(const char *file, const struct policy_rules *rules,
                        const struct policy_rule *rule, const char *what, const char *why,
                        struct err *e) {
    return err_set(e, ERR_DENIED, -EPERM, "policy %s refuses %.150s by its rule %s (%s)%s%s", file,
                   what, rules->where, policy_type_name(rule->type), *why ? ": " : "", why);
}

static const struct policy_rule *trust_first(const struct policy_rules *rules,
                                             bool (*is)(enum policy_type t)) {
    for (size_t i = 0; i < rules->n; i++)
        if (is(rules->v[i].type))
            return &rules->v[i];
    return NULL;
}
static bool trust_is_reject(enum policy_type t) {
    return t == POLICY_REJECT;
}
static bool trust_is_signed(enum policy_type t) {
    return t == POLICY_SIGNED_BY || t == POLICY_SIGSTORE;
}

/* What is required, as text: other keys give another text. */
static int trust_evidence(const struct policy_rules *rules, struct arena *a, struct str *ret,
                          struct err *e) {
    AUTO_STR struct str out = STR_INIT(TRUST_NOTE_MAX);
    int r = 0;
    for (size_t i = 0; i < rules->n && r == 0; i++) {
        const struct policy_rule *u = &rules->v[i];
        r = str_addf(&out, "%s %d %s %s\n", policy_type_name(u->type), (int)u->identity,
                     u->reference ? u->reference : "-", u->signed_prefix ? u->signed_prefix : "-");
        for (size_t k = 0; k < u->key_data.n && r == 0; k++)
            r = str_addf(&out, "%s\n", u->key_data.v[k]);
        for (size_t k = 0; k < u->key_paths.n && r == 0; k++) {
            AUTO_STR struct str key = STR_INIT(TRUST_NOTE_MAX / 2);
            r = io_read_file(AT_FDCWD, u->key_paths.v[k], &key);
            if (r < 0)
                return err_sysn(e, r, "key %s of the policy", u->key_paths.v[k]);
            r = str_addn(&out, str_c(&key), key.len);
        }
    }
    ret->s = r == 0 ? arena_memdup(a, str_c(&out), out.len + 1) : NULL;
    ret->len = out.len;
    return ret->s ? 0 : err_sysn(e, r ? r : -ENOMEM, "the policy's keys are too large");
}

/* --- pull ------------------------------------------------------------------------------------ */

static int trust_decide(const char *file, const struct policy *p, const struct ref *ref,
                        struct arena *a, struct trust_decision *ret, struct err *e) {
    const struct policy_rules *rules = policy_for_ref(p, ref);
    const struct policy_rule *no = trust_first(rules, trust_is_reject);
    const char *name = ref_full(ref, a);
    if (!name)
        return err_oom(e);
    if (no)
        return trust_refuse(file, rules, no, name, "", e);
    struct trust_decision d = {.want = {.rules = rules, .file = file},
                               .needs_signature = trust_first(rules, trust_is_signed) != NULL};
    struct policy_rules *kept = arena_memdup(a, rules, sizeof(*rules));
    if (!kept)
        return err_oom(e);
    d.want.rules = kept; /* `p` may be on the caller's stack */
    int r = d.needs_signature ? trust_evidence(rules, a, &d.evidence, e) : 0;
    if (r == 0)
        *ret = d;
    return r;
}

int trust_pull(hako_engine *g, const struct ref *ref, struct arena *a, struct trust_decision *ret,
               struct err *e) {
    const char *file = NULL;
    struct policy p;
    struct trust_decision d = {.needs_signature = false};
    int r = trust_policy(g, a, &file, &p, e);
    if (r == 0)
        r = trust_decide(file, &p, ref, a, &d, e);
    if (r < 0)
        return r;
    if (d.needs_signature) {
        struct lookaside l;
        r = lookaside_find(ref, a, &l, e);
        if (r < 0)
            return r;
        d.want.lookaside = l.read;
    }
    *ret = d;
    return 0;
}

int trust_note(const struct store *s, const struct digest *id, const struct trust_decision *d,
               struct err *e) {
    if (!d->needs_signature)
        return 0;
    AUTO_FD int dir =
        openat(s->imagesfd, digest_hex(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = dir < 0 ? -errno
                    : io_replace_file(dir, TRUST_NOTE, d->evidence.s, d->evidence.len, 0644, true);
    return r < 0 ? err_sysn(e, r, "cannot note that image %.19s was verified", id->s) : 0;
}

/* --- load and run ---------------------------------------------------------------------------- */

static int trust_path(const char *file, const struct policy *p, const char *transport,
                      const char *path, const char *what, struct err *e) {
    const struct policy_rules *rules = policy_for_path(p, transport, path);
    const struct policy_rule *no = trust_first(rules, trust_is_reject);
    if (!no && (no = trust_first(rules, trust_is_signed)))
        return trust_refuse(file, rules, no, what,
                            "what does not come from a registry has no signatures", e);
    return no ? trust_refuse(file, rules, no, what, "", e) : 0;
}

int trust_load(hako_engine *g, const char *transport, const char *path, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    const char *file = NULL;
    struct policy p;
    char what[300];
    int r = a ? trust_policy(g, a, &file, &p, e) : err_oom(e);
    if (r != 0)
        return r < 0 ? r : 0;
    snprintf(what, sizeof(what), "%s:%s", transport, path ? path : "");
    return trust_path(file, &p, transport, path, what, e);
}

/* Was it verified by what is required today? */
static bool trust_noted(const struct store *s, const struct image *img,
                        const struct trust_decision *d) {
    AUTO_STR struct str is = STR_INIT(TRUST_NOTE_MAX);
    AUTO_FD int dir =
        openat(s->imagesfd, digest_hex(&img->id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return dir >= 0 && io_read_file(dir, TRUST_NOTE, &is) == 0 && is.len == d->evidence.len &&
           memcmp(str_c(&is), d->evidence.s, is.len) == 0;
}

static int trust_run_ref(const char *file, const struct policy *p, const struct store *s,
                         const struct image *img, const struct ref *ref, struct arena *a,
                         struct err *e) {
    struct trust_decision d = {0};
    int r = trust_decide(file, p, ref, a, &d, e);
    if (r < 0 || !d.needs_signature || trust_noted(s, img, &d))
        return r;
    return trust_refuse(file, d.want.rules, trust_first(d.want.rules, trust_is_signed),
                        ref_full(ref, a),
                        "it was not verified by these keys when it came: pull it again", e);
}

/* The image's names, the one it is called by first. */
static int trust_run_names(const char *name, const struct image *img, struct arena *a,
                           struct strlist *ret, struct err *e) {
    struct ref ref;
    struct err ignored;
    const char *full = ref_parse(name, a, &ref, &ignored) == 0 ? ref_full(&ref, a) : NULL;
    bool own = full && (strlist_has(&img->refs, full) || strlist_has(&img->digests, full));
    if (own)
        return strlist_add(a, ret, full) < 0 ? err_oom(e) : 0;
    for (size_t i = 0; i < img->digests.n; i++)
        if (strlist_add(a, ret, img->digests.v[i]) < 0)
            return err_oom(e);
    return 0;
}

/* Was it pulled under this repository? */
static bool trust_pulled(const struct image *img, const struct ref *ref, struct arena *a) {
    struct ref pin;
    struct err ignored;
    for (size_t i = 0; i < img->digests.n; i++)
        if (ref_parse(img->digests.v[i], a, &pin, &ignored) == 0 &&
            str_eq(pin.domain, ref->domain) && str_eq(pin.path, ref->path))
            return true;
    return false;
}

int trust_run(hako_engine *g, const struct store *s, const struct image *found, const char *name,
              struct arena *a, struct err *e) {
    const char *file = NULL;
    struct policy p;
    struct image img = *found;
    struct strlist names = {0};
    int r = trust_policy(g, a, &file, &p, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = image_describe(s, a, &img, e);
    if (r == 0)
        r = trust_run_names(name, &img, a, &names, e);
    bool registry = false;
    for (size_t i = 0; i < names.n && r == 0; i++) {
        struct ref ref;
        r = ref_parse(names.v[i], a, &ref, e);
        if (r == 0 && trust_pulled(&img, &ref, a)) {
            registry = true;
            r = trust_run_ref(file, &p, s, &img, &ref, a, e);
        }
    }
    /* Made or loaded here, whatever it is called. */
    return r < 0 || registry ? r : trust_path(file, &p, "containers-storage", NULL, name, e);
}
