/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules → BPF. libseccomp makes a program of the rules, and seccomp_fold turns that into a short
 * one, adding on the way what libseccomp cannot say: guards by the low half of an argument, calls
 * that the libseccomp at hand does not know yet, and ENOSYS for calls newer than all of us.
 */
#include "sys/seccomp.h"

#include "base/str.h"
#include "sys/seccomp_fold.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>

enum {
    X32_BIT = 0x40000000,
    MAX_ARCHES = 16,
};

/* Numbers from here on are the same on all architectures (x32 aside). */
static const struct {
    const char *name;
    uint32_t nr;
} recent[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},
};

static uint32_t recent_nr(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(recent); i++)
        if (strcmp(recent[i].name, name) == 0)
            return recent[i].nr;
    return 0;
}

/* --- what is said before libseccomp's program is asked ------------------------------------------
 */

struct sayings {
    const struct seccomp_filter *f;
    const uint32_t *arches; /* AUDIT_ARCH_* */
    size_t n_arches;
    uint32_t newest[MAX_ARCHES]; /* call that the profile names, by architecture; 0 = none */
    struct {
        bool fixed;
        uint32_t action;
    } recent[ARRAY_SIZE(recent)];
};

static void note_newest(struct sayings *s, const char *name, uint32_t recent_number) {
    for (size_t i = 0; i < s->n_arches; i++) {
        int nr = recent_number ? (int)recent_number
                               : seccomp_syscall_resolve_name_arch(s->arches[i], name);
        if (nr > 0 && nr < X32_BIT) /* below 0: the architecture has no such call */
            s->newest[i] = MAX_OF(s->newest[i], (uint32_t)nr);
    }
}

static void prepare(const struct seccomp_filter *f, const uint32_t *arches, size_t n_arches,
                    struct sayings *s) {
    *s = (struct sayings){.f = f, .arches = arches, .n_arches = n_arches};
    for (size_t i = 0; i < f->n_rules; i++)
        for (size_t k = 0; k < f->rules[i].n_names; k++) {
            uint32_t nr = recent_nr(f->rules[i].names[k]);
            note_newest(s, f->rules[i].names[k], nr);
            if (nr == 0)
                continue;
            size_t at = nr - recent[0].nr;
            if (f->rules[i].n_args == 0 && !s->recent[at].fixed) {
                s->recent[at].fixed = true;
                s->recent[at].action = f->rules[i].action;
            }
        }
}

/* A default that lets calls pass, or has a tracer that knows what it does. */
static bool lenient(uint32_t action) {
    uint32_t a = action & SECCOMP_RET_ACTION_FULL;
    return a == SECCOMP_RET_ALLOW || a == SECCOMP_RET_LOG || a == SECCOMP_RET_TRACE;
}

/* Newer than all that the profile names: its author cannot have meant it. */
static bool unheard_of(const struct sayings *s, uint32_t arch, uint32_t nr) {
    for (size_t i = 0; i < s->n_arches; i++)
        if (s->arches[i] == arch)
            return s->newest[i] && nr > s->newest[i] && !lenient(s->f->default_action);
    return false;
}

static uint32_t guard_nr(const struct seccomp_guard *g, uint32_t arch) {
    switch (arch) {
    case AUDIT_ARCH_X86_64:
        return g->nr_x86_64;
    case AUDIT_ARCH_I386:
        return g->nr_i386;
    case AUDIT_ARCH_AARCH64:
        return g->nr_aarch64;
    default:
        return UINT32_MAX;
    }
}

/* Architectures whose new calls have the common numbers, and none above them for private use. */
static bool common_numbers(uint32_t arch) {
    return arch == AUDIT_ARCH_X86_64 || arch == AUDIT_ARCH_I386 || arch == AUDIT_ARCH_AARCH64 ||
           arch == AUDIT_ARCH_RISCV64 || arch == AUDIT_ARCH_S390X || arch == AUDIT_ARCH_PPC64LE;
}

static struct seccomp_fold_say say(const void *data, uint32_t arch, uint32_t nr) {
    const struct sayings *s = data;
    uint32_t plain = arch == AUDIT_ARCH_X86_64 ? nr & ~(uint32_t)X32_BIT : nr;

