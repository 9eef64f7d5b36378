/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot.h"

#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Is the same layer named again above? Then below it adds nothing, and overlayfs refuses twins. */
static bool snapshot_repeated(const struct image *img, size_t i) {
    for (size_t k = i + 1; k < img->config.n_diff_ids; k++) {
        if (digest_eq(&img->config.diff_ids[i], &img->config.diff_ids[k]))
            return true;
    }
    return false;
}

static int snapshot_lower(const struct store *s, const struct image *img, struct arena *a,
                          struct strlist *ret, struct err *e) {
    for (size_t i = img->config.n_diff_ids; i-- > 0;) {
        const char *hex = digest_hex(&img->config.diff_ids[i]);
        if (!snapshot_repeated(img, i) && strlist_addf(a, ret, "%s/layers/%s/fs", s->root, hex) < 0)
            return err_oom(e);
    }
    if (ret->n == 0 && strlist_addf(a, ret, "%s/layers/" STORE_EMPTY_LAYER "/fs", s->root) < 0)
        return err_oom(e);
    return 0;
}

int snapshot_paths(const struct store *s, const struct image *img, const char *container_path,
                   struct arena *a, struct snapshot *ret, struct err *e) {
    struct snapshot sn = {.upper = arena_printf(a, "%s/upper", container_path),
                          .work = arena_printf(a, "%s/work", container_path)};
    if (!sn.upper || !sn.work)
        return err_oom(e);
    int r = snapshot_lower(s, img, a, &sn.lower, e);
    if (r == 0)
        *ret = sn;
    return r;
}

/* The container's "/" is the upper directory itself: it takes the mode of the image's. */
static int snapshot_make_upper(const struct snapshot *sn, int container_dir, struct err *e) {
    struct stat st;
    const char *top = sn->lower.n ? sn->lower.v[0] : "";
    if (stat(top, &st) < 0)
        return err_sys(e, "cannot look at layer %s", top);
    if (mkdirat(container_dir, "upper", 0700) < 0)
        return err_sys(e, "cannot make %s", sn->upper);
    if (fchmodat(container_dir, "upper", st.st_mode & 07777, 0) < 0)
        return err_sys(e, "cannot set the mode of %s", sn->upper);
    if (mkdirat(container_dir, "work", 0700) < 0)
        return err_sys(e, "cannot make %s", sn->work);
    return 0;
}

int snapshot_prepare(const struct store *s, const struct image *img, int container_dir,
                     const char *container_path, struct arena *a, struct snapshot *ret,
                     struct err *e) {
    for (size_t i = 0; i < img->config.n_diff_ids; i++) {
        if (!layer_present(s, &img->config.diff_ids[i]))
            return err_set(e, ERR_CORRUPT, -ENOENT,
                           "image %.19s has lost its layer %.19s: pull it again", img->id.s,
                           img->config.diff_ids[i].s);
    }
    int r = 0;
    if (img->config.n_diff_ids == 0)
        r = path_mkdir_p(s->layersfd, STORE_EMPTY_LAYER "/fs", 0755);
    if (r < 0)
        return err_sysn(e, r, "cannot make an empty layer in %s", s->root);
    struct snapshot sn = {.upper = NULL};
    r = snapshot_paths(s, img, container_path, a, &sn, e);
    if (r == 0)
        r = snapshot_make_upper(&sn, container_dir, e);
    if (r == 0)
        *ret = sn;
    return r;
}
