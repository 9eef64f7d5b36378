/* SPDX-License-Identifier: Apache-2.0 */
#include "store/adopt.h"

#include "base/io.h"
#include "base/str.h"
#include "store/image_file.h"
#include "store/refs.h"
#include "store/staging.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ADOPTED "adopted"
#define DOC_MAX ((size_t)8 << 20)

static int adopt_open_dir(int parent, const char *name) {
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The other store, for reading. */
static int adopt_open(const char *data, struct arena *a, struct store *ret, struct err *e) {
    struct store o = {-1, -1, -1, -1, -1, NULL, false};
    struct stat st;
    o.root = arena_printf(a, "%s/store", data);
    if (!o.root)
        return err_oom(e);
    o.rootfd = adopt_open_dir(AT_FDCWD, o.root);
    if (o.rootfd < 0 || fstat(o.rootfd, &st) < 0)
        return err_sys(e, "cannot open the additional store %.300s", o.root);
    o.layersfd = adopt_open_dir(o.rootfd, "layers");
    o.imagesfd = adopt_open_dir(o.rootfd, "images");
    o.refsfd = adopt_open_dir(o.rootfd, "refs");
    int r = 0;
    if (st.st_uid != geteuid())
        r = err_set(e, ERR_DENIED, -EPERM,
                    "the additional store %.250s belongs to user %u: only a store of the same user "
                    "can be used",
                    o.root, (unsigned)st.st_uid);
    else if (o.layersfd < 0 || o.imagesfd < 0 || o.refsfd < 0)
        r = err_sys(e, "%.300s is no image store", o.root);
    if (r < 0) {
        store_close(&o);
        return r;
    }
    *ret = o;
    return 0;
}

static int64_t adopt_time(int fd) {
    struct stat st;
    return fstat(fd, &st) < 0 ? -1 : (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* "/srv/images" → the file that remembers it. */
static bool adopt_key(const char *data, char key[static STAGING_KEY_MAX]) {
    int n = snprintf(key, STAGING_KEY_MAX - 1, ADOPTED "-%s", data);
    for (char *p = key; (p = strchr(p, '/'));)
        *p = '+';
    return n > 0 && n < STAGING_KEY_MAX - 1;
}

static void adopt_stamp(const struct store *o, char stamp[static 64]) {
    snprintf(stamp, 64, "%lld %lld", (long long)adopt_time(o->imagesfd),
             (long long)adopt_time(o->refsfd));
}

static int adopt_layers(const struct store *s, const struct store *o, const struct image *img,
                        struct err *e) {
    char target[PATH_MAX];
    for (size_t i = 0; i < img->config.n_diff_ids; i++) {
        const struct digest *d = &img->config.diff_ids[i];
        if (layer_present(s, d))
            continue;
        if (!layer_present(o, d))
            return 1; /* broken there: leave it */
        snprintf(target, sizeof(target), "%s/layers/%s", o->root, digest_hex(d));
        unlinkat(s->layersfd, digest_hex(d), 0); /* a link that leads nowhere any more */
        if (symlinkat(target, s->layersfd, digest_hex(d)) < 0)
            return err_sys(e, "cannot link layer %.19s", d->s);
    }
    return 0;
}

static int adopt_read(const struct store *o, const char *hex, const char *name, struct str *ret) {
    char path[160];
    snprintf(path, sizeof(path), "%.128s/%s", hex, name);
    return io_read_file(o->imagesfd, path, ret);
}

static int adopt_image(const struct store *s, const struct store *o, const char *hex,
                       struct arena *a, struct err *e) {
    AUTO_STR struct str config = STR_INIT(DOC_MAX), manifest = STR_INIT(DOC_MAX);
    struct image img;
    struct stat st;
    if (fstatat(s->imagesfd, hex, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (image_file_read(o, hex, a, &img, e) < 0 || adopt_read(o, hex, "config", &config) < 0)
        return 0; /* being made or removed there, or broken: not ours to mend */
    bool has = adopt_read(o, hex, "manifest", &manifest) == 0;
    int r = adopt_layers(s, o, &img, e);
    if (r != 0)
        return r < 0 ? r : 0;
    const struct image_commit c = {.manifest = has ? str_c(&manifest) : NULL,
                                   .manifest_len = manifest.len,
                                   .config = str_c(&config),
                                   .config_len = config.len,
                                   .manifest_digest = img.manifest,
                                   .config_digest = img.id,
                                   .size = img.size};
    return image_file_write(s, &c, e);
}

static int adopt_refs(const struct store *s, const struct store *o, struct arena *a,
                      struct err *e) {
    struct refs_entry *v = NULL;
    struct digest id;
    struct stat st;
    size_t n = 0;
    int r = refs_list(o, a, &v, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (refs_get(s, v[i].full, &id, e) == 0 ||
            fstatat(s->imagesfd, image_file_dir(&v[i].id), &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        r = refs_set(s, v[i].full, &v[i].id, e);
    }
    return r;
}

static int adopt_all(const struct store *s, const struct store *o, struct arena *a, struct err *e) {
    struct strlist names;
    AUTO_FD int lock = -1;
    int r = store_lock(s, true, &lock, e);
    if (r == 0)
        r = image_file_names(o, a, &names, e);
    for (size_t i = 0; r == 0 && i < names.n; i++)
        r = adopt_image(s, o, names.v[i], a, e);
    return r < 0 ? r : adopt_refs(s, o, a, e);
}

static int adopt_store(const struct store *s, const char *data, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    char key[STAGING_KEY_MAX], stamp[64], before[64];
    struct store o;
    if (!a)
        return err_oom(e);
    if (data[0] != '/' || !adopt_key(data, key))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "additional store %.200s: an absolute path of at most %d bytes is wanted",
                       data, STAGING_KEY_MAX - 10);
    int r = adopt_open(data, a, &o, e);
    if (r < 0)
        return r;
    adopt_stamp(&o, stamp);
    if (io_read_line(s->rootfd, key, before, sizeof(before)) < 0 || strcmp(stamp, before) != 0) {
        r = adopt_all(s, &o, a, e);
        if (r == 0)
            r = staging_replace(s, key, true, s->rootfd, key, stamp, strlen(stamp), e);
    }
    store_close(&o);
    return r < 0 ? err_wrap(e, "additional store %.200s", data) : 0;
}

int adopt_stores(const struct store *s, const char *list, struct err *e) {
    char data[PATH_MAX];
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ":");
        if (n >= sizeof(data))
            return err_set(e, ERR_USAGE, -ENAMETOOLONG, "additional store %.60s…: path too long",
                           p);
        memcpy(data, p, n);
        data[n] = '\0';
        int r = n ? adopt_store(s, data, e) : 0;
        if (r < 0)
            return r;
        p += n + (p[n] == ':');
    }
    return 0;
}
