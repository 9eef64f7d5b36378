/* SPDX-License-Identifier: Apache-2.0 */
/* manifest push: the images of a list first, wherever they are, then the list. */
#include "base/str.h"
#include "engine/manifest_list.h"
#include "engine/move.h"

#include <string.h>

#define LIST_MAX ((size_t)4 << 20)

struct list_push {
    hako_engine *g;
    const struct registry_module *m;
    const struct hako_manifest_options *o;
    struct manifest_list l;
    struct ref to;
    struct registry_access access;
    struct arena *a;
};

/* Images of the store go first: their digests are known only then. */
static int list_push_local(struct list_push *p, js *entry, struct err *e) {
    const char *id = js_get_str(entry, LIST_IMAGE);
    const struct store *s = NULL;
    struct push_result got;
    struct ref ref = p->to;
    int r = engine_store(p->g, &s, e);
    if (!id || r < 0)
        return r;
    ref.tag = NULL;
    const struct push_request rq = {
        .image = id, .ref = &ref, .store = s, .access = p->access, .userns_fd = -1};
    r = p->m->push(&rq, &got, e);
    if (r == 0 && (js_set_str(entry, "digest", got.manifest.s) < 0 ||
                   js_set_u64(entry, "size", got.size) < 0))
        r = err_oom(e);
    return r;
}

/* Where the others are: {ref, digest} each. */
static int list_push_sources(struct list_push *p, const struct ref **from, struct digest *what,
                             struct err *e) {
    const js *list = manifest_list_entries(&p->l);
    for (size_t i = 0; i < js_len(list); i++) {
        const js *entry = js_at(list, i);
        const char *repo = js_get_str(entry, LIST_FROM);
        struct ref *ref = arena_new_of(p->a, struct ref);
        int r = digest_parse(js_get_str_or(entry, "digest", ""), "manifest list", &what[i], e);
        if (r == 0 && !ref)
            r = err_oom(e);
        if (r == 0 && repo) {
            r = ref_parse(repo, p->a, ref, e);
            ref->tag = NULL;
            ref->digest = what[i];
            from[i] =
                str_eq(ref->domain, p->to.domain) && str_eq(ref->path, p->to.path) ? NULL : ref;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int list_push_all(struct list_push *p, struct ask_result *ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(LIST_MAX);
    js *list = manifest_list_entries(&p->l);
    size_t n = js_len(list);
    const struct ref **from = arena_array(p->a, n, const struct ref *);
    struct digest *what = arena_array(p->a, n, struct digest);
    bool docker = str_eq(p->o->format, "v2s2") || str_eq(p->o->format, "docker");
    int r = from && what ? 0 : err_oom(e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = list_push_local(p, js_at(list, i), e);
    if (r == 0)
        r = list_push_sources(p, from, what, e);
    if (r < 0)
        return r;
    AUTO_JS js *doc = manifest_list_public(&p->l, docker);
    if (!doc || js_print(doc, JS_COMPACT, &text) < 0)
        return err_oom(e);
    const struct ask_request rq = {.kind = ASK_PUT,
                                   .ref = &p->to,
                                   .access = p->access,
                                   .document = str_c(&text),
                                   .type = docker ? MT_DOCKER_LIST : MT_OCI_INDEX,
                                   .from = from,
                                   .what = what,
                                   .n_from = n};
    return p->m->ask(&rq, ret, NULL, e);
}

int hako_manifest_push(hako_engine *g, const char *name, const char *destination,
                       const struct hako_manifest_options *o, char ret_digest[136],
                       hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct list_push p = {.g = g, .o = o, .a = a};
    struct ask_result got;
    const char *to = destination ? destination : name;
    if (str_starts(to, "docker://"))
        to += strlen("docker://");
    int r = a ? manifest_list_need(g, name, a, &p.l, e) : err_oom(e);
    if (r < 0)
        return r;
    r = ref_parse(to, a, &p.to, e);
    if (r == 0 && p.to.digest.s[0])
        r = err_set(e, ERR_USAGE, -EINVAL, "%s: a list is pushed by tag", to);
    if (r == 0)
        r = move_access(g, &o->registry, &p.access, e);
    if (r == 0)
        r = module_registry(g, &p.m, e);
    if (r == 0)
        r = list_push_all(&p, &got, e);
    manifest_list_close(&p.l);
    if (r < 0)
        return r;
    (void)str_copy(ret_digest, 136, got.digest.s);
    return o->purge ? hako_manifest_rm(g, name, he) : 0;
}
