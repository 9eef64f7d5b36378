/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog.h"

#include "base/str.h"
#include "store/discard.h"
#include "store/image_file.h"
#include "store/refs.h"

#include <fcntl.h>

#include <string.h>
#include <sys/stat.h>

static int image_none(const char *name, struct err *e) {
    return err_set(e, ERR_NOT_FOUND, -ENOENT, "No such image: %s", name);
}

static bool image_is_hex(const char *s) {
    size_t n = strspn(s, "0123456789abcdef");
    return n > 0 && n <= 64 && s[n] == '\0';
}

/* An id that is complete or unique. -ENOENT without an error filled. */
static int image_by_prefix(const struct store *s, const char *prefix, struct arena *a,
                           struct image *ret, struct err *e) {
    if (strlen(prefix) == 64)
        return image_file_read(s, prefix, a, ret, e);
    struct strlist names;
    int r = image_file_names(s, a, &names, e);
    if (r < 0)
        return r;
    const char *found = NULL;
    for (size_t i = 0; i < names.n; i++) {
        if (!str_starts(names.v[i], prefix))
            continue;
        if (found)
            return err_set(e, ERR_CONFLICT, -EEXIST,
                           "image id %s is ambiguous: %.12s… and %.12s… begin so, give more digits",
                           prefix, found, names.v[i]);
        found = names.v[i];
    }
    return found ? image_file_read(s, found, a, ret, e) : -ENOENT;
}

/* -ENOENT without an error filled. */
static int image_by_ref(const struct store *s, const char *name, struct arena *a, struct image *ret,
                        struct err *e) {
    struct ref ref;
    struct digest id;
    struct err bad;
    err_clear(&bad);
    if (ref_parse(name, a, &ref, &bad) < 0)
        return -ENOENT; /* no reference; perhaps an id */
    const char *full =
        ref.digest.s[0] ? refs_digest_name(&ref, &ref.digest, a) : refs_tag_name(&ref, a);
    if (!full)
        return err_oom(e);
    int r = refs_get(s, full, &id, e);
    return r < 0 ? r : image_file_read(s, image_file_dir(&id), a, ret, e);
}

int image_find(const struct store *s, const char *name, struct arena *a, struct image *ret,
               struct err *e) {
    struct image img;
    int r = -ENOENT;
    const char *hex = str_starts(name, "sha256:") ? name + 7 : name;
    err_clear(e);
    if (image_is_hex(hex) && (hex != name || strlen(hex) == 64))
        r = image_by_prefix(s, hex, a, &img, e);
    else
        r = image_by_ref(s, name, a, &img, e);
    if (r == -ENOENT && e->code == 0 && image_is_hex(hex))
        r = image_by_prefix(s, hex, a, &img, e);
    if (r == -ENOENT && e->code == 0)
        return image_none(name, e);
    if (r < 0)
        return r;
    *ret = img;
    return 0;
}

static int image_compare_refs(const void *a, const void *b) {
    const struct refs_entry *x = a, *y = b;
    int r = strcmp(x->id.s, y->id.s);
    return r ? r : strcmp(x->full, y->full);
}

/* Of entries sorted by id: the first that is not less. */
static size_t image_first_ref(const struct refs_entry *v, size_t n, const struct digest *id) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(v[mid].id.s, id->s) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* `v` is sorted by image_compare_refs. */
static int image_attach_refs(struct image *img, const struct refs_entry *v, size_t n,
                             struct arena *a, struct err *e) {
    img->refs = img->digests = (struct strlist){NULL, 0, 0};
    for (size_t i = image_first_ref(v, n, &img->id); i < n && digest_eq(&v[i].id, &img->id); i++) {
        struct strlist *l = strchr(v[i].full, '@') ? &img->digests : &img->refs;
        if (strlist_add(a, l, v[i].full) < 0)
            return err_oom(e);
    }
    return 0;
}

int image_describe(const struct store *s, struct arena *a, struct image *img, struct err *e) {
    struct refs_entry *v = NULL;
    size_t n = 0;
    int r = refs_list(s, a, &v, &n, e);
    if (r < 0)
        return r;
    if (n)
        qsort(v, n, sizeof(*v), image_compare_refs);
    return image_attach_refs(img, v, n, a, e);
}

/* Newest first, as docker lists them. */
static int image_compare(const void *pa, const void *pb) {
    const struct image *a = pa, *b = pb;
    int64_t ta = 0, tb = 0;
    if (a->config.created)
        (void)str_from_rfc3339(a->config.created, &ta);
    if (b->config.created)
        (void)str_from_rfc3339(b->config.created, &tb);
    if (ta != tb)
        return ta < tb ? 1 : -1;
    return strcmp(a->id.s, b->id.s);
}

