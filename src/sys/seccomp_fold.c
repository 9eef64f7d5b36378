/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/seccomp_fold.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

enum { NR = offsetof(struct seccomp_data, nr), ARCH = offsetof(struct seccomp_data, arch) };

enum { SHARED = 8 };

struct machine {
    const struct seccomp_fold *in;
    /* The new program, last instruction first: jumps only go forward, so what is jumped to is
     * there already and a label is its index. */
    struct sock_filter *out;
    size_t n;
    int error;
    uint32_t arch, nr; /* the call in question */
    struct {
        uint32_t action;
        size_t at;
    } shared[SHARED]; /* latest return of each action */
    size_t n_shared;
};

/* --- output ----------------------------------------------------------------------------------- */

static size_t put(struct machine *m, uint16_t op, uint32_t k, size_t jt, size_t jf) {
    if (m->n == BPF_MAXINSNS) {
        m->error = -E2BIG;
        return 0;
    }
    m->out[m->n] = (struct sock_filter){.code = op, .jt = (uint8_t)jt, .jf = (uint8_t)jf, .k = k};
    return m->n++;
}

/* Instructions between the next one and `label`. */
static size_t distance(const struct machine *m, size_t label) {
    return m->n - label - 1;
}

static size_t far_jump(struct machine *m, size_t label) {
    return put(m, BPF_JMP | BPF_JA, (uint32_t)distance(m, label), 0, 0);
}

/* The next instruction runs on into `label`. */
static void fall_into(struct machine *m, size_t label) {
    if (!m->error && distance(m, label) != 0)
        far_jump(m, label);
}

/* A return of this action within reach of what comes next. */
static size_t put_return(struct machine *m, uint32_t action) {
    size_t i = 0;

    while (i < m->n_shared && m->shared[i].action != action)
        i++;
    if (i < m->n_shared && distance(m, m->shared[i].at) < 200)
        return m->shared[i].at;
    if (i == SHARED)
        return put(m, BPF_RET | BPF_K, action, 0, 0);
    m->n_shared = MAX_OF(m->n_shared, i + 1);
    m->shared[i].action = action;
    return m->shared[i].at = put(m, BPF_RET | BPF_K, action, 0, 0);
}

/* A conditional jump reaches 255 instructions; beyond, a plain one is put in between. */
static size_t put_jump(struct machine *m, uint16_t op, uint32_t k, size_t yes, size_t no) {
    if (!m->error && distance(m, yes) > 254)
        yes = far_jump(m, yes);
    if (!m->error && distance(m, no) > 255)
        no = far_jump(m, no);
    return m->error ? 0 : put(m, op, k, distance(m, yes), distance(m, no));
}

/* --- running the program with what is known ----------------------------------------------------
 */

struct value {
    bool known, is_nr;
    uint32_t v;
};

static bool jumps(uint16_t code, uint32_t a, uint32_t k) {
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == k;
    case BPF_JGE:
        return a >= k;
    case BPF_JGT:
        return a > k;
    default:
        return (a & k) != 0; /* JSET */
    }
}

/* Loads: 1 when the value is known now, 0 when it depends on the call's arguments. */
static int load(const struct machine *m, const struct sock_filter *i, struct value *a) {
    if (i->k != NR && i->k != ARCH) {
        *a = (struct value){.known = false};
        return 0;
    }
    *a = (struct value){.known = true, .is_nr = i->k == NR, .v = i->k == NR ? m->nr : m->arch};
    return 1;
}

/* Follow the program from *pc as long as everything is known. 1: it stands at an instruction that
 * works on arguments; 0: it returned, *action. */
static int follow(struct machine *m, size_t *pc, struct value *a, uint32_t *action) {
    while (*pc < m->in->n) {
        const struct sock_filter *i = &m->in->prog[*pc];
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
            if (i->code != (BPF_LD | BPF_W | BPF_ABS))
                goto unknown;
            if (i->k != NR && i->k != ARCH)
                return 1;
            load(m, i, a);
            break;
        case BPF_RET:
            if (BPF_RVAL(i->code) != BPF_K)
                goto unknown;
            *action = i->k;
            return 0;
        case BPF_JMP:
            if (BPF_OP(i->code) == BPF_JA) {
                *pc += i->k;
                break;
            }
            if (BPF_SRC(i->code) != BPF_K)
                goto unknown;
            if (!a->known)
                return 1;
            if (a->is_nr && BPF_OP(i->code) == BPF_JSET)
                goto unknown; /* the intervals would be wrong */
            *pc += jumps(i->code, a->v, i->k) ? i->jt : i->jf;
            break;
        case BPF_ALU:
            if (i->code != (BPF_ALU | BPF_AND | BPF_K) || (a->known && a->is_nr))
                goto unknown;
            if (!a->known)
                return 1;
            a->v &= i->k;
            break;
        default:
            goto unknown;
        }
        ++*pc;
    }
unknown:
    m->error = -ENOTSUP;
    *action = 0;
    return 0;
}

