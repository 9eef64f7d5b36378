/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/bag.h"

#include "base/io.h"
#include "base/path.h"
#include "registry/tarindex.h"
#include "store/unpack_plain.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct bag {
    int fd; /* directory, or archive */
    bool is_dir, owned;
    const char *shown;
    struct tar_index index;
};

const char *bag_shown(const struct bag *b) {
    return b->shown;
}

/* --- an archive as a file that can be read anywhere ------------------------------------------ */

/* The plain bytes of `fd` in a nameless file. */
static int bag_spool(int fd, const char *shown, int tmpfd, int *ret, struct err *e) {
    AUTO_FD int out = openat(tmpfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (out < 0)
        return err_sys(e, "cannot keep %s in the store", shown);
    int r = unpack_plain(fd, shown, BAG_MAX_BYTES, out, e);
    if (r == 0)
        *ret = TAKE_FD(out);
    return r;
}

static bool bag_is_plain(int fd, const struct stat *st) {
    unsigned char block[512];
    return S_ISREG(st->st_mode) && pread(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block) &&
           tarindex_is_header(block);
}

static int bag_archive(struct bag *b, int fd, int tmpfd, const struct stat *st, struct arena *a,
                       struct err *e) {
    struct stat now = *st;
    b->fd = fd;
    if (!bag_is_plain(fd, st)) {
        int r = bag_spool(fd, b->shown, tmpfd, &b->fd, e);
        if (r < 0)
            return r;
        b->owned = true;
        if (fstat(b->fd, &now) < 0)
            return err_sys(e, "cannot read %s", b->shown);
    }
    return tarindex_read(b->fd, (uint64_t)now.st_size, b->shown, BAG_MAX_ENTRIES, a, &b->index, e);
}

int bag_open(const char *path, int fd, int tmpfd, struct arena *a, struct bag **ret,
             struct err *e) {
    struct bag *b = arena_new_of(a, struct bag);
    const char *shown = path ? arena_strdup(a, path) : "standard input";
    struct stat st;
    if (!b || !shown)
        return err_oom(e);
    AUTO_FD int mine = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
    int at = path ? mine : fd;
    if (at < 0 || fstat(at, &st) < 0)
        return err_sys(e, "cannot open %s", shown);
    *b = (struct bag){.fd = at, .shown = shown, .is_dir = S_ISDIR(st.st_mode)};
    int r = b->is_dir ? 0 : bag_archive(b, at, tmpfd, &st, a, e);
    if (b->fd == mine && mine >= 0) {
        b->owned = true;
        b->fd = TAKE_FD(mine);
    }
    if (r < 0) {
        bag_close(b);
        return r;
    }
    *ret = b;
    return 0;
}

void bag_close(struct bag *b) {
    if (b->owned)
        fd_close(&b->fd);
}

/* --- files ----------------------------------------------------------------------------------- */

static int bag_find_file(struct bag *b, const char *name, struct bag_file *ret, struct err *e) {
    struct stat st;
    AUTO_FD int fd = path_open_beneath(b->fd, name, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return -ENOENT;
    if (fd < 0)
        return err_sysn(e, fd, "cannot open %s/%s", b->shown, name);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot open %s/%s", b->shown, name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_CORRUPT, -EINVAL, "%s/%s is no file", b->shown, name);
    *ret = (struct bag_file){TAKE_FD(fd), true, 0, (uint64_t)st.st_size};
    return 0;
}

int bag_find(struct bag *b, const char *name, struct bag_file *ret, struct err *e) {
    char clean[PATH_MAX];
    err_clear(e);
    if (path_clean(name, clean, sizeof(clean)) < 0 || !clean[1])
        return -ENOENT;
    if (b->is_dir)
        return bag_find_file(b, clean + 1, ret, e);
    const struct tarindex_entry *x = tarindex_find(&b->index, clean + 1);
    if (!x)
        return -ENOENT;
    *ret = (struct bag_file){b->fd, false, x->at, x->size};
    return 0;
}

void bag_file_close(struct bag_file *f) {
    if (f->owned)
        fd_close(&f->fd);
}

ssize_t bag_file_read(struct bag_file *f, void *p, size_t n) {
    ssize_t k;
    n = MIN_OF((uint64_t)n, f->size);
    do
        k = n ? pread(f->fd, p, n, (off_t)f->at) : 0;
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return -errno;
    if (k == 0 && n)
        return -EIO; /* shorter than it was */
    f->at += (uint64_t)k;
    f->size -= (uint64_t)k;
    return k;
}

int bag_read(struct bag *b, const char *name, struct str *text, struct err *e) {
    struct bag_file f = {.fd = -1};
    char buf[16384];
    int r = bag_find(b, name, &f, e);
    if (r < 0)
        return r;
    str_clear(text);
    ssize_t n = 0;
    while (r == 0 && (n = bag_file_read(&f, buf, sizeof(buf))) > 0)
        r = str_addn(text, buf, (size_t)n);
    bag_file_close(&f);
    if (n < 0)
        return err_sysn(e, (int)n, "cannot read %s in %s", name, b->shown);
    return r < 0 ? err_set(e, ERR_CORRUPT, r, "%s in %s is larger than %zu MiB", name, b->shown,
                           text->max >> 20)
                 : 0;
}

bool bag_has(struct bag *b, const char *name) {
    struct bag_file f = {.fd = -1};
    struct err ignored;
    if (bag_find(b, name, &f, &ignored) < 0)
        return false;
    bag_file_close(&f);
    return true;
}