int image_list(const struct store *s, struct arena *a, struct image **ret, size_t *n,
               struct err *e) {
    struct strlist names;
    struct refs_entry *refs = NULL;
    struct catalog_stamp stamp;
    size_t nrefs = 0, count = 0;
    if (catalog_read(s, a, ret, n) == 0)
        return 0;
    catalog_stamp(s, &stamp);
    int r = image_file_names(s, a, &names, e);
    if (r == 0)
        r = refs_list(s, a, &refs, &nrefs, e);
    if (r < 0)
        return r;
    if (nrefs)
        qsort(refs, nrefs, sizeof(*refs), image_compare_refs);
    struct image *v = arena_array(a, names.n, struct image);
    if (!v)
        return err_oom(e);
    for (size_t i = 0; i < names.n; i++) {
        r = image_file_read(s, names.v[i], a, &v[count], e);
        if (r == -ENOENT)
            continue; /* removed while we looked */
        if (r == 0)
            r = image_attach_refs(&v[count], refs, nrefs, a, e);
        if (r < 0)
            return r;
        count++;
    }
    if (count)
        qsort(v, count, sizeof(*v), image_compare);
    catalog_write(s, &stamp, v, count);
    *ret = v;
    *n = count;
    return 0;
}

static int image_check_layers(const struct store *s, const struct image_commit *c, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct img_config config;
    if (!a)
        return err_oom(e);
    int r = img_config_decode(c->config, c->config_len, "image configuration", a, &config, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < config.n_diff_ids; i++) {
        if (!layer_present(s, &config.diff_ids[i]))
            return err_set(e, ERR_CORRUPT, -ENOENT,
                           "image %.19s needs layer %.19s, which is not in the store: pull again",
                           c->config_digest.s, config.diff_ids[i].s);
    }
    return 0;
}

static int image_commit_refs(const struct store *s, const struct image_commit *c, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    int r = 0;
    if (!a)
        return err_oom(e);
    const char *tag = refs_tag_name(c->ref, a);
    const char *pin = c->repo_digest.s[0] ? refs_digest_name(c->ref, &c->repo_digest, a) : "";
    if (!tag || !pin)
        return err_oom(e);
    if (*pin)
        r = refs_set(s, pin, &c->config_digest, e);
    /* debian@sha256:… names no tag, debian:12@sha256:… does not move it: as docker. */
    if (r == 0 && c->ref->tag && !c->ref->digest.s[0])
        r = refs_set(s, tag, &c->config_digest, e);
    return r;
}

static bool image_exists(const struct store *s, const struct digest *id) {
    struct stat st;
    return fstatat(s->imagesfd, image_file_dir(id), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The names could not be written: an image that did not exist before does not exist now. In place,
 * because a full disk has no room for the way by tmp. */
static void image_take_back(const struct store *s, const struct image_commit *c) {
    AUTO_ARENA struct arena *a = arena_new();
    const char *pin = a ? refs_digest_name(c->ref, &c->repo_digest, a) : NULL;
    struct err ignored;
    if (pin && c->repo_digest.s[0])
        (void)refs_drop(s, pin, &ignored);
    (void)discard_tree(s->imagesfd, image_file_dir(&c->config_digest), &ignored);
}

int image_commit(const struct store *s, const struct image_commit *c, struct err *e) {
    AUTO_FD int lock = -1;
    int r = store_lock(s, true, &lock, e);
    if (r == 0)
        r = image_check_layers(s, c, e);
    if (r < 0)
        return r;
    bool existed = image_exists(s, &c->config_digest);
    r = image_file_write(s, c, e);
    if (r < 0 || !c->ref)
        return r;
    r = image_commit_refs(s, c, e);
    if (r < 0 && !existed)
        image_take_back(s, c);
    return r;
}

int image_tag(const struct store *s, const struct image *img, const struct ref *ref,
              struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    const char *tag = a ? refs_tag_name(ref, a) : NULL;
    if (!tag)
        return err_oom(e);
    if (ref->digest.s[0])
        return err_set(e, ERR_USAGE, -EINVAL, "refusing to create a tag with a digest reference");
    AUTO_FD int lock = -1;
    int r = store_lock(s, true, &lock, e);
    if (r < 0)
        return r;
    if (!image_exists(s, &img->id))
        return image_none(img->id.s, e);
    return refs_set(s, tag, &img->id, e);
}
