/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/tarindex.h"

#include "base/io.h"
#include "base/path.h"

#include <limits.h>
#include <string.h>

#define BLOCK 512U
#define MAX_EXTRA ((uint64_t)1 << 20) /* of one pax header or long name */
#define MAX_HOPS 8

struct tar_reader {
    int fd;
    uint64_t size, at;
    const char *what;
    size_t max, cap;
    struct arena *a;
    struct tar_index index;
    char *name, *link; /* of the next entry, given by a header before it; NULL = none */
    uint64_t pax_size;
    bool has_size;
};

static uint64_t tar_octal(const unsigned char *p, size_t n) {
    uint64_t v = 0;
    size_t i = 0;
    while (i < n && p[i] == ' ')
        i++;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
        v = v << 3 | (uint64_t)(p[i] - '0');
    return v;
}

/* Octal, or big-endian binary with the top bit set. */
static uint64_t tar_number(const unsigned char *p, size_t n) {
    if (!(p[0] & 0x80))
        return tar_octal(p, n);
    uint64_t v = p[0] & 0x3f;
    for (size_t i = 1; i < n; i++) {
        if (v >> 55)
            return UINT64_MAX;
        v = v << 8 | p[i];
    }
    return v;
}

bool tarindex_is_header(const unsigned char block[static 512]) {
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : block[i];
    return block[0] && sum == tar_octal(block + 148, 8);
}

static int tar_damaged(const struct tar_reader *t, const char *why, struct err *e) {
    return err_set(e, ERR_CORRUPT, -EBADMSG, "%s is no intact tar archive: %s at byte %llu",
                   t->what, why, (unsigned long long)t->at);
}

static int tar_pread(const struct tar_reader *t, void *p, size_t n, uint64_t at, struct err *e) {
    for (size_t have = 0; have < n;) {
        ssize_t k = pread(t->fd, (char *)p + have, n - have, (off_t)(at + have));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(e, "cannot read %s", t->what);
        if (k == 0)
            return tar_damaged(t, "it ends too early", e);
        have += (size_t)k;
    }
    return 0;
}

/* "./a/b" → "a/b" relative to nothing; with a base, "../x" is resolved against its directory.
 * NULL: it leads out, or is too long. */
static char *tar_clean(struct tar_reader *t, const char *base, const char *name) {
    char joined[2 * PATH_MAX + 2], out[PATH_MAX];
    const char *slash = base && *name != '/' ? strrchr(base, '/') : NULL;
    size_t n = slash ? (size_t)(slash - base) + 1 : 0, k = strlen(name);
    if (n + k + 2 > sizeof(joined))
        return NULL;
    joined[0] = '/';
    memcpy(joined + 1, base ? base : "", n);
    memcpy(joined + 1 + n, name, k + 1);
    if (path_clean(joined, out, sizeof(out)) < 0)
        return NULL;
    return arena_strdup(t->a, out + 1);
}

static int tar_keep(struct tar_reader *t, const char *name, const char *link, uint64_t at,
                    uint64_t size, struct err *e) {
    struct tar_index *x = &t->index;
    if (x->n >= t->max)
        return err_set(e, ERR_CORRUPT, -E2BIG, "%s has more than %zu entries: refused", t->what,
                       t->max);
    if (x->n == t->cap) {
        size_t more = t->cap ? t->cap * 2 : 64;
        struct tarindex_entry *v = arena_array(t->a, more, struct tarindex_entry);
        if (!v)
            return err_oom(e);
        if (x->n)
            memcpy(v, x->v, x->n * sizeof(*v));
        x->v = v;
        t->cap = more;
    }
    if (!name || !*name)
        return 0; /* the top itself */
    x->v[x->n++] = (struct tarindex_entry){name, link, at, size};
    return 0;
}

/* Body of a long name or pax header, terminated. */
static int tar_extra(struct tar_reader *t, uint64_t size, char **ret, struct err *e) {
    if (size > MAX_EXTRA)
        return tar_damaged(t, "a header is too large", e);
    char *text = arena_alloc(t->a, size + 1);
    if (!text)
        return err_oom(e);
    int r = tar_pread(t, text, size, t->at + BLOCK, e);
    if (r == 0)
        *ret = text;
    return r;
}

/* "<length> key=value\n", again and again. */
static void tar_pax(struct tar_reader *t, char *text, size_t len) {
    char *p = text, *end = text + len;
    while (p < end) {
        size_t n = 0;
        char *q = p;
        for (; q < end && *q >= '0' && *q <= '9' && n < MAX_EXTRA; q++)
            n = n * 10 + (size_t)(*q - '0');
        if (q >= end || *q != ' ' || n <= (size_t)(q - p) + 1 || n > (size_t)(end - p))
            return;
        char *key = q + 1, *stop = p + n - 1; /* the newline */
        *stop = '\0';
        char *eq = strchr(key, '=');
        if (eq) {
            *eq = '\0';
            if (strcmp(key, "path") == 0)
                t->name = eq + 1;
            else if (strcmp(key, "linkpath") == 0)
                t->link = eq + 1;
            else if (strcmp(key, "size") == 0)
                t->has_size = str_to_u64(eq + 1, &t->pax_size) == 0;
        }
        p += n;
    }
}

