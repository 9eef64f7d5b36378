/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/image_rules.h"

#include "base/str.h"
#include "spec/image.h"

#include <string.h>

bool rules_builtin(const struct ref *r) {
    return str_eq(r->domain, "docker.io") && str_eq(r->path, "library/box") &&
           str_eq(r->tag, "latest") && !r->digest.s[0];
}

int rules_before_pull(hako_engine *g, const struct hako_pull_options *o, struct pull_request *rq,
                      struct arena *a, struct image_rules *r, struct err *e) {
    *r = (struct image_rules){.write_lock = o->lock_write};
    int rc = rq->layout_dir ? trust_load(g, "oci", rq->layout_dir, e)
                            : trust_pull(g, rq->ref, a, &r->trust, e);
    if (rc == 0 && !rq->layout_dir)
        rc = lock_path(g, o->lock, a, &r->lock, e);
    /* A pull that writes the lock finds out anew what the name means. */
    if (rc == 0 && r->lock && !r->write_lock)
        rc = lock_digest(r->lock, rq->ref, rq->platform, a, &r->pinned, e);
    if (rc < 0)
        return rc;
    if (r->pinned.s[0] && rq->all_platforms)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "lock file %s pins one platform: --all-platforms does not go with it",
                       r->lock);
    rq->trust = r->trust.needs_signature ? &r->trust.want : NULL;
    rq->pinned = r->pinned.s[0] ? &r->pinned : NULL;
    return 0;
}

int rules_after_pull(const struct image_rules *r, const struct pull_request *rq,
                     const struct pull_result *got, struct arena *a, struct err *e) {
    int rc = trust_note(rq->store, &got->config, &r->trust, e);
    if (rc == 0 && r->lock && r->write_lock && !rq->ref->digest.s[0])
        rc = lock_update(r->lock, rq->ref, rq->platform, &got->image, a, e);
    return rc;
}

/* The locked digest is the manifest's: of the image that is here, or one it was pinned under. */
static bool rules_is(const struct store *s, const struct image *found, const struct digest *want,
                     struct arena *a) {
    struct image img = *found;
    struct err ignored;
    if (digest_eq(&img.manifest, want))
        return true;
    if (image_describe(s, a, &img, &ignored) < 0)
        return false;
    for (size_t i = 0; i < img.digests.n; i++)
        if (str_ends(img.digests.v[i], want->s))
            return true;
    return false;
}

int rules_run(hako_engine *g, const struct hako_run_options *o, const struct store *s,
              const struct image *img, struct arena *a, struct err *e) {
    const char *path = NULL;
    struct ref ref;
    struct err no_ref;
    bool named = ref_parse(o->image, a, &ref, &no_ref) == 0;
    if (named && rules_builtin(&ref))
        return trust_load(g, "oci", NULL, e);
    int r = trust_run(g, s, img, o->image, a, e);
    if (r == 0)
        r = lock_path(g, o->lock, a, &path, e);
    if (r < 0 || !path)
        return r;
    struct image full = *img;
    r = image_describe(s, a, &full, e);
    if (r < 0 || full.digests.n == 0)
        return r; /* made here: no registry knows it */
    /* an id names one image for ever */
    if (str_starts(img->id.s + strlen("sha256:"), o->image) || str_starts(img->id.s, o->image) ||
        !named)
        return 0;
    struct digest want;
    r = lock_digest(path, &ref, &img->config.platform, a, &want, e);
    if (r < 0 || !want.s[0] || rules_is(s, img, &want, a))
        return r;
    return err_set(e, ERR_CONFLICT, -ESTALE,
                   "%s is here as another image than lock file %s says (%.19s…)", o->image, path,
                   want.s);
}
