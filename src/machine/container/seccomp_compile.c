/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/seccomp_compile.h"

#include "base/str.h"
#include "sys/seccomp.h"

static int action(const char *word, const struct rt_opt_u64 *errno_ret, uint32_t *ret,
                  struct err *e) {
    uint32_t data = errno_ret->given ? (uint32_t)errno_ret->v : EPERM;

    if (seccomp_action(word, data, ret) < 0)
        return err_set(e, ERR_USAGE, -EINVAL, "seccomp: unknown action \"%s\"", word ? word : "");
    if (errno_ret->given && !str_eq(word, "SCMP_ACT_ERRNO") && !str_eq(word, "SCMP_ACT_TRACE"))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "seccomp: the action %s takes no errnoRet (%llu): take it out", word,
                       (unsigned long long)errno_ret->v);
    return 0;
}

/* The calls by which init asks for the descriptor to be fetched cannot wait for its owner. */
static int check_notify(const struct rt_seccomp *s, struct err *e) {
    bool notify = false;
    if (str_eq(s->default_action, "SCMP_ACT_NOTIFY"))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "seccomp: SCMP_ACT_NOTIFY cannot be used as default action");
    for (size_t i = 0; i < s->n_rules; i++) {
        if (!str_eq(s->rules[i].action, "SCMP_ACT_NOTIFY"))
            continue;
        notify = true;
        if (strlist_has(&s->rules[i].names, "write"))
            return err_set(e, ERR_USAGE, -EINVAL,
                           "seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall");
    }
    if (notify && !s->listener_path)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "seccomp: SCMP_ACT_NOTIFY is used, but listenerPath is not set");
    if (s->listener_metadata && !s->listener_path)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "seccomp: listenerMetadata is set, but listenerPath is not");
    return 0;
}

static int rule(const struct rt_seccomp_rule *in, struct arena *a, struct seccomp_rule *ret,
                struct err *e) {
    struct seccomp_arg *args = arena_array(a, in->n_args, struct seccomp_arg);
    struct seccomp_rule out = {
        .names = (const char *const *)in->names.v, .n_names = in->names.n, .n_args = in->n_args};
    int r = action(in->action, &in->errno_ret, &out.action, e);

    if (r < 0)
        return r;
    if (!args)
        return err_oom(e);
    for (size_t i = 0; i < in->n_args; i++) {
        args[i] = (struct seccomp_arg){.index = in->args[i].index,
                                       .value = in->args[i].value,
                                       .value_two = in->args[i].value_two};
        if (seccomp_op(in->args[i].op, &args[i].op) < 0)
            return err_set(e, ERR_USAGE, -EINVAL, "seccomp: unknown comparison \"%s\"",
                           in->args[i].op ? in->args[i].op : "");
    }
    out.args = args;
    *ret = out;
    return 0;
}

int seccomp_compile_unknown(const struct rt_seccomp *s, struct arena *a, struct strlist *ret,
                            struct err *e) {
    for (size_t i = 0; i < s->n_rules; i++) {
        const struct strlist *names = &s->rules[i].names;
        for (size_t k = 0; k < names->n; k++)
            if (!seccomp_call_known(names->v[k]) && !strlist_has(ret, names->v[k]) &&
                strlist_add(a, ret, names->v[k]) < 0)
                return err_oom(e);
    }
    return 0;
}

int seccomp_compile(const struct rt_seccomp *s, int cachefd, struct arena *a, const void **ret,
                    size_t *ret_len, uint32_t *ret_flags, struct err *e) {
    struct seccomp_rule *rules = arena_array(a, s->n_rules, struct seccomp_rule);
    struct seccomp_filter f = {
        .arches = (const char *const *)s->architectures.v,
        .n_arches = s->architectures.n,
        .rules = rules,
        .n_rules = s->n_rules,
    };
    uint32_t flags = 0;
    int r = action(s->default_action, &s->default_errno_ret, &f.default_action, e);

    if (r == 0)
        r = check_notify(s, e);
    if (r == 0 && !rules)
        r = err_oom(e);
    for (size_t i = 0; i < s->n_rules && r == 0; i++)
        r = rule(&s->rules[i], a, &rules[i], e);
    for (size_t i = 0; i < s->flags.n && r == 0; i++) {
        uint32_t flag = 0;
        if (seccomp_flag(s->flags.v[i], &flag) < 0)
            r = err_set(e, ERR_USAGE, -EINVAL, "seccomp: unknown flag \"%s\"", s->flags.v[i]);
        flags |= flag;
    }
    if (r == 0)
        r = seccomp_cached(cachefd, &f, a, ret, ret_len, e);
    if (r == 0)
        *ret_flags = flags;
    return r;
}
