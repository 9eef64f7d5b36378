/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images: give one, take some away. */
#include "engine/engine.h"

#include "spec/ref.h"
#include "store/refs.h"

int hako_image_tag(hako_engine *g, const char *source, const char *target, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct image img;
    struct ref ref;
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = ref_parse(target, a, &ref, e);
    if (r == 0)
        r = image_find(s, source, a, &img, e);
    return r < 0 ? r : image_tag(s, &img, &ref, e);
}

/* The full names that go: those given, or all. Each must be one of the image's. */
static int image_untag_names(const struct image *img, const struct hako_strings *names,
                             struct arena *a, struct strlist *ret, struct err *e) {
    struct strlist full = {0};
    if (names->n == 0) {
        for (size_t i = 0; i < img->refs.n; i++)
            if (strlist_add(a, &full, img->refs.v[i]) < 0)
                return err_oom(e);
        for (size_t i = 0; i < img->digests.n; i++)
            if (strlist_add(a, &full, img->digests.v[i]) < 0)
                return err_oom(e);
    }
    for (size_t i = 0; i < names->n; i++) {
        struct ref ref;
        int r = ref_parse(names->v[i], a, &ref, e);
        if (r < 0)
            return r;
        const char *one =
            ref.digest.s[0] ? refs_digest_name(&ref, &ref.digest, a) : refs_tag_name(&ref, a);
        if (!one)
            return err_oom(e);
        if (!strlist_has(&img->refs, one) && !strlist_has(&img->digests, one))
            return err_set(e, ERR_NOT_FOUND, -ENOENT,
                           "%s is no name of image %.12s: `hako image inspect` shows its names",
                           names->v[i], digest_hex(&img->id));
        if (strlist_add(a, &full, one) < 0)
            return err_oom(e);
    }
    *ret = full;
    return 0;
}

int hako_image_untag(hako_engine *g, const char *image, const struct hako_strings *names,
                     hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int lock = -1;
    const struct store *s = NULL;
    struct image img;
    struct strlist full = {0};
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = store_lock(s, true, &lock, e);
    if (r == 0)
        r = image_find(s, image, a, &img, e);
    if (r == 0)
        r = image_describe(s, a, &img, e);
    if (r == 0)
        r = image_untag_names(&img, names, a, &full, e);
    for (size_t i = 0; i < full.n && r == 0; i++)
        r = refs_drop(s, full.v[i], e);
    return r;
}
