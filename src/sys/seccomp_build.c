/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules → BPF. libseccomp does the work; a prologue of our own goes before its program:
 *
 *     load arch; unknown → main
 *     guards         call by number → low half of an argument → refuse
 *     nr > newest    → ENOSYS
 *     recent calls   which the libseccomp at hand may not know → their action
 *     main           libseccomp's program
 *
 * The prologue uses only what the kernel can fold when it computes its bitmap of always-allowed
 * calls, so that an ordinary call costs nothing.
 */
#include "sys/seccomp.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum {
    NEWEST_OF_LIBSECCOMP = 450, /* every libseccomp we build with knows calls up to here */
    X32_BIT = 0x40000000,
    MAX_PROLOGUE = 120,
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

/* --- prologue --------------------------------------------------------------------------------- */

struct code {
    struct sock_filter v[MAX_PROLOGUE];
    size_t n;
    bool full;
};

static void put(struct code *c, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf) {
    if (c->n == MAX_PROLOGUE)
        c->full = true;
    else
        c->v[c->n++] = (struct sock_filter){.code = op, .jt = jt, .jf = jf, .k = k};
}

static void load(struct code *c, size_t offset) {
    put(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Skip `n` instructions unless A == k. */
static void unless_equal(struct code *c, uint32_t k, uint8_t n) {
    put(c, BPF_JMP | BPF_JEQ | BPF_K, k, 0, n);
}

static void leave(struct code *c, uint32_t action) {
    put(c, BPF_RET | BPF_K, action, 0, 0);
}

/* A placeholder "jump to main", patched when its address is known. */
static void to_main(struct code *c) {
    put(c, BPF_JMP | BPF_JA, UINT32_MAX, 0, 0);
}

static size_t low_half(uint32_t index) {
    size_t at = offsetof(struct seccomp_data, args) + 8 * (size_t)index;

    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? at : at + 4;
}

/* A holds the number; it is lost when the guard's call is met, for then the guard decides. */
static void put_guards(struct code *c, const struct seccomp_filter *f, int which) {
    for (size_t i = 0; i < f->n_guards; i++) {
        const struct seccomp_guard *g = &f->guards[i];
        const uint32_t nr[] = {g->nr_x86_64, g->nr_i386, g->nr_aarch64};
        unless_equal(c, nr[which], (uint8_t)(2 * g->n_values + 2));
        load(c, low_half(g->index));
        for (size_t k = 0; k < g->n_values; k++) {
            unless_equal(c, g->values[k], 1);
            leave(c, g->action);
        }
        to_main(c);
    }
}

/* The action of the first rule without conditions that names a recent call. */
static bool recent_action(const struct seccomp_filter *f, const char *name, uint32_t *ret) {
    for (size_t i = 0; i < f->n_rules; i++)
        for (size_t k = 0; k < f->rules[i].n_names && f->rules[i].n_args == 0; k++)
            if (strcmp(f->rules[i].names[k], name) == 0) {
                *ret = f->rules[i].action;
                return true;
            }
    return false;
}

/* Newest call that the profile names. */
static uint32_t newest(const struct seccomp_filter *f) {
    uint32_t nr = NEWEST_OF_LIBSECCOMP;

    for (size_t i = 0; i < f->n_rules; i++)
        for (size_t k = 0; k < f->rules[i].n_names; k++)
            nr = MAX_OF(nr, recent_nr(f->rules[i].names[k]));
    return nr;
}

/* A holds the number. */
static void put_recent(struct code *c, const struct seccomp_filter *f) {
    if ((f->default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO) {
        put(c, BPF_JMP | BPF_JGT | BPF_K, newest(f), 0, 1);
        leave(c, SECCOMP_RET_ERRNO | ENOSYS);
    }
    put(c, BPF_JMP | BPF_JGE | BPF_K, recent[0].nr, 1, 0);
    to_main(c);
    for (size_t i = 0; i < ARRAY_SIZE(recent); i++) {
        uint32_t action;
        if (recent_action(f, recent[i].name, &action) && action != f->default_action) {
            unless_equal(c, recent[i].nr, 1);
            leave(c, action);
        }
    }
}

static bool has_arch(const struct seccomp_filter *f, const char *name) {
    for (size_t i = 0; i < f->n_arches; i++)
        if (strcmp(f->arches[i], name) == 0)
            return true;
    return false;
}

static void prologue(const struct seccomp_filter *f, struct code *c) {
    const size_t nr = offsetof(struct seccomp_data, nr), arch = offsetof(struct seccomp_data, arch);

    load(c, arch);
#if defined(__x86_64__)
    if (has_arch(f, "SCMP_ARCH_X86")) {
        size_t skip = c->n;
        unless_equal(c, AUDIT_ARCH_I386, 0);
        load(c, nr);
        put_guards(c, f, 1);
        put_recent(c, f);
        to_main(c);
        c->v[skip].jf = (uint8_t)(c->n - skip - 1);
    }
    unless_equal(c, AUDIT_ARCH_X86_64, 1);
    put(c, BPF_JMP | BPF_JA, 1, 0, 0);
    to_main(c);
    load(c, nr);
    put(c, BPF_ALU | BPF_AND | BPF_K, (uint32_t)~X32_BIT, 0, 0);
    put_guards(c, f, 0);
    load(c, nr);
    put(c, BPF_JMP | BPF_JSET | BPF_K, X32_BIT, 0, 1);
    to_main(c);
    put_recent(c, f);
#elif defined(__aarch64__)
    unless_equal(c, AUDIT_ARCH_AARCH64, 1);
    put(c, BPF_JMP | BPF_JA, 1, 0, 0);
    to_main(c);
    load(c, nr);
    put_guards(c, f, 2);
    put_recent(c, f);
#endif
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].code == (BPF_JMP | BPF_JA) && c->v[i].k == UINT32_MAX)
            c->v[i].k = (uint32_t)(c->n - i - 1);
}

/* --- libseccomp ------------------------------------------------------------------------------- */

static int add_arch(scmp_filter_ctx ctx, const char *word, struct err *e) {
    char name[32];
    const char *p = str_starts(word, "SCMP_ARCH_") ? word + 10 : word;
    size_t n = 0;

    for (; p[n] && n < sizeof(name) - 1; n++)
        name[n] = (char)(p[n] >= 'A' && p[n] <= 'Z' ? p[n] - 'A' + 'a' : p[n]);
    name[n] = '\0';
    uint32_t token = seccomp_arch_resolve_name(name);
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

static int export_program(scmp_filter_ctx ctx, const struct code *head, struct arena *a, void **ret,
                          size_t *ret_len, struct err *e) {
    const size_t head_len = head->n * sizeof(struct sock_filter);
    AUTO_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);

    if (fd < 0)
        return err_sys(e, "memfd_create");
    int r = seccomp_export_bpf(ctx, fd);
    if (r < 0)
        return err_sysn(e, r, "seccomp: compile");
    off_t len = lseek(fd, 0, SEEK_END);
    size_t total = len < 0 ? 0 : (size_t)len + head_len;
    if (len <= 0 || total / sizeof(struct sock_filter) > BPF_MAXINSNS)
        return err_set(e, ERR_USAGE, -E2BIG, "seccomp: the profile is too long for the kernel");
    char *bytes = arena_alloc(a, total);
    if (!bytes)
        return err_oom(e);
    memcpy(bytes, head->v, head_len);
    if (pread(fd, bytes + head_len, (size_t)len, 0) != len)
        return err_sys(e, "read the compiled filter");
    *ret = bytes;
    *ret_len = total;
    return 0;
}

int seccomp_build(const struct seccomp_filter *f, struct arena *a, void **ret, size_t *ret_len,
                  struct err *e) {
    struct code head = {.n = 0};
    scmp_filter_ctx ctx = seccomp_init(f->default_action);
    int r = 0;

    if (!ctx)
        return err_set(e, ERR_USAGE, -EINVAL, "seccomp: default action 0x%x is not possible",
                       f->default_action);
    for (size_t i = 0; i < f->n_arches && r == 0; i++)
        r = add_arch(ctx, f->arches[i], e);
    bool any = false;
    for (size_t i = 0; i < f->n_rules && r == 0; i++) {
        r = add_rule(ctx, f, &f->rules[i], e);
        any = any || f->rules[i].action != f->default_action;
    }
    /* An empty tree is compiled wrongly (libseccomp#370). */
    if (r == 0 && any)
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r == 0)
        prologue(f, &head);
    if (r == 0 && head.full)
        r = err_set(e, ERR_INTERNAL, -E2BIG, "seccomp: prologue too long");
    if (r == 0)
        r = export_program(ctx, &head, a, ret, ret_len, e);
    seccomp_release(ctx);
    return r;
}
