/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoder. Every access bit is decided by the last rule that speaks of it, as v1 does: the
 * program walks the rules backwards with the undecided bits in r5. An allow rule takes its bits
 * away and wins when none is left; a deny rule that touches one of them ends it.
 *
 *   r2 type  r3 major  r4 minor  r5 undecided access bits  r6 scratch
 */
#include "sys/bpf_device.h"

#include <linux/bpf.h>

enum { PROLOGUE = 7, PER_RULE = 9, MAX_INSNS = 4096 };

struct code {
    struct bpf_insn *v;
    size_t n;
};

static void put(struct code *c, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
    c->v[c->n++] = (struct bpf_insn){
        .code = op, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

static void put_exit(struct code *c, bool allow) {
    put(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
    put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void put_prologue(struct code *c) {
    /* struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; } */
    put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
    put(c, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_5, BPF_REG_2, 0, 0);
    put(c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_5, 0, 0, 16);
    put(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
    put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, 4, 0);
    put(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 8, 0);
}

static bool is_all(const struct bpf_device_rule *r) {
    return r->type == 'a' || (r->type == '\0' && r->major < 0 && r->minor < 0);
}

static void put_rule(struct code *c, const struct bpf_device_rule *r) {
    size_t guard[3], guards = 0;

    if (!is_all(r)) {
        guard[guards++] = c->n;
        put(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
            r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        if (r->major >= 0) {
            guard[guards++] = c->n;
            put(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 0, (int32_t)r->major);
        }
        if (r->minor >= 0) {
            guard[guards++] = c->n;
            put(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, (int32_t)r->minor);
        }
    }
    if (r->allow) {
        put(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_5, 0, 0,
            (int32_t)(BPF_DEVICE_ALL & ~r->access));
        put(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 2, 0);
        put_exit(c, true);
    } else {
        put(c, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_5, 0, 0);
        put(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_6, 0, 0, (int32_t)r->access);
        put(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_6, 0, 2, 0);
        put_exit(c, false);
    }
    for (size_t i = 0; i < guards; i++)
        c->v[guard[i]].off = (int16_t)(c->n - guard[i] - 1);
}

static int check(const struct bpf_device_rule *r, struct err *e) {
    if (r->type != 'a' && r->type != 'b' && r->type != 'c' && r->type != '\0')
        return err_set(e, ERR_USAGE, -EINVAL, "device rule of unknown type '%c'", r->type);
    if (r->major > INT32_MAX || r->minor > INT32_MAX)
        return err_set(e, ERR_USAGE, -EINVAL, "device number out of range: %lld:%lld",
                       (long long)r->major, (long long)r->minor);
    return 0;
}

int bpf_device_encode(const struct bpf_device_rule *rules, size_t n, struct arena *a, void **ret,
                      size_t *ret_len, struct err *e) {
    if (n > MAX_INSNS / PER_RULE - 2)
        return err_set(e, ERR_USAGE, -E2BIG, "too many device rules: %zu", n);
    struct code c = {.v = arena_array(a, PROLOGUE + (n + 1) * PER_RULE, struct bpf_insn)};
    if (!c.v)
        return err_oom(e);
    put_prologue(&c);
    bool decided = false;
    for (size_t i = n; i-- > 0 && !decided;) {
        const struct bpf_device_rule *r = &rules[i];
        int err = check(r, e);
        if (err < 0)
            return err;
        decided = is_all(r) && (r->access & BPF_DEVICE_ALL) == BPF_DEVICE_ALL;
        if (decided)
            put_exit(&c, r->allow);
        else if (r->access & BPF_DEVICE_ALL)
            put_rule(&c, r);
    }
    if (!decided)
        put_exit(&c, false);
    *ret = c.v;
    *ret_len = c.n * sizeof(struct bpf_insn);
    return 0;
}
