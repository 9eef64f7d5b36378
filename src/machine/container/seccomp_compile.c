/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/seccomp_compile.h"

#include "sys/seccomp.h"

static int action(const char *word, const struct rt_opt_u64 *errno_ret, uint32_t *ret,
                  struct err *e) {
    uint32_t data = errno_ret->given ? (uint32_t)errno_ret->v : EPERM;

    if (seccomp_action(word, data, ret) < 0)
        return err_set(e, ERR_USAGE, -EINVAL, "seccomp: unknown action \"%s\"", word ? word : "");
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
