/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which layers does nobody need? Those that no image names, while no pull runs. There is no
 * reference count that could be wrong: the images are asked every time.
 */
#include "store/image_file.h"

#include "base/str.h"
#include "store/staging.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int gc_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Hex diff ids of all images, sorted. An unreadable image stops gc: better garbage than loss. */
static int gc_needed(const struct store *s, struct arena *a, struct strlist *ret, struct err *e) {
    struct strlist names, needed = {NULL, 0, 0};
    int r = image_file_names(s, a, &names, e);
    for (size_t i = 0; r == 0 && i < names.n; i++) {
        struct image img;
        r = image_file_read(s, names.v[i], a, &img, e);
        if (r == -ENOENT) {
            r = 0;
            continue;
        }
        for (size_t k = 0; r == 0 && k < img.config.n_diff_ids; k++) {
            if (strlist_add(a, &needed, digest_hex(&img.config.diff_ids[k])) < 0)
                r = err_oom(e);
        }
    }
    if (r < 0)
        return r;
    if (needed.n)
        qsort(needed.v, needed.n, sizeof(*needed.v), gc_compare);
    *ret = needed;
    return 0;
}

static int gc_candidates(const struct store *s, const struct strlist *needed, struct arena *a,
                         struct strlist *ret, struct err *e) {
    int fd = openat(s->layersfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        int r = err_sys(e, "cannot list %s/layers", s->root);
        fd_close(&fd);
        return r;
    }
    int r = 0;
    for (const struct dirent *de; r == 0 && (de = readdir(d));) {
        const char *name = de->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strcmp(name, STORE_EMPTY_LAYER) == 0 ||
            (needed->n && bsearch(&name, needed->v, needed->n, sizeof(*needed->v), gc_compare)))
            continue;
        if (strlist_add(a, ret, name) < 0)
            r = err_oom(e);
    }
    closedir(d);
    return r;
}

int gc_layers(const struct store *s, struct arena *a, struct strlist *report, struct err *e) {
    AUTO_FD int lock = -1;
    struct strlist needed, unneeded = {NULL, 0, 0};
    int r = store_no_pulls(s, &lock, e);
    if (r == -EWOULDBLOCK)
        return 0; /* the next one will */
    if (r == 0)
        r = gc_needed(s, a, &needed, e);
    if (r == 0)
        r = gc_candidates(s, &needed, a, &unneeded, e);
    for (size_t i = 0; r == 0 && i < unneeded.n; i++) {
        const char *hex = unneeded.v[i];
        r = staging_discard(s, s->layersfd, hex, e);
        /* ".…": the rest of a removal that was cut short */
        if (r == 0 && hex[0] != '.' &&
            strlist_addf(a, report, "Deleted: %s:%s", strlen(hex) == 64 ? "sha256" : "sha512",
                         hex) < 0)
            r = err_oom(e);
    }
    return r;
}
