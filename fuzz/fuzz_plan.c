/* SPDX-License-Identifier: Apache-2.0 */
/* Machine plans: what plan_open takes can be walked and printed without leaving its bytes. */
#include "base/str.h"
#include "machine/plan_format.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A plan of a few steps, so that mutation begins beyond the header. */
static size_t seed(unsigned char *out, size_t size) {
    struct plan_header h = {.magic = PLAN_MAGIC, .version = PLAN_VERSION, .n_steps = 4};
    struct plan_step s[4] = {
        {.op = PLAN_ROOT_OVERLAY, .ref = {16, 8, 8}},
        {.op = PLAN_MOUNT, .ref = {8, 8, 8, 16}, .num = {1, 2}},
        {.op = PLAN_SECCOMP, .ref = {32}},
        {.op = PLAN_EXEC, .ref = {16, 16, 8}},
    };
    const uint32_t list[4] = {2, 8, 9, 0}, blob[4] = {8, 0, 1, 2};
    unsigned char pool[56] = {0};
    memcpy(pool + 8, "abc", 4);
    memcpy(pool + 16, list, sizeof(list));
    memcpy(pool + 32, blob, sizeof(blob));
    h.steps = (sizeof(h) + 7) & ~7u;
    h.pool = h.steps + (uint32_t)sizeof(s);
    h.pool_len = sizeof(pool);
    h.size = h.pool + h.pool_len;
    h.section[PLAN_INIT].n = 4;
    if (h.size > size)
        return 0;
    memset(out, 0, h.size);
    memcpy(out, &h, sizeof(h));
    memcpy(out + h.steps, s, sizeof(s));
    memcpy(out + h.pool, pool, sizeof(pool));
    return h.size;
}

static void walk(const void *bytes, size_t size) {
    struct plan p;
    struct err e;
    struct cgroup_set set;
    if (plan_open(bytes, size, &p, &e) < 0)
        return;
    struct str s = STR_INIT(1 << 20);
    plan_print(&p, &s);
    plan_cgroups(&p, &set);
    str_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* an exact copy, so that the sanitizer sees one byte too far; malloc aligns it */
    void *copy = malloc(size ? size : 1);
    _Alignas(8) unsigned char plan[1024];
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    walk(copy, size);
    free(copy);
    /* pairs of place and value, written over a good plan */
    size_t n = seed(plan, sizeof(plan));
    void *exact = malloc(n);
    if (!exact)
        return 0;
    for (size_t i = 0; i + 4 <= size; i += 4) {
        size_t at = ((size_t)data[i] << 8 | data[i + 1]) % n;
        plan[at] = data[i + 2];
        if (data[i + 3] & 1)
            plan[(at + 1) % n] = data[i + 3];
    }
    memcpy(exact, plan, n);
    walk(exact, n);
    free(exact);
    return 0;
}
