/* SPDX-License-Identifier: Apache-2.0 */
#include "store/image_file.h"

#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "store/staging.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define IMAGE_MAX_CONFIG ((size_t)8 << 20)
#define IMAGE_MAX_META ((size_t)64 << 10)

const char *image_file_dir(const struct digest *id) {
    return digest_hex(id);
}

static int image_file_meta(const char *text, size_t len, const char *what, struct image *img,
                           struct err *e) {
    AUTO_JS js *meta = NULL;
    int r = js_parse(text, len, what, &meta, e);
    if (r < 0)
        return r;
    const char *id = js_get_str(meta, "id"), *manifest = js_get_str(meta, "manifest");
    const char *pulled = js_get_str(meta, "pulled");
    r = digest_parse(id ? id : "", what, &img->id, e);
    if (r == 0 && manifest)
        r = digest_parse(manifest, what, &img->manifest, e);
    if (r < 0)
        return r;
    img->size = js_get_u64(meta, "size", 0);
    if (!pulled || str_from_rfc3339(pulled, &img->pulled_ns) < 0)
        img->pulled_ns = 0;
    return 0;
}

int image_file_read(const struct store *s, const char *hex, struct arena *a, struct image *ret,
                    struct err *e) {
    AUTO_FD int dir = openat(s->imagesfd, hex, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return errno == ENOENT ? -ENOENT : err_sys(e, "cannot open %s/images/%s", s->root, hex);
    struct image img = {.size = 0};
    char what[160];
    AUTO_STR struct str text = STR_INIT(IMAGE_MAX_CONFIG);
    snprintf(what, sizeof(what), "description of image %.12s", hex);
    int r = io_read_file(dir, "meta.json", &text);
    if (r == -ENOENT)
        return r; /* being removed */
    if (r < 0)
        return err_sysn(e, r, "cannot read %s/images/%s/meta.json", s->root, hex);
    r = image_file_meta(str_c(&text), text.len, what, &img, e);
    if (r < 0)
        return r;
    snprintf(what, sizeof(what), "configuration of image %.12s", hex);
    r = io_read_file(dir, "config", &text);
    if (r == -ENOENT)
        return r;
    if (r < 0)
        return err_sysn(e, r, "cannot read %s/images/%s/config", s->root, hex);
    r = img_config_decode(str_c(&text), text.len, what, a, &img.config, e);
    if (r < 0)
        return r;
    *ret = img;
    return 0;
}

static int image_file_meta_print(const struct image_commit *c, struct str *text) {
    char when[36];
    AUTO_JS js *meta = js_new_object();
    if (!meta)
        return -ENOMEM;
    int r = js_set_str(meta, "id", c->config_digest.s);
    if (r == 0 && c->manifest_digest.s[0])
        r = js_set_str(meta, "manifest", c->manifest_digest.s);
    if (r == 0)
        r = js_set_u64(meta, "size", c->size);
    if (r == 0)
        r = js_set_str(meta, "pulled", str_rfc3339(now_unix_ns(), when));
    return r < 0 ? r : js_print(meta, JS_COMPACT, text);
}

static int image_file_fill(int dir, const struct image_commit *c, bool durable, struct err *e) {
    AUTO_STR struct str meta = STR_INIT(IMAGE_MAX_META);
    int r = image_file_meta_print(c, &meta);
    if (r == 0)
        r = io_replace_file(dir, "config", c->config, c->config_len, 0644, durable);
    if (r == 0 && c->manifest)
        r = io_replace_file(dir, "manifest", c->manifest, c->manifest_len, 0644, durable);
    if (r == 0)
        r = io_replace_file(dir, "meta.json", meta.s, meta.len, 0644, durable);
    return r < 0 ? err_sysn(e, r, "cannot write the description of image %.19s", c->config_digest.s)
                 : 0;
}

int image_file_write(const struct store *s, const struct image_commit *c, struct err *e) {
    const char *hex = image_file_dir(&c->config_digest);
    char key[STAGING_KEY_MAX], tmp[STAGING_KEY_MAX + 8];
    snprintf(key, sizeof(key), "image-%s", hex);
    snprintf(tmp, sizeof(tmp), "%s.d", key);
    AUTO_FD int lockfd = -1;
    int r = staging_begin(s, key, true, &lockfd, e);
    if (r < 0)
        return r;
    AUTO_FD int dir = openat(s->tmpfd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        r = err_sys(e, "cannot open %s/tmp/%s", s->root, tmp);
    if (r == 0)
        r = image_file_fill(dir, c, false, e);
    if (r == 0 && syncfs(dir) < 0)
        r = err_sys(e, "cannot write image %.12s", hex);
    if (r == 0 && renameat(s->tmpfd, tmp, s->imagesfd, hex) < 0) {
        /* The same image again, perhaps by another manifest: the newer description counts. */
        AUTO_FD int old = -1;
        if (errno == EEXIST || errno == ENOTEMPTY)
            old = openat(s->imagesfd, hex, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        r = old >= 0 ? image_file_fill(old, c, true, e)
                     : err_sys(e, "cannot make %s/images/%s", s->root, hex);
    }
    (void)futimens(s->imagesfd, NULL); /* for the catalog */
    staging_end(s, key, &lockfd);
    return r;
}

static int image_file_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int image_file_names(const struct store *s, struct arena *a, struct strlist *ret, struct err *e) {
    struct strlist names = {NULL, 0, 0};
    int fd = openat(s->imagesfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        int r = err_sys(e, "cannot list %s/images", s->root);
        fd_close(&fd);
        return r;
    }
    int r = 0;
    for (const struct dirent *de; r == 0 && (de = readdir(d));) {
        if (de->d_name[0] != '.')
            r = strlist_add(a, &names, de->d_name);
    }
    closedir(d);
    if (r < 0)
        return err_oom(e);
    if (names.n)
        qsort(names.v, names.n, sizeof(*names.v), image_file_compare);
    *ret = names;
    return 0;
}