/* Write what is left of the program from pc on. Its jumps only go forward, so this ends. */
static size_t residue(struct machine *m, size_t pc, struct value a) {
    uint32_t action;

    if (m->error)
        return 0;
    if (!follow(m, &pc, &a, &action))
        return put_return(m, action);
    const struct sock_filter *i = &m->in->prog[pc];
    if (BPF_CLASS(i->code) == BPF_JMP) {
        size_t yes = residue(m, pc + 1 + i->jt, a);
        return put_jump(m, i->code, i->k, yes, residue(m, pc + 1 + i->jf, a));
    }
    /* a load of an argument, or a mask on one */
    fall_into(m, residue(m, pc + 1, (struct value){.known = false}));
    return put(m, i->code, i->k, 0, 0);
}

/* --- intervals ---------------------------------------------------------------------------------
 */

struct interval {
    uint32_t start;
    bool plain; /* one action, no code */
    uint32_t action;
};

static struct interval ask(struct machine *m, uint32_t nr) {
    struct seccomp_fold_say say = m->in->say(m->in->data, m->arch, nr);
    struct interval v = {.start = nr, .plain = say.fixed, .action = say.action};
    struct value a = {.known = true};
    size_t pc = 0;

    m->nr = nr;
    if (!say.fixed && say.n_values == 0)
        v.plain = follow(m, &pc, &a, &v.action) == 0;
    return v;
}

static size_t low_half(uint32_t index) {
    size_t at = offsetof(struct seccomp_data, args) + 8 * (size_t)index;

    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? at : at + 4;
}

static size_t leaf(struct machine *m, const struct interval *v) {
    struct seccomp_fold_say say = m->in->say(m->in->data, m->arch, v->start);

    if (v->plain)
        return put_return(m, v->action);
    m->nr = v->start;
    size_t next = residue(m, 0, (struct value){.known = true});
    if (say.n_values == 0)
        return next;
    for (size_t i = say.n_values; i-- > 0;)
        next =
            put_jump(m, BPF_JMP | BPF_JEQ | BPF_K, say.values[i], put_return(m, say.action), next);
    fall_into(m, next);
    return put(m, BPF_LD | BPF_W | BPF_ABS, (uint32_t)low_half(say.index), 0, 0);
}

/* Binary search; A holds the number. */
static size_t search(struct machine *m, const struct interval *v, size_t n) {
    if (n == 1 || m->error)
        return leaf(m, v);
    size_t half = n / 2, upper = search(m, v + half, n - half);
    return put_jump(m, BPF_JMP | BPF_JGE | BPF_K, v[half].start, upper, search(m, v, half));
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Every number at which an answer may change: the program only compares, so those are its
 * constants and their successors. Sorted, distinct; 0 is the first. */
static size_t collect(const struct seccomp_fold *in, uint32_t *points) {
    size_t n = 0, kept = 0;

    points[n++] = 0;
    for (size_t i = 0; i < in->n; i++)
        if (BPF_CLASS(in->prog[i].code) == BPF_JMP && BPF_OP(in->prog[i].code) != BPF_JA) {
            points[n++] = in->prog[i].k;
            if (in->prog[i].k != UINT32_MAX)
                points[n++] = in->prog[i].k + 1;
        }
    for (size_t i = 0; i < in->n_points; i++)
        points[n++] = in->points[i];
    qsort(points, n, sizeof(*points), by_value);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || points[kept - 1] != points[i])
            points[kept++] = points[i];
    return kept;
}

/* Calls of m->arch, or on to `next` for another one. */
static size_t fold_arch(struct machine *m, const uint32_t *points, size_t n, struct interval *v,
                        size_t next) {
    size_t kept = 0;

    for (size_t i = 0; i < n && !m->error; i++) {
        struct interval here = ask(m, points[i]);
        if (kept == 0 || !here.plain || !v[kept - 1].plain || v[kept - 1].action != here.action)
            v[kept++] = here;
    }
    if (m->error)
        return 0;
    fall_into(m, search(m, v, kept));
    size_t body = put(m, BPF_LD | BPF_W | BPF_ABS, NR, 0, 0);
    return put_jump(m, BPF_JMP | BPF_JEQ | BPF_K, m->arch, body, next);
}

int seccomp_fold(const struct seccomp_fold *in, struct arena *a, struct sock_filter *out,
                 size_t *n) {
    struct machine m = {.in = in, .out = out};
    size_t max = 1 + 2 * in->n + in->n_points;
    uint32_t *points = arena_array(a, max, uint32_t);
    struct interval *intervals = arena_array(a, max, struct interval);
    struct value acc = {.known = true};
    uint32_t action;
    size_t pc = 0;

    if (!points || !intervals)
        return -ENOMEM;
    size_t n_points = collect(in, points);
    /* Architecture 0 stands for any other one. */
    if (follow(&m, &pc, &acc, &action) != 0)
        return -ENOTSUP;
    size_t next = put_return(&m, action);
    for (size_t i = in->n_arches; i-- > 0 && !m.error;) {
        m.arch = in->arches[i];
        next = fold_arch(&m, points, n_points, intervals, next);
    }
    fall_into(&m, next);
    put(&m, BPF_LD | BPF_W | BPF_ABS, ARCH, 0, 0);
    if (m.error)
        return m.error;
    for (size_t i = 0; i < m.n / 2; i++) {
        struct sock_filter swap = out[i];
        out[i] = out[m.n - 1 - i];
        out[m.n - 1 - i] = swap;
    }
    *n = m.n;
    return 0;
}