    for (size_t i = 0; i < s->f->n_guards; i++) {
        const struct seccomp_guard *g = &s->f->guards[i];
        if (guard_nr(g, arch) == plain)
            return (struct seccomp_fold_say){.values = g->values,
                                             .n_values = g->n_values,
                                             .index = g->index,
                                             .action = g->action};
    }
    if (!common_numbers(arch) || nr >= X32_BIT)
        return (struct seccomp_fold_say){0};
    if (unheard_of(s, arch, nr))
        return (struct seccomp_fold_say){.fixed = true, .action = SECCOMP_RET_ERRNO | ENOSYS};
    if (nr < recent[0].nr)
        return (struct seccomp_fold_say){0};
    size_t at = nr - recent[0].nr;
    if (at < ARRAY_SIZE(recent) && s->recent[at].fixed)
        return (struct seccomp_fold_say){.fixed = true, .action = s->recent[at].action};
    return (struct seccomp_fold_say){0};
}

/* Numbers at which say() changes its mind. */
static size_t points(const struct sayings *s, uint32_t *ret, size_t max) {
    size_t n = 0;

    for (uint32_t nr = recent[0].nr; nr <= recent[0].nr + ARRAY_SIZE(recent); nr++)
        ret[n++] = nr;
    for (size_t i = 0; i < s->n_arches; i++)
        ret[n++] = s->newest[i] + 1;
    ret[n++] = X32_BIT;
    ret[n++] = 2U * X32_BIT;
    ret[n++] = 3U * X32_BIT;
    for (size_t i = 0; i < s->f->n_guards && n + 8 <= max; i++) {
        const struct seccomp_guard *g = &s->f->guards[i];
        const uint32_t nr[] = {g->nr_x86_64, g->nr_x86_64 | X32_BIT, g->nr_i386, g->nr_aarch64};
        for (size_t k = 0; k < ARRAY_SIZE(nr); k++) {
            ret[n++] = nr[k];
            ret[n++] = nr[k] + 1;
        }
    }
    return n;
}

/* --- libseccomp ------------------------------------------------------------------------------- */

/* "SCMP_ARCH_X86_64" → libseccomp's token, which is the audit architecture (x32 aside); 0 unknown.
 */
static uint32_t arch_token(const char *word) {
    char name[32];
    const char *p = str_starts(word, "SCMP_ARCH_") ? word + 10 : word;
    size_t n = 0;

    for (; p[n] && n < sizeof(name) - 1; n++)
        name[n] = (char)(p[n] >= 'A' && p[n] <= 'Z' ? p[n] - 'A' + 'a' : p[n]);
    name[n] = '\0';
    return seccomp_arch_resolve_name(name);
}

static int add_arch(scmp_filter_ctx ctx, const char *word, struct err *e) {
    uint32_t token = arch_token(word);

    if (token == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "seccomp: unknown architecture \"%s\"", word);
    int r = seccomp_arch_add(ctx, token);
    return r < 0 && r != -EEXIST ? err_sysn(e, r, "seccomp: add architecture %s", word) : 0;
}

static int add_call(scmp_filter_ctx ctx, uint32_t action, int nr, const struct seccomp_arg *args,
                    size_t n) {
    struct scmp_arg_cmp cmp[6];

    for (size_t i = 0; i < n; i++)
        cmp[i] = (struct scmp_arg_cmp){.arg = args[i].index,
                                       .op = (enum scmp_compare)args[i].op,
                                       .datum_a = args[i].value,
                                       .datum_b = args[i].value_two};
    int r = seccomp_rule_add_array(ctx, action, nr, (unsigned)n, cmp);
    return r == -EEXIST ? 0 : r;
}

/* libseccomp takes each argument once per rule; docker reads a repeated one as alternatives. */
static bool repeats(const struct seccomp_rule *rule) {
    unsigned seen = 0;

    for (size_t i = 0; i < rule->n_args; i++) {
        if (seen & 1U << rule->args[i].index)
            return true;
        seen |= 1U << rule->args[i].index;
    }
    return false;
}

