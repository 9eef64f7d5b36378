/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tar_parts.h"

#include <string.h>

#define OLD_IN_HEAD 4
#define OLD_IN_BLOCK 21

struct tar_old_extent {
    char off[12], len[12];
};

/* What old GNU puts where ustar has the prefix. */
struct tar_old_head {
    char before[386];
    struct tar_old_extent v[OLD_IN_HEAD];
    char more, real_size[12], pad[17];
};
_Static_assert(sizeof(struct tar_old_head) == TAR_BLOCK, "one block");

struct tar_old_block {
    struct tar_old_extent v[OLD_IN_BLOCK];
    char more, pad[7];
};
_Static_assert(sizeof(struct tar_old_block) == TAR_BLOCK, "one block");

int tar_sparse_add(struct tar *t, int64_t off, int64_t len, struct err *e) {
    if (off < 0 || len < 0 || off > INT64_MAX / 2 || len > INT64_MAX / 2)
        return tar_damaged(t, "a sparse file with an impossible map", e);
    if (t->n_extents == TAR_MAX_EXTENTS)
        return tar_damaged(t, "a sparse file in too many pieces", e);
    if (t->n_extents == t->cap_extents) {
        size_t cap = t->cap_extents ? t->cap_extents * 2 : 16;
        struct tar_extent *grown = reallocarray(t->extents, cap, sizeof(*grown));
        if (!grown)
            return err_oom(e);
        t->extents = grown;
        t->cap_extents = cap;
    }
    t->extents[t->n_extents++] = (struct tar_extent){(uint64_t)off, (uint64_t)len};
    return 0;
}

/* false: an empty place, the map ends. */
static int sparse_old_list(struct tar *t, const struct tar_old_extent *v, size_t n, struct err *e) {
    for (size_t i = 0; i < n && v[i].off[0]; i++) {
        int64_t off, len;
        if (tar_head_number(v[i].off, sizeof(v[i].off), &off) < 0 ||
            tar_head_number(v[i].len, sizeof(v[i].len), &len) < 0)
            return tar_damaged(t, "a sparse file with an unreadable map", e);
        int r = tar_sparse_add(t, off, len, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int tar_sparse_old(struct tar *t, const struct tar_head *h, int64_t *real_size, struct err *e) {
    struct tar_old_head head;
    struct tar_old_block block;
    memcpy(&head, h, sizeof(head));
    if (tar_head_number(head.real_size, sizeof(head.real_size), real_size) < 0)
        return tar_damaged(t, "a sparse file without its size", e);
    int r = sparse_old_list(t, head.v, OLD_IN_HEAD, e);
    for (char more = head.more; r == 0 && more; more = block.more) {
        ssize_t n = tar_take(t, &block, sizeof(block), e);
        if (n < 0)
            return (int)n;
        if (n < TAR_BLOCK)
            return tar_damaged(t, "it ends too early", e);
        r = sparse_old_list(t, block.v, OLD_IN_BLOCK, e);
    }
    return r;
}

int tar_sparse_record(struct tar *t, struct tar_sparse *s, const char *key, char *value,
                      struct err *e) {
    int64_t v = 0;
    if (strcmp(key, "name") == 0) {
        s->name = value;
        return 0;
    }
    if (strcmp(key, "map") == 0) {
        s->map = value;
        s->given = true;
        return 0;
    }
    if (str_to_i64(value, &v) < 0)
        return tar_damaged(t, "a sparse file with an unreadable number", e);
    if (strcmp(key, "major") == 0) {
        s->major = v;
        s->given |= v == 1;
    } else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
        s->real_size = v;
    } else if (strcmp(key, "numblocks") == 0) {
        s->given = true;
    } else if (strcmp(key, "offset") == 0) {
        s->offset = v;
    } else if (strcmp(key, "numbytes") == 0) {
        s->given = true;
        return tar_sparse_add(t, s->offset, v, e);
    }
    return 0;
}

static int sparse_text_map(struct tar *t, char *map, struct err *e) {
    int64_t pair[2];
    unsigned have = 0;
    for (char *word = map, *next; *word; word = next) {
        next = word + strcspn(word, ",");
        if (*next)
            *next++ = '\0';
        if (str_to_i64(word, &pair[have]) < 0)
            return tar_damaged(t, "a sparse file with an unreadable map", e);
        if (++have < 2)
            continue;
        have = 0;
        int r = tar_sparse_add(t, pair[0], pair[1], e);
        if (r < 0)
            return r;
    }
    return have ? tar_damaged(t, "a sparse file with half a map", e) : 0;
}

/* Decimal lines in the payload's first blocks. */
struct sparse_lines {
    char block[TAR_BLOCK];
    size_t at;
};

static int sparse_line(struct tar *t, struct sparse_lines *l, int64_t *ret, struct err *e) {
    int64_t v = 0;
    for (int digits = 0; digits < 20; digits++) {
        if (l->at == TAR_BLOCK) {
            if (t->left < TAR_BLOCK)
                break;
            ssize_t n = tar_take(t, l->block, TAR_BLOCK, e);
            if (n < 0)
                return (int)n;
            if (n < TAR_BLOCK)
                break;
            t->left -= TAR_BLOCK;
            l->at = 0;
        }
        char c = l->block[l->at++];
        if (c == '\n' && digits > 0) {
            *ret = v;
            return 0;
        }
        if (c < '0' || c > '9' || v > INT64_MAX / 16)
            break;
        v = v * 10 + (c - '0');
    }
    return tar_damaged(t, "a sparse file with an unreadable map", e);
}

static int sparse_front_map(struct tar *t, struct err *e) {
    struct sparse_lines l = {.at = TAR_BLOCK};
    int64_t n = 0, off = 0, len = 0;
    int r = sparse_line(t, &l, &n, e);
    for (int64_t i = 0; r == 0 && i < n; i++) {
        r = sparse_line(t, &l, &off, e);
        if (r == 0)
            r = sparse_line(t, &l, &len, e);
        if (r == 0)
            r = tar_sparse_add(t, off, len, e);
    }
    return r;
}

int tar_sparse_pax(struct tar *t, struct tar_sparse *s, struct err *e) {
    if (s->major == 1)
        return sparse_front_map(t, e);
    return s->map ? sparse_text_map(t, s->map, e) : 0;
}

int tar_sparse_check(struct tar *t, struct err *e) {
    uint64_t end = 0, sum = 0;
    for (size_t i = 0; i < t->n_extents; i++) {
        const struct tar_extent *x = &t->extents[i];
        if (x->off < end || x->off > t->entry.size || x->len > t->entry.size - x->off)
            return tar_damaged(t, "a sparse file with an impossible map", e);
        end = x->off + x->len;
        sum += x->len;
    }
    return sum == t->left ? 0 : tar_damaged(t, "a sparse file whose map is not its content's", e);
}
