/* SPDX-License-Identifier: Apache-2.0 */
/* The filter in the plan, and its listener. */
#include "machine/container/build.h"

#include "base/str.h"

#include <linux/seccomp.h>

#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1UL << 3)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

bool build_listens(const struct build *b) {
    return b->spec->seccomp && b->spec->seccomp->listener_path && b->host->seccomp_bpf;
}

static bool notifies(const struct rt_seccomp *s) {
    bool any = false;
    for (size_t i = 0; i < s->n_rules; i++)
        any = any || str_eq(s->rules[i].action, "SCMP_ACT_NOTIFY");
    return any;
}

/* {"ociVersion":…,"fds":["seccompFd"],"metadata":…,"pid": */
static char *listener_head(struct build *b) {
    const struct plan_host *h = b->host;
    const char *version = h->listener_version ? h->listener_version
                          : h->state_version  ? h->state_version
                                              : b->spec->version;
    AUTO_JS js *o = js_new_object();
    AUTO_STR struct str text = STR_INIT(JS_MAX_BYTES);
    js *fds = js_new_array();
    int r = o && fds ? js_push_str(fds, "seccompFd") : -ENOMEM;
    if (r == 0)
        r = js_set_str(o, "ociVersion", version ? version : "1.2.0");
    if (r < 0) {
        js_free(fds);
        return NULL;
    }
    if (js_set(o, "fds", fds) < 0 ||
        js_set_str(o, "metadata", b->spec->seccomp->listener_metadata) < 0 ||
        js_set_i64(o, "pid", 0) < 0 || js_print(o, JS_COMPACT, &text) < 0)
        return NULL;
    return arena_strndup(b->a, text.s, text.len - 2); /* 0} */
}

int build_seccomp(struct build *b) {
    const struct plan_host *h = b->host;
    uint32_t flags = h->seccomp_flags, rest = 0, path = 0, head = 0;
    if (!h->seccomp_bpf)
        return 0;
    if (build_listens(b)) {
        char *text = listener_head(b);
        if (!text)
            return err_oom(b->e);
        path = build_str(b, b->spec->seccomp->listener_path);
        head = build_str(b, text);
        /* we are one thread, and the kernel does not take both */
        flags &= ~(uint32_t)SECCOMP_FILTER_FLAG_TSYNC;
        flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        rest = notifies(b->spec->seccomp) ? 0 : PLAN_OPTIONAL;
    } else {
        flags &= ~(uint32_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* is about listeners only */
    }
    build_init(b, PLAN_SECCOMP, .flags = rest,
               .ref = {plan_writer_blob(&b->w, h->seccomp_bpf, h->seccomp_len), path, head},
               .num = {flags});
    return 0;
}
