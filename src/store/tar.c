/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tar_parts.h"

#include <string.h>

int tar_new(const struct tar_source *src, struct tar **ret, struct err *e) {
    struct tar *t = calloc(1, sizeof(*t));
    if (!t)
        return err_oom(e);
    t->src = *src;
    t->pax.max = t->name.max = t->link.max = TAR_MAX_PAX;
    *ret = t;
    return 0;
}

void tar_free(struct tar *t) {
    if (!t)
        return;
    str_free(&t->pax);
    str_free(&t->name);
    str_free(&t->link);
    free(t->extents);
    free(t->xattrs);
    free(t);
}

int tar_damaged(const struct tar *t, const char *why, struct err *e) {
    return err_set(e, ERR_CORRUPT, -EILSEQ, "the tar data is damaged%s%.150s: %s",
                   t->name.len ? " at " : "", str_c(&t->name), why);
}

/* Make sure that something is at hand. Its size, 0 at the end of the stream, -errno. */
static ssize_t tar_fill(struct tar *t, struct err *e) {
    while (t->n == 0 && !t->dry) {
        const void *p = NULL;
        ssize_t n = t->src.next(t->src.data, &p);
        if (n < 0)
            return err_sysn(e, (int)n, "cannot read the archive");
        t->p = p;
        t->n = (size_t)n;
        t->dry = n == 0;
    }
    return (ssize_t)t->n;
}

static int tar_watch(struct tar *t, size_t n, struct err *e) {
    int r = t->src.watch ? t->src.watch(t->src.data, t->p, n) : 0;
    t->p += n;
    t->n -= n;
    return r < 0 ? err_sysn(e, r, "cannot record the archive") : 0;
}

ssize_t tar_take(struct tar *t, void *buf, size_t n, struct err *e) {
    size_t done = 0;
    while (done < n) {
        ssize_t have = tar_fill(t, e);
        if (have <= 0)
            return have < 0 ? have : (ssize_t)done;
        size_t k = MIN_OF((size_t)have, n - done);
        memcpy((char *)buf + done, t->p, k);
        done += k;
        int r = tar_watch(t, k, e);
        if (r < 0)
            return r;
    }
    return (ssize_t)done;
}

int tar_skip(struct tar *t, uint64_t n, struct err *e) {
    while (n > 0) {
        ssize_t have = tar_fill(t, e);
        if (have == 0)
            return tar_damaged(t, "it ends too early", e);
        int r = have < 0 ? (int)have : 0;
        size_t k = r < 0 ? 0 : (size_t)MIN_OF((uint64_t)have, n);
        if (r == 0)
            r = tar_watch(t, k, e);
        if (r < 0)
            return r;
        n -= k;
    }
    return 0;
}

/* A whole body of a header that belongs to the next entry, with its padding. */
static int tar_body(struct tar *t, const struct tar_head *h, struct str *into, struct err *e) {
    char block[TAR_BLOCK];
    int64_t size;
    str_clear(into);
    if (tar_head_number(h->size, sizeof(h->size), &size) < 0 || size < 0 ||
        (uint64_t)size > TAR_MAX_PAX - 1)
        return tar_damaged(t, "an extended header of impossible size", e);
    for (uint64_t left = (uint64_t)size; left > 0;) {
        ssize_t n = tar_take(t, block, sizeof(block), e);
        if (n < 0)
            return (int)n;
        if (n < TAR_BLOCK)
            return tar_damaged(t, "it ends too early", e);
        size_t k = (size_t)MIN_OF(left, (uint64_t)TAR_BLOCK);
        if (str_addn(into, block, k) < 0)
            return err_oom(e);
        left -= k;
    }
    return 0;
}

/* 1: a header; 0: the end, by mark or because nothing more comes. */
static int tar_block(struct tar *t, struct tar_head *h, struct err *e) {
    for (int zeros = 0; zeros < 2; zeros++) {
        ssize_t n = tar_take(t, h, sizeof(*h), e);
        if (n <= 0)
            return (int)n;
        if (n < TAR_BLOCK)
            return tar_damaged(t, "it ends in the middle of a header", e);
        if (tar_head_zero(h))
            continue;
        if (zeros > 0)
            return tar_damaged(t, "a lone block of zeros is no end", e);
        return tar_head_valid(h) ? 1 : tar_damaged(t, "a header's check sum is wrong", e);
    }
    return 0;
}

/* Extended headers up to the one they belong to. 1, or 0 at the end. */
static int tar_headers(struct tar *t, struct tar_head *h, struct err *e) {
    bool long_name = false, long_link = false;
    str_clear(&t->pax);
    for (;;) {
        int r = tar_block(t, h, e);
        if (r <= 0)
            return r;
        switch (h->type) {
        case 'x':
            r = tar_body(t, h, &t->pax, e);
            break;
        case 'g': { /* for all that follow: docker does not obey them, so nobody may rely on it */
            AUTO_STR struct str ignored = STR_INIT(TAR_MAX_PAX);
            r = tar_body(t, h, &ignored, e);
            break;
        }
        case 'L':
            r = tar_body(t, h, &t->name, e);
            long_name = true;
            break;
        case 'K':
            r = tar_body(t, h, &t->link, e);
            long_link = true;
            break;
        default:
            return tar_parse(t, h, long_name, long_link, e);
        }
        if (r < 0)
            return r;
    }
}

int tar_next(struct tar *t, struct tar_entry *ret, struct err *e) {
    struct tar_head h;
    if (t->ended)
        return 0;
    int r = tar_skip(t, t->left + t->pad, e);
    t->left = t->pad = 0;
    if (r == 0)
        r = tar_headers(t, &h, e);
    if (r <= 0) {
        t->ended = true;
        return r;
    }
    *ret = t->entry;
    return 1;
}

ssize_t tar_data(struct tar *t, const void **ret, struct err *e) {
    if (t->left == 0)
        return 0;
    ssize_t have = tar_fill(t, e);
    if (have <= 0)
        return have < 0 ? have : tar_damaged(t, "it ends too early", e);
    size_t k = (size_t)MIN_OF((uint64_t)have, t->left);
    *ret = t->p;
    t->p += k;
    t->n -= k;
    t->left -= k;
    return (ssize_t)k;
}

int tar_drain(struct tar *t, struct err *e) {
    for (;;) {
        ssize_t have = tar_fill(t, e);
        if (have <= 0)
            return (int)have;
        int r = tar_watch(t, (size_t)have, e);
        if (r < 0)
            return r;
    }
}