static char *tar_field(struct tar_reader *t, const unsigned char *p, size_t n) {
    return arena_strndup(t->a, (const char *)p, strnlen((const char *)p, n));
}

/* Name of the header alone, with ustar's prefix. */
static char *tar_name(struct tar_reader *t, const unsigned char *h) {
    char *name = tar_field(t, h, 100);
    if (memcmp(h + 257, "ustar\0", 6) != 0 || !h[345] || !name)
        return name;
    char *prefix = tar_field(t, h + 345, 155);
    return prefix ? arena_printf(t->a, "%s/%s", prefix, name) : NULL;
}

static int tar_member(struct tar_reader *t, const unsigned char *h, uint64_t size, struct err *e) {
    char type = (char)h[156];
    bool hard = type == '1', link = hard || type == '2';
    if (!link && type != '0' && type != '\0' && type != '7')
        return 0; /* directories, devices */
    const char *raw = t->name ? t->name : tar_name(t, h);
    const char *to = link ? t->link ? t->link : tar_field(t, h + 157, 100) : NULL;
    if (!raw || (link && !to))
        return err_oom(e);
    const char *name = tar_clean(t, NULL, raw);
    const char *target = link ? tar_clean(t, hard ? NULL : name, to) : NULL;
    if (!name || (link && !target))
        return tar_damaged(t, "a name is too long", e);
    return tar_keep(t, name, target, t->at + BLOCK, size, e);
}

static bool tar_is_extra(char type) {
    return type == 'x' || type == 'g' || type == 'L' || type == 'K';
}

/* Bytes that follow the header. Links, devices, directories and pipes have none, whatever they say.
 */
static uint64_t tar_body(const struct tar_reader *t, const unsigned char *h) {
    char type = (char)h[156];
    if (type >= '1' && type <= '6')
        return 0;
    return t->has_size && !tar_is_extra(type) ? t->pax_size : tar_number(h + 124, 12);
}

/* A header that speaks of the next entry. */
static int tar_extra_entry(struct tar_reader *t, char type, uint64_t size, struct err *e) {
    char *text = NULL;
    int r = type == 'g' ? 0 : tar_extra(t, size, &text, e);
    if (r < 0 || !text)
        return r;
    if (type == 'x')
        tar_pax(t, text, size);
    else if (type == 'L')
        t->name = text;
    else
        t->link = text;
    return 0;
}

/* One header and what belongs to it. 1: the end. */
static int tar_step(struct tar_reader *t, struct err *e) {
    unsigned char h[BLOCK];
    if (t->at + BLOCK > t->size)
        return 1; /* without the two empty blocks: as GNU tar */
    int r = tar_pread(t, h, sizeof(h), t->at, e);
    if (r < 0)
        return r;
    if (!h[0])
        return 1;
    if (!tarindex_is_header(h))
        return tar_damaged(t, "the checksum of a header is wrong", e);
    uint64_t size = tar_body(t, h);
    if (size > t->size || t->at + BLOCK + size > t->size)
        return tar_damaged(t, "an entry is longer than the archive", e);
    if (tar_is_extra((char)h[156])) {
        r = tar_extra_entry(t, (char)h[156], size, e);
    } else {
        r = tar_member(t, h, size, e);
        t->name = t->link = NULL;
        t->has_size = false;
    }
    t->at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    return r;
}

static int tar_compare(const void *pa, const void *pb) {
    const struct tarindex_entry *a = pa, *b = pb;
    int c = strcmp(a->name, b->name);
    return c ? c : (a->at < b->at) - (a->at > b->at);
}

int tarindex_read(int fd, uint64_t size, const char *what, size_t max_entries, struct arena *a,
                  struct tar_index *ret, struct err *e) {
    struct tar_reader t = {.fd = fd, .size = size, .what = what, .max = max_entries, .a = a};
    int r = 0;
    while (r == 0)
        r = tar_step(&t, e);
    if (r < 0)
        return r;
    if (t.index.n)
        qsort(t.index.v, t.index.n, sizeof(*t.index.v), tar_compare);
    *ret = t.index;
    return 0;
}

static const struct tarindex_entry *tar_lookup(const struct tar_index *t, const char *name) {
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(t->v[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->n && strcmp(t->v[low].name, name) == 0 ? &t->v[low] : NULL;
}

const struct tarindex_entry *tarindex_find(const struct tar_index *t, const char *name) {
    const struct tarindex_entry *x = tar_lookup(t, name);
    for (unsigned hop = 0; x && x->link; hop++) {
        if (hop >= MAX_HOPS)
            return NULL;
        x = tar_lookup(t, x->link);
    }
    return x;
}
