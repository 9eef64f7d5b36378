/* SPDX-License-Identifier: Apache-2.0 */
#include "store/staging.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool layer_present(const struct store *s, const struct digest *diff_id) {
    struct stat st;
    /* A link leads to an additional store (adopt.h). */
    return fstatat(s->layersfd, digest_hex(diff_id), &st, 0) == 0 && S_ISDIR(st.st_mode);
}

int layer_size(const struct store *s, const struct digest *diff_id, uint64_t *ret) {
    char path[160], line[32];
    snprintf(path, sizeof(path), "%s/size", digest_hex(diff_id));
    int r = io_read_line(s->layersfd, path, line, sizeof(line));
    return r < 0 ? r : str_to_u64(line, ret);
}

static int layer_open_tmp(const struct store *s, struct layer_writer *w, struct err *e) {
    char path[STAGING_KEY_MAX + 16];
    snprintf(path, sizeof(path), "%s.d", w->tmp);
    w->homefd = openat(s->tmpfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (w->homefd < 0)
        return err_sys(e, "cannot open %s/tmp/%s", s->root, path);
    snprintf(path, sizeof(path), "%s.d/fs", w->tmp);
    if (mkdirat(s->tmpfd, path, 0700) < 0)
        return err_sys(e, "cannot make %s/tmp/%s", s->root, path);
    w->dirfd = openat(s->tmpfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (w->dirfd < 0)
        return err_sys(e, "cannot open %s/tmp/%s", s->root, path);
    /* For layers that say nothing of "/". Not by mkdir: no umask here. */
    if (fchmod(w->dirfd, 0755) < 0)
        return err_sys(e, "cannot set the mode of %s/tmp/%s", s->root, path);
    return 0;
}

static int layer_key(const struct digest *diff_id, char *key, size_t size, struct err *e) {
    unsigned char random[8];
    char hex[17];
    int r = diff_id ? 0 : io_random(random, sizeof(random));
    if (r < 0)
        return err_sysn(e, r, "random bytes");
    if (!diff_id)
        str_hex(random, sizeof(random), hex);
    snprintf(key, size, "%s-%s", diff_id ? "layer" : "add", diff_id ? digest_hex(diff_id) : hex);
    return 0;
}

int layer_begin(const struct store *s, const struct digest *diff_id, struct layer_writer *ret,
                struct err *e) {
    struct layer_writer w = {.dirfd = -1, .homefd = -1, .lockfd = -1};
    if (diff_id && layer_present(s, diff_id))
        return 1;
    int r = layer_key(diff_id, w.tmp, sizeof(w.tmp), e);
    if (r == 0)
        r = staging_begin(s, w.tmp, true, &w.lockfd, e);
    if (r < 0)
        return r;
    if (diff_id && layer_present(s, diff_id)) {
        layer_abort(s, &w);
        return 1;
    }
    r = layer_open_tmp(s, &w, e);
    if (r < 0) {
        layer_abort(s, &w);
        return r;
    }
    *ret = w;
    return 0;
}

/* What lies there already is the same. A link to an additional store that has lost the layer gives
 * way. */
static int layer_place(const struct store *s, const char *from, const char *hex) {
    if (renameat(s->tmpfd, from, s->layersfd, hex) == 0)
        return 0;
    if (errno == ENOTDIR && unlinkat(s->layersfd, hex, 0) == 0 &&
        renameat(s->tmpfd, from, s->layersfd, hex) == 0)
        return 0;
    return errno == EEXIST || errno == ENOTEMPTY ? 0 : -errno;
}

int layer_commit(const struct store *s, const struct digest *diff_id, struct layer_writer *w,
                 uint64_t size, struct err *e) {
    char from[STAGING_KEY_MAX + 8], file[STAGING_KEY_MAX + 16], text[32];
    snprintf(from, sizeof(from), "%s.d", w->tmp);
    snprintf(file, sizeof(file), "%s.d/size", w->tmp);
    int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)size);
    AUTO_FD int fd =
        openat(s->tmpfd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    int r = fd < 0 ? -errno : io_write_all(fd, text, (size_t)n);
    /* The name promises the content for ever: after a power cut, too. */
    if (r == 0 && !w->no_sync && syncfs(fd) < 0)
        r = -errno;
    if (r == 0)
        r = layer_place(s, from, digest_hex(diff_id));
    layer_abort(s, w); /* what another process has committed meanwhile is the same */
    return r < 0 ? err_sysn(e, r, "cannot commit layer %.19s", diff_id->s) : 0;
}

void layer_abort(const struct store *s, struct layer_writer *w) {
    fd_close(&w->dirfd);
    fd_close(&w->homefd);
    staging_end(s, w->tmp, &w->lockfd);
}
