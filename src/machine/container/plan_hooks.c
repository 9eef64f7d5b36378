/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks, and the state of the container that they and a listener of the filter are told. */
#include "machine/container/build.h"

#include "base/str.h"

#include <string.h>

/* --- the state ---------------------------------------------------------------------------------
 */

static int state_head(struct build *b, js **ret) {
    const char *version = b->host->state_version ? b->host->state_version : b->spec->version;
    AUTO_JS js *o = js_new_object();
    if (!o || js_set_str(o, "ociVersion", version ? version : "1.2.0") < 0 ||
        js_set_str(o, "id", b->host->id) < 0 || js_set_str(o, "status", "") < 0)
        return -ENOMEM;
    *ret = TAKE_PTR(o);
    return 0;
}

static int state_tail(struct build *b, js **ret) {
    AUTO_JS js *o = js_new_object();
    js *annotations = js_new_object();
    if (!o || !annotations || js_set_str(o, "bundle", b->host->bundle ? b->host->bundle : "") < 0) {
        js_free(annotations);
        return -ENOMEM;
    }
    int r = 0;
    for (size_t i = 0; i < b->spec->n_annotations && r == 0; i++)
        r = js_set_str(annotations, b->spec->annotations[i].key, b->spec->annotations[i].value);
    if (js_set(o, "annotations", annotations) < 0 || r < 0)
        return -ENOMEM;
    *ret = TAKE_PTR(o);
    return 0;
}

/* The text of an object from its `from`-th byte, without its last `less` bytes. */
static char *print_part(struct build *b, const js *o, size_t less) {
    AUTO_STR struct str s = STR_INIT(JS_MAX_BYTES);
    if (js_print(o, JS_COMPACT, &s) < 0 || s.len < less)
        return NULL;
    return arena_strndup(b->a, s.s, s.len - less);
}

/* {"ociVersion":…,"id":…,"status":" and ,"bundle":…,"annotations":…} */
int build_state(struct build *b, enum plan_section section) {
    AUTO_JS js *head = NULL, *tail = NULL;
    if (!b->host->id)
        return err_set(b->e, ERR_INTERNAL, -EINVAL,
                       "hooks and linux.seccomp.listenerPath need the container's id and bundle");
    if (!b->state_head) {
        if (state_head(b, &head) < 0 || state_tail(b, &tail) < 0)
            return err_oom(b->e);
        b->state_head = print_part(b, head, 2); /* "} */
        b->state_tail = print_part(b, tail, 0);
        if (!b->state_head || !b->state_tail)
            return err_oom(b->e);
        b->state_tail[0] = ',';
    }
    plan_writer_step(
        &b->w, section,
        (struct plan_step){.op = PLAN_STATE,
                           .ref = {build_str(b, b->state_head), build_str(b, b->state_tail),
                                   build_str(b, b->host->hook_out),
                                   build_str(b, b->host->hook_err)}});
    return 0;
}

const char *build_annotation(const struct build *b, const char *key) {
    for (size_t i = 0; i < b->spec->n_annotations; i++) {
        if (str_eq(b->spec->annotations[i].key, key))
            return b->spec->annotations[i].value;
    }
    return NULL;
}

/* --- hooks -------------------------------------------------------------------------------------
 */

static void add_hooks(struct build *b, enum plan_section section, enum plan_hook point,
                      const struct rt_hooks *hooks) {
    for (size_t i = 0; i < hooks->n; i++) {
        const struct rt_hook *h = &hooks->v[i];
        const struct strlist *env = &h->env;
        bool theirs = env->n == 0 && point == PLAN_HOOK_START;
        if (theirs)
            env = &b->process->env; /* nothing of the runtime's goes into the container */
        plan_writer_step(
            &b->w, section,
            (struct plan_step){.op = PLAN_HOOK,
                               .flags = theirs && build_lacks_home(b) ? PLAN_FIND_HOME : 0,
                               .ref = {build_str(b, h->path),
                                       h->args.n ? plan_writer_list(&b->w, h->args.v, h->args.n)
                                                 : plan_writer_list(&b->w, &h->path, 1),
                                       plan_writer_list(&b->w, env->v, env->n)},
                               .num = {point, (uint64_t)h->timeout, i}});
    }
}

/* At the head of everything: what init will tell its hooks, and the hooks that others run. */
int build_hooks(struct build *b) {
    const struct rt_spec *s = b->spec;
    const struct {
        enum plan_hook point;
        const struct rt_hooks *hooks;
    } outside[] = {
        {PLAN_HOOK_PRESTART, &s->prestart},
        {PLAN_HOOK_RUNTIME, &s->create_runtime},
        {PLAN_HOOK_POSTSTART, &s->poststart},
        {PLAN_HOOK_POSTSTOP, &s->poststop},
    };
    int r = 0;
    if (s->create_container.n || s->start_container.n || build_listens(b))
        r = build_state(b, PLAN_INIT);
    for (size_t i = 0; i < ARRAY_SIZE(outside) && r == 0; i++) {
        if (outside[i].hooks->n && b->w.h.section[PLAN_HOOKS].n == 0)
            r = build_state(b, PLAN_HOOKS);
        if (r == 0)
            add_hooks(b, PLAN_HOOKS, outside[i].point, outside[i].hooks);
    }
    return r;
}

/* Mounts and devices are there, the old root still is as well. */
int build_hooks_create(struct build *b) {
    if (b->spec->prestart.n || b->spec->create_runtime.n)
        build_init(b, PLAN_ASK_HOOKS, .flags = 0);
    add_hooks(b, PLAN_INIT, PLAN_HOOK_CONTAINER, &b->spec->create_container);
    return 0;
}

int build_hooks_start(struct build *b) {
    add_hooks(b, PLAN_INIT, PLAN_HOOK_START, &b->spec->start_container);
    return 0;
}
