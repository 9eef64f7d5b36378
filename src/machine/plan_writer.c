/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/plan_writer.h"

#include <string.h>

static void keep(struct plan_writer *w, int r) {
    w->failed = w->failed || r < 0;
}

void plan_writer_begin(struct plan_writer *w) {
    memset(w, 0, sizeof(*w));
    for (size_t i = 0; i < PLAN_SECTIONS; i++)
        w->steps[i] = STR_INIT(PLAN_MAX_BYTES);
    w->pool = STR_INIT(PLAN_MAX_BYTES);
    w->h = (struct plan_header){.magic = PLAN_MAGIC, .version = PLAN_VERSION};
    keep(w, str_addn(&w->pool, "\0\0\0\0\0\0\0", 8)); /* offset 0 = absent */
}

void plan_writer_end(struct plan_writer *w) {
    for (size_t i = 0; i < PLAN_SECTIONS; i++)
        str_free(&w->steps[i]);
    str_free(&w->pool);
}

static uint32_t hash_of(const char *s) {
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

uint32_t plan_writer_str(struct plan_writer *w, const char *s) {
    if (!s || w->failed)
        return 0;
    uint32_t slot = hash_of(s) % PLAN_WRITER_HASH;
    for (size_t i = 0; i < 8; i++, slot = (slot + 1) % PLAN_WRITER_HASH) {
        if (w->hash[slot] && strcmp(w->pool.s + w->hash[slot], s) == 0)
            return w->hash[slot];
        if (!w->hash[slot])
            break;
    }
    uint32_t at = (uint32_t)w->pool.len;
    keep(w, str_addn(&w->pool, s, strlen(s) + 1));
    if (!w->hash[slot])
        w->hash[slot] = at;
    return at;
}

static uint32_t align(struct plan_writer *w) {
    static const char zero[8];
    keep(w, str_addn(&w->pool, zero, (8 - w->pool.len % 8) % 8));
    return (uint32_t)w->pool.len;
}

uint32_t plan_writer_list(struct plan_writer *w, char *const *v, size_t n) {
    if (n == 0 || n > PLAN_MAX_BYTES / 4 || w->failed)
        return 0;
    AUTO_FREE uint32_t *out = calloc(n + 1, sizeof(*out));
    if (!out) {
        w->failed = true;
        return 0;
    }
    out[0] = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        out[i + 1] = plan_writer_str(w, v[i]);
    uint32_t at = align(w);
    keep(w, str_addn(&w->pool, out, (n + 1) * sizeof(*out)));
    return at;
}

uint32_t plan_writer_blob(struct plan_writer *w, const void *p, size_t n) {
    const uint32_t head[2] = {(uint32_t)n, 0};
    if (n > PLAN_MAX_BYTES)
        w->failed = true;
    if (w->failed)
        return 0;
    uint32_t at = align(w);
    keep(w, str_addn(&w->pool, head, sizeof(head)));
    if (n)
        keep(w, str_addn(&w->pool, p, n));
    return at;
}

void plan_writer_step(struct plan_writer *w, enum plan_section section, struct plan_step s) {
    keep(w, str_addn(&w->steps[section], &s, sizeof(s)));
    w->h.section[section].n++;
}

int plan_writer_finish(struct plan_writer *w, struct arena *a, void **ret, size_t *ret_len,
                       struct err *e) {
    struct plan plan;
    keep(w, str_addn(&w->pool, "", 1)); /* the last byte ends whatever string is last */
    align(w);
    size_t at = (sizeof(w->h) + 7) & ~(size_t)7;
    w->h.steps = (uint32_t)at;
    for (size_t i = 0; i < PLAN_SECTIONS; i++) {
        w->h.section[i].first = w->h.n_steps;
        w->h.n_steps += w->h.section[i].n;
    }
    w->h.pool = (uint32_t)(at + w->h.n_steps * sizeof(struct plan_step));
    w->h.pool_len = (uint32_t)w->pool.len;
    w->h.size = w->h.pool + w->h.pool_len;
    char *out = w->failed || w->h.size > PLAN_MAX_BYTES ? NULL : arena_alloc(a, w->h.size);
    if (!out)
        return err_set(e, ERR_INTERNAL, -ENOMEM,
                       "the plan of this container does not fit: too long a command, environment "
                       "or list of mounts");
    memcpy(out, &w->h, sizeof(w->h));
    for (size_t i = 0; i < PLAN_SECTIONS; i++) {
        if (w->steps[i].len)
            memcpy(out + at, w->steps[i].s, w->steps[i].len);
        at += w->steps[i].len;
    }
    memcpy(out + w->h.pool, w->pool.s, w->pool.len);
    int r = plan_open(out, w->h.size, &plan, e);
    if (r < 0)
        return err_wrap(e, "plan_writer");
    *ret = out;
    *ret_len = w->h.size;
    return 0;
}
