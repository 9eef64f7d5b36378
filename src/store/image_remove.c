/* SPDX-License-Identifier: Apache-2.0 */
/* docker rmi: one reference at a time, and with the last one the image and what only it needs. */
#include "store/image_remove.h"

#include "base/str.h"
#include "store/image_file.h"
#include "store/refs.h"
#include "store/staging.h"

#include <string.h>

struct image_removal {
    const struct store *s;
    const char *name;
    struct image img;
    char *ref; /* the one that `name` says; NULL: named by id */
    bool force;
    const char *user; /* a container that uses it, or NULL */
    struct arena *a;
    struct strlist *report;
};

/* "docker.io/library/debian:12" → "debian:12". */
static const char *image_familiar(const char *full, struct arena *a) {
    struct ref ref;
    struct err ignored;
    err_clear(&ignored);
    if (ref_parse(full, a, &ref, &ignored) < 0)
        return full;
    if (!ref.digest.s[0])
        return ref_familiar(&ref, a);
    const char *name = ref_familiar_name(&ref, a);
    return name ? arena_printf(a, "%s@%s", name, ref.digest.s) : NULL;
}

static int image_untag_one(const struct store *s, const char *full, struct arena *a,
                           struct strlist *report, struct err *e) {
    const char *shown = image_familiar(full, a);
    int r = refs_drop(s, full, e);
    if (r < 0)
        return r;
    if (!shown || strlist_addf(a, report, "Untagged: %s", shown) < 0)
        return err_oom(e);
    return 0;
}

static int image_untag(struct image_removal *m, const char *full, struct err *e) {
    return image_untag_one(m->s, full, m->a, m->report, e);
}

static size_t image_repo_len(const char *full) {
    const char *at = strchr(full, '@');
    if (at)
        return (size_t)(at - full);
    const char *colon = strrchr(full, ':');
    return colon && !strchr(colon, '/') ? (size_t)(colon - full) : strlen(full);
}

static bool image_same_repo(const char *a, const char *b) {
    size_t n = image_repo_len(a);
    return n == image_repo_len(b) && strncmp(a, b, n) == 0;
}

/* With the last tag of a repository its digests go too. */
static int image_untag_repo_digests(struct image_removal *m, struct err *e) {
    for (size_t i = 0; i < m->img.refs.n; i++) {
        if (strcmp(m->img.refs.v[i], m->ref) != 0 && image_same_repo(m->img.refs.v[i], m->ref))
            return 0;
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < m->img.digests.n; i++) {
        if (strcmp(m->img.digests.v[i], m->ref) != 0 &&
            image_same_repo(m->img.digests.v[i], m->ref))
            r = image_untag(m, m->img.digests.v[i], e);
    }
    return r;
}

static int image_in_several_repos(const struct image *img) {
    const char *first = img->refs.n ? img->refs.v[0] : img->digests.n ? img->digests.v[0] : NULL;
    for (size_t i = 0; i < img->refs.n; i++) {
        if (!image_same_repo(first, img->refs.v[i]))
            return true;
    }
    for (size_t i = 0; i < img->digests.n; i++) {
        if (!image_same_repo(first, img->digests.v[i]))
            return true;
    }
    return false;
}

/* What the reference leaves behind: another tag, or by digest another repository. */
static bool image_last_ref(const struct image_removal *m) {
    size_t left = 0;
    for (size_t i = 0; i < m->img.refs.n; i++)
        left += strcmp(m->img.refs.v[i], m->ref) != 0;
    for (size_t i = 0; i < m->img.digests.n; i++)
        left += !image_same_repo(m->img.digests.v[i], m->ref);
    return left == 0;
}

int image_remove_whole(const struct store *s, const struct image *img, bool keep, struct arena *a,
                       struct strlist *report, struct err *e) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < img->refs.n; i++)
        r = image_untag_one(s, img->refs.v[i], a, report, e);
    for (size_t i = 0; r == 0 && i < img->digests.n; i++)
        r = image_untag_one(s, img->digests.v[i], a, report, e);
    if (r < 0 || keep)
        return r;
    r = staging_discard(s, s->imagesfd, image_file_dir(&img->id), e);
    if (r < 0)
        return r;
    return strlist_addf(a, report, "Deleted: %s", img->id.s) < 0 ? err_oom(e) : 0;
}

static int image_delete(struct image_removal *m, struct err *e) {
    /* Forced: nameless now, but the container keeps its root file system. */
    int r = image_remove_whole(m->s, &m->img, m->user != NULL, m->a, m->report, e);
    return r < 0 || m->user ? r : gc_layers(m->s, m->a, m->report, e);
}

static int image_remove_ref(struct image_removal *m, struct err *e) {
    if (!image_last_ref(m)) {
        int r = image_untag(m, m->ref, e);
        return r < 0 || strchr(m->ref, '@') ? r : image_untag_repo_digests(m, e);
    }
    if (m->user && !m->force)
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "conflict: unable to remove repository reference \"%s\" (must force) - "
                       "container %.12s is using its referenced image %.12s",
                       m->name, m->user, digest_hex(&m->img.id));
    return image_delete(m, e);
}

static int image_remove_id(struct image_removal *m, struct err *e) {
    const char *id = digest_hex(&m->img.id);
    if (m->user && !m->force)
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "conflict: unable to delete %.12s (must be forced) - image is being used by "
                       "container %.12s",
                       id, m->user);
    if (!m->force && image_in_several_repos(&m->img))
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "conflict: unable to delete %.12s (must be forced) - image is referenced in "
                       "multiple repositories",
                       id);
    return image_delete(m, e);
}

/* The reference that `name` is, if the image has it. */
static int image_named_ref(struct image_removal *m, struct err *e) {
    struct ref ref;
    struct err bad;
    err_clear(&bad);
    m->ref = NULL;
    if (ref_parse(m->name, m->a, &ref, &bad) < 0)
        return 0;
    char *full =
        ref.digest.s[0] ? refs_digest_name(&ref, &ref.digest, m->a) : refs_tag_name(&ref, m->a);
    if (!full)
        return err_oom(e);
    if (strlist_has(&m->img.refs, full) || strlist_has(&m->img.digests, full))
        m->ref = full;
    return 0;
}

int image_remove(const struct store *s, const char *name, bool force,
                 const char *(*in_use)(const char *image_id, void *data), void *data,
                 struct arena *a, struct strlist *report, struct err *e) {
    struct image_removal m = {.s = s, .name = name, .force = force, .a = a, .report = report};
    AUTO_FD int lock = -1;
    int r = store_lock(s, true, &lock, e);
    if (r == 0)
        r = image_find(s, name, a, &m.img, e);
    if (r == 0)
        r = image_describe(s, a, &m.img, e);
    if (r == 0)
        r = image_named_ref(&m, e);
    if (r < 0)
        return r;
    m.user = in_use ? in_use(m.img.id.s, data) : NULL;
    return m.ref ? image_remove_ref(&m, e) : image_remove_id(&m, e);
}