static int add_rule(scmp_filter_ctx ctx, const struct seccomp_filter *f,
                    const struct seccomp_rule *rule, struct err *e) {
    for (size_t i = 0; i < rule->n_args; i++)
        if (rule->args[i].index > 5)
            return err_set(e, ERR_USAGE, -EINVAL, "seccomp: argument index %u of \"%s\" is above 5",
                           rule->args[i].index, rule->n_names ? rule->names[0] : "");
    if (rule->action == f->default_action)
        return 0; /* libseccomp refuses what changes nothing */
    for (size_t i = 0; i < rule->n_names; i++) {
        if (rule->n_args == 0 && recent_nr(rule->names[i]))
            continue;
        int r = 0, nr = seccomp_syscall_resolve_name(rule->names[i]);
        if (nr == __NR_SCMP_ERROR)
            continue;
        if (repeats(rule))
            for (size_t k = 0; k < rule->n_args && r == 0; k++)
                r = add_call(ctx, rule->action, nr, &rule->args[k], 1);
        else
            r = add_call(ctx, rule->action, nr, rule->args, rule->n_args);
        if (r < 0)
            return err_sysn(e, r, "seccomp: add rule for %s", rule->names[i]);
    }
    return 0;
}

/* The program of the rules, in arena memory. */
static int export_program(scmp_filter_ctx ctx, struct arena *a, struct sock_filter **ret,
                          size_t *ret_n, struct err *e) {
    AUTO_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);

    if (fd < 0)
        return err_sys(e, "memfd_create");
    int r = seccomp_export_bpf(ctx, fd);
    if (r < 0)
        return err_sysn(e, r, "seccomp: compile");
    off_t len = lseek(fd, 0, SEEK_END);
    if (len <= 0)
        return err_set(e, ERR_INTERNAL, -EIO, "seccomp: empty program");
    struct sock_filter *v = arena_alloc(a, (size_t)len);
    if (!v)
        return err_oom(e);
    if (pread(fd, v, (size_t)len, 0) != len)
        return err_sys(e, "read the compiled filter");
    *ret = v;
    *ret_n = (size_t)len / sizeof(*v);
    return 0;
}

/* The native architecture first: it is asked about most. */
static size_t audit_arches(const struct seccomp_filter *f, uint32_t *ret) {
    size_t n = 0;

    ret[n++] = seccomp_arch_native();
    for (size_t i = 0; i < f->n_arches && n < MAX_ARCHES; i++) {
        uint32_t token = arch_token(f->arches[i]);
        /* x32 is x86_64 with a bit in the number */
        if (token && token != ret[0] && token != SCMP_ARCH_X32)
            ret[n++] = token;
    }
    return n;
}

static int fold(const struct seccomp_filter *f, const struct sock_filter *prog, size_t n,
                struct arena *a, void **ret, size_t *ret_len, struct err *e) {
    struct sock_filter *out = arena_array(a, BPF_MAXINSNS, struct sock_filter);
    uint32_t arches[MAX_ARCHES], at[128];
    struct sayings sayings;
    size_t out_n;

    if (!out)
        return err_oom(e);
    size_t n_arches = audit_arches(f, arches);
    prepare(f, arches, n_arches, &sayings);
    struct seccomp_fold in = {
        .prog = prog,
        .n = n,
        .arches = arches,
        .n_arches = n_arches,
        .say = say,
        .data = &sayings,
        .points = at,
        .n_points = points(&sayings, at, ARRAY_SIZE(at)),
    };
    int r = seccomp_fold(&in, a, out, &out_n);
    if (r == -E2BIG)
        return err_set(e, ERR_USAGE, r, "seccomp: the profile is too long for the kernel");
    if (r < 0)
        return err_sysn(e, r, "seccomp: fold the program of libseccomp");
    *ret = out;
    *ret_len = out_n * sizeof(*out);
    return 0;
}

bool seccomp_call_known(const char *name) {
    return recent_nr(name) || seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

int seccomp_build(const struct seccomp_filter *f, struct arena *a, void **ret, size_t *ret_len,
                  struct err *e) {
    scmp_filter_ctx ctx = seccomp_init(f->default_action);
    struct sock_filter *prog = NULL;
    size_t n = 0;
    int r = 0;

    if (!ctx)
        return err_set(e, ERR_USAGE, -EINVAL, "seccomp: default action 0x%x is not possible",
                       f->default_action);
    for (size_t i = 0; i < f->n_arches && r == 0; i++)
        r = add_arch(ctx, f->arches[i], e);
    for (size_t i = 0; i < f->n_rules && r == 0; i++)
        r = add_rule(ctx, f, &f->rules[i], e);
    /* Not as libseccomp's tree (CTL_OPTIMIZE): folding builds a better one, and libseccomp's is
     * slower to make, and wrong without rules (libseccomp#370). */
    if (r == 0)
        r = export_program(ctx, a, &prog, &n, e);
    seccomp_release(ctx);
    return r < 0 ? r : fold(f, prog, n, a, ret, ret_len, e);
}
