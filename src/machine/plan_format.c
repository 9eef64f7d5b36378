/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/plan_format.h"

#include <string.h>

const struct plan_op_info plan_op_info[PLAN_OP_COUNT] = {
#define PLAN_OP_INFO(op, word, refs, nums) {word, refs, nums},
    PLAN_OPS(PLAN_OP_INFO)
#undef PLAN_OP_INFO
};

static int corrupt(struct err *e, const char *what) {
    return err_set(e, ERR_CORRUPT, -EBADMSG,
                   "the machine plan is damaged (%s): remove the container and run it again", what);
}

/* n elements of `size` bytes at `off` lie inside `len`. */
static bool fits(size_t off, size_t n, size_t size, size_t len) {
    return off <= len && n <= (len - off) / size;
}

static bool check_string(const struct plan_header *h, uint32_t ref) {
    return ref < h->pool_len;
}

static bool check_list(const struct plan *p, uint32_t ref) {
    if (ref % 8 || !fits(ref, 1, sizeof(uint32_t), p->h->pool_len))
        return false;
    uint32_t n;
    const uint32_t *v = plan_list(p, ref, &n);
    if (!fits(ref + sizeof(uint32_t), n, sizeof(uint32_t), p->h->pool_len))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i] == 0 || !check_string(p->h, v[i]))
            return false;
    }
    return true;
}

static bool check_blob(const struct plan *p, uint32_t ref) {
    if (ref % 8 || !fits(ref, 2, sizeof(uint32_t), p->h->pool_len))
        return false;
    uint32_t len;
    plan_blob(p, ref, &len);
    return fits(ref + 2 * sizeof(uint32_t), len, 1, p->h->pool_len);
}

static bool check_ref(const struct plan *p, char kind, uint32_t ref) {
    if (ref == 0)
        return kind == 's' || kind == 'l' || kind == 0;
    switch (kind) {
    case 'S':
    case 's':
        return check_string(p->h, ref);
    case 'L':
    case 'l':
        return check_list(p, ref);
    case 'B':
        return check_blob(p, ref);
    default:
        return false;
    }
}

static bool check_step(const struct plan *p, const struct plan_step *s) {
    if (s->op >= PLAN_OP_COUNT)
        return false;
    const char *kinds = plan_op_info[s->op].refs;
    for (size_t i = 0, n = strlen(kinds); i < PLAN_REFS; i++) {
        if (!check_ref(p, i < n ? kinds[i] : 0, s->ref[i]))
            return false;
    }
    return true;
}

static bool check_head_refs(const struct plan_header *h) {
    bool ok =
        check_string(h, h->uid_map) && check_string(h, h->gid_map) && check_string(h, h->cg_v2);
    for (size_t i = 0; i < CG_COUNT; i++)
        ok = ok && check_string(h, h->cg_ctl[i]);
    return ok;
}

/* Layout of the whole: header, steps, pool, in this order and inside the bytes. */
static bool check_layout(const struct plan_header *h, size_t len) {
    if (h->size != len || h->n_steps > PLAN_MAX_STEPS)
        return false;
    if (h->steps < sizeof(*h) || h->steps % 8 ||
        !fits(h->steps, h->n_steps, sizeof(struct plan_step), len))
        return false;
    size_t steps_end = h->steps + h->n_steps * sizeof(struct plan_step);
    if (h->pool < steps_end || h->pool % 8 || h->pool_len < 8 ||
        !fits(h->pool, h->pool_len, 1, len))
        return false;
    const char *pool = (const char *)h + h->pool;
    return pool[0] == 0 && pool[h->pool_len - 1] == 0;
}

int plan_open(const void *bytes, size_t len, struct plan *ret, struct err *e) {
    struct plan p = {.h = bytes, .len = len};
    if (!bytes || (uintptr_t)bytes % 8)
        return err_set(e, ERR_INTERNAL, -EINVAL, "machine plan: bytes are not aligned");
    if (len < sizeof(*p.h) || len > PLAN_MAX_BYTES)
        return corrupt(e, "size");
    if (p.h->magic != PLAN_MAGIC || p.h->version != PLAN_VERSION)
        return corrupt(e, "not a plan of this version");
    if (!check_layout(p.h, len))
        return corrupt(e, "layout");
    if (!check_head_refs(p.h))
        return corrupt(e, "header");
    for (size_t i = 0; i < PLAN_SECTIONS; i++) {
        if (!fits(p.h->section[i].first, p.h->section[i].n, 1, p.h->n_steps))
            return corrupt(e, "sections");
    }
    const struct plan_step *s =
        (const struct plan_step *)(const void *)((const char *)bytes + p.h->steps);
    for (uint32_t i = 0; i < p.h->n_steps; i++) {
        if (!check_step(&p, &s[i]))
            return corrupt(e, "a step");
    }
    *ret = p;
    return 0;
}

bool plan_has_terminal(const struct plan *p) {
    return p->h->flags & PLAN_F_TERMINAL;
}

void plan_cgroups(const struct plan *p, struct cgroup_set *ret) {
    *ret = (struct cgroup_set){.v2 = plan_str(p, p->h->cg_v2), .v2_ctls = p->h->cg_v2_ctls};
    for (size_t i = 0; i < CG_COUNT; i++)
        ret->ctl[i] = plan_str(p, p->h->cg_ctl[i]);
}
