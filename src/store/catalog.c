/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog.h"

#include "base/io.h"
#include "base/str.h"
#include "store/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CATALOG_FILE "catalog"
#define CATALOG_WORD "hakocat1"
#define CATALOG_MAX ((size_t)64 << 20)
#define CATALOG_FROM 32 /* images; fewer are read as fast one by one */
#define REST_NS ((int64_t)100 * 1000 * 1000)

static int64_t catalog_time(int fd) {
    struct stat st;
    return fstat(fd, &st) < 0 ? -1 : (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

void catalog_stamp(const struct store *s, struct catalog_stamp *ret) {
    *ret = (struct catalog_stamp){catalog_time(s->imagesfd), catalog_time(s->refsfd)};
}

/* --- writing: text fields, each ended by NUL ------------------------------------------------- */

static int catalog_put(struct str *t, const char *text) {
    return str_addn(t, text ? text : "", strlen(text ? text : "") + 1);
}

static int catalog_put_number(struct str *t, uint64_t v) {
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
    return catalog_put(t, text);
}

static int catalog_put_list(struct str *t, const struct strlist *l) {
    int r = catalog_put_number(t, l->n);
    for (size_t i = 0; r == 0 && i < l->n; i++)
        r = catalog_put(t, l->v[i]);
    return r;
}

static int catalog_put_image(struct str *t, const struct image *img) {
    const struct img_config *c = &img->config;
    const char *const words[] = {img->id.s,           img->manifest.s,       c->created,
                                 c->author,           c->platform.os,        c->platform.arch,
                                 c->platform.variant, c->platform.os_version};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(words); i++)
        r = catalog_put(t, words[i]);
    if (r == 0)
        r = catalog_put_number(t, img->size);
    if (r == 0)
        r = catalog_put_number(t, (uint64_t)img->pulled_ns);
    if (r == 0)
        r = catalog_put_list(t, &img->refs);
    if (r == 0)
        r = catalog_put_list(t, &img->digests);
    if (r == 0)
        r = catalog_put_number(t, c->n_labels);
    for (size_t i = 0; r == 0 && i < c->n_labels; i++) {
        r = catalog_put(t, c->labels[i].key);
        if (r == 0)
            r = catalog_put(t, c->labels[i].value);
    }
    if (r == 0)
        r = catalog_put_number(t, c->n_diff_ids);
    for (size_t i = 0; r == 0 && i < c->n_diff_ids; i++)
        r = catalog_put(t, c->diff_ids[i].s);
    return r;
}

void catalog_write(const struct store *s, const struct catalog_stamp *stamp, const struct image *v,
                   size_t n) {
    AUTO_STR struct str text = STR_INIT(CATALOG_MAX);
    struct catalog_stamp now;
    struct err ignored;
    catalog_stamp(s, &now);
    if (n < CATALOG_FROM || now.images_ns != stamp->images_ns || now.refs_ns != stamp->refs_ns ||
        now_unix_ns() - MAX_OF(now.images_ns, now.refs_ns) < REST_NS)
        return;
    int r = catalog_put(&text, CATALOG_WORD);
    if (r == 0)
        r = catalog_put_number(&text, (uint64_t)stamp->images_ns);
    if (r == 0)
        r = catalog_put_number(&text, (uint64_t)stamp->refs_ns);
    if (r == 0)
        r = catalog_put_number(&text, n);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = catalog_put_image(&text, &v[i]);
    if (r == 0)
        (void)staging_replace(s, CATALOG_FILE, false, s->rootfd, CATALOG_FILE, text.s, text.len,
                              &ignored);
}

/* --- reading --------------------------------------------------------------------------------- */

struct catalog {
    char *p, *end;
    struct arena *a;
    bool bad;
};

/* The next field, in place; "" when there is none. */
static char *catalog_get(struct catalog *c) {
    char *at = c->p, *nul = c->bad ? NULL : memchr(at, '\0', (size_t)(c->end - at));
    if (!nul) {
        c->bad = true;
        return c->end; /* the NUL behind the text */
    }
    c->p = nul + 1;
    return at;
}

static char *catalog_get_or_null(struct catalog *c) {
    char *text = catalog_get(c);
    return *text ? text : NULL;
}

static uint64_t catalog_get_number(struct catalog *c, uint64_t max) {
    uint64_t v = 0;
    if (str_to_u64(catalog_get(c), &v) < 0 || v > max)
        c->bad = true;
    return c->bad ? 0 : v;
}

static void catalog_get_digest(struct catalog *c, struct digest *ret) {
    if (!str_copy(ret->s, sizeof(ret->s), catalog_get(c)))
        c->bad = true;
}

/* Lists point into the file's text. */
static void catalog_get_list(struct catalog *c, struct strlist *ret) {
    size_t n = (size_t)catalog_get_number(c, 1 << 20);
    *ret = (struct strlist){NULL, 0, 0};
    if (c->bad || n == 0)
        return;
    ret->v = arena_array(c->a, n + 1, char *);
    c->bad |= !ret->v;
    for (size_t i = 0; !c->bad && i < n; i++)
        ret->v[i] = catalog_get(c);
    if (!c->bad)
        ret->n = ret->cap = n;
}

static void catalog_get_labels(struct catalog *c, struct img_config *config) {
    size_t n = (size_t)catalog_get_number(c, 1 << 20);
    config->labels = arena_array(c->a, n, struct rt_kv);
    c->bad |= !config->labels;
    for (size_t i = 0; !c->bad && i < n; i++) {
        config->labels[i].key = catalog_get(c);
        config->labels[i].value = catalog_get(c);
    }
    config->n_labels = c->bad ? 0 : n;
}

static void catalog_get_image(struct catalog *c, struct image *img) {
    struct img_config *k = &img->config;
    catalog_get_digest(c, &img->id);
    catalog_get_digest(c, &img->manifest);
    k->created = catalog_get_or_null(c);
    k->author = catalog_get_or_null(c);
    k->platform.os = catalog_get_or_null(c);
    k->platform.arch = catalog_get_or_null(c);
    k->platform.variant = catalog_get_or_null(c);
    k->platform.os_version = catalog_get_or_null(c);
    img->size = catalog_get_number(c, UINT64_MAX);
    img->pulled_ns = (int64_t)catalog_get_number(c, INT64_MAX);
    catalog_get_list(c, &img->refs);
    catalog_get_list(c, &img->digests);
    catalog_get_labels(c, k);
    size_t n = (size_t)catalog_get_number(c, IMG_MAX_LAYERS);
    k->diff_ids = arena_array(c->a, n, struct digest);
    c->bad |= !k->diff_ids;
    for (size_t i = 0; !c->bad && i < n; i++)
        catalog_get_digest(c, &k->diff_ids[i]);
    k->n_diff_ids = c->bad ? 0 : n;
}

static char *catalog_text(const struct store *s, struct arena *a, size_t *len) {
    struct stat st;
    AUTO_FD int fd = openat(s->rootfd, CATALOG_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > (off_t)CATALOG_MAX)
        return NULL;
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    ssize_t n = text ? io_read_full(fd, text, (size_t)st.st_size) : -1;
    *len = (size_t)st.st_size;
    return n == st.st_size ? text : NULL;
}

int catalog_read(const struct store *s, struct arena *a, struct image **ret, size_t *n) {
    struct catalog_stamp now;
    size_t len = 0;
    catalog_stamp(s, &now);
    struct catalog c = {.a = a};
    c.p = catalog_text(s, a, &len);
    if (!c.p)
        return 1;
    c.end = c.p + len;
    if (strcmp(catalog_get(&c), CATALOG_WORD) != 0 ||
        catalog_get_number(&c, UINT64_MAX) != (uint64_t)now.images_ns ||
        catalog_get_number(&c, UINT64_MAX) != (uint64_t)now.refs_ns)
        return 1;
    size_t count = (size_t)catalog_get_number(&c, 1 << 20);
    struct image *v = c.bad ? NULL : arena_array(a, count, struct image);
    for (size_t i = 0; v && !c.bad && i < count; i++)
        catalog_get_image(&c, &v[i]);
    if (!v || c.bad)
        return 1;
    *ret = v;
    *n = count;
    return 0;
}
