/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar that comes out of the layer is unpacked once more, hollow (files without content: that
 * is proven by the diff id), beside the store's other unfinished things; then both trees must be
 * the same in everything else.
 */
#include "store/check_layer.h"

#include "base/path.h"
#include "base/str.h"
#include "store/pack.h"
#include "store/snapshot_walk.h"
#include "store/staging.h"
#include "store/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#define PIECE ((size_t)256 << 10)
#define XATTRS_MAX ((size_t)64 << 10)

struct compare {
    int there;   /* the other tree */
    bool hollow; /* `there` is the hollow one: only its names count */
};

/* 1 = different (said), 0 = same. */
static int check_differs(const struct walk_entry *w, const char *what, struct err *e) {
    err_set(e, ERR_CORRUPT, -EUCLEAN, "/%.200s: %s", w->path, what);
    return -EUCLEAN;
}

/* All attributes of a file, as listxattr gives them, values behind. -errno, or the size. */
static ssize_t check_xattrs(int fd, char *buf, size_t size) {
    char proc[40];
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    ssize_t names = listxattr(proc, buf, size);
    if (names <= 0)
        return names == 0 || errno == ENOTSUP ? 0 : -errno;
    size_t used = (size_t)names;
    for (const char *name = buf; name < buf + names; name += strlen(name) + 1) {
        ssize_t n = getxattr(proc, name, buf + used, size - used);
        if (n < 0)
            return -errno;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

static int check_compare_xattrs(const struct walk_entry *w, int a, int b, struct err *e) {
    AUTO_FREE char *x = malloc(2 * XATTRS_MAX);
    if (!x)
        return err_oom(e);
    ssize_t n = check_xattrs(a, x, XATTRS_MAX), m = check_xattrs(b, x + XATTRS_MAX, XATTRS_MAX);
    if (n < 0 || m < 0)
        return err_sysn(e, (int)MIN_OF(n, m), "cannot read the attributes of /%.200s", w->path);
    if (n != m || memcmp(x, x + XATTRS_MAX, (size_t)n) != 0)
        return check_differs(w, "its extended attributes have changed", e);
    return 0;
}

static int check_compare_link(const struct walk_entry *w, int a, int b, struct err *e) {
    char x[PATH_MAX], y[PATH_MAX];
    ssize_t n = readlinkat(a, "", x, sizeof(x)), m = readlinkat(b, "", y, sizeof(y));
    if (n < 0 || n != m || memcmp(x, y, (size_t)n) != 0)
        return check_differs(w, "the symbolic link leads elsewhere", e);
    return 0;
}

static int check_compare_stat(const struct walk_entry *w, const struct stat *b, struct err *e) {
    const struct stat *a = w->st;
    if (a->st_mode != b->st_mode)
        return check_differs(w, "its kind or mode has changed", e);
    if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
        return check_differs(w, "its owner has changed", e);
    if (a->st_rdev != b->st_rdev)
        return check_differs(w, "it is another device", e);
    /* Whiteouts, and directories that the tar does not name, are made by us at any time. */
    if (w->whiteout)
        return 0;
    if (!S_ISDIR(a->st_mode) &&
        (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec))
        return check_differs(w, "its time has changed", e);
    if (!S_ISDIR(a->st_mode) && a->st_nlink != b->st_nlink)
        return check_differs(w, "the number of its hard links has changed", e);
    if (S_ISREG(a->st_mode) && a->st_size != b->st_size)
        return check_differs(w, "its size has changed", e);
    return 0;
}

static int check_visit(const struct walk_entry *w, void *data, struct err *e) {
    const struct compare *c = data;
    const char *path = *w->path ? w->path : ".";
    struct stat st;
    AUTO_FD int there = path_open_beneath(c->there, path, O_PATH | O_NOFOLLOW, 0);
    if (there == -ENOENT || there == -ENOTDIR || there == -ELOOP)
        return check_differs(w, c->hollow ? "nobody put it there" : "it is missing", e);
    if (there < 0)
        return err_sysn(e, there, "cannot open /%.200s", w->path);
    if (c->hollow)
        return 0;
    if (fstat(there, &st) < 0)
        return err_sys(e, "cannot look at /%.200s", w->path);
    int r = check_compare_stat(w, &st, e);
    if (r < 0 || w->whiteout)
        return r;
    AUTO_FD int here = path_open_beneath(w->tree, path, O_PATH | O_NOFOLLOW, 0);
    if (here < 0)
        return err_sysn(e, here, "cannot open /%.200s", w->path);
    return S_ISLNK(st.st_mode) ? check_compare_link(w, here, there, e)
                               : check_compare_xattrs(w, here, there, e);
}

/* Whatever the tar has must be in the layer as it is there, and the other way round. */
static int check_compare(int hollow, int layer, struct err *e) {
    struct compare c = {.there = layer};
    struct walk w = {.trees = &hollow, .n = 1, .whiteouts = true, .visit = check_visit, .data = &c};
    int r = snapshot_walk(&w, e);
    if (r < 0)
        return r;
    c = (struct compare){.there = hollow, .hollow = true};
    w.trees = &layer;
    return snapshot_walk(&w, e);
}

static int check_feed(struct pack *p, struct unpack *u, struct err *e) {
    AUTO_FREE char *piece = malloc(PIECE);
    size_t n = 1;
    int r = piece ? 0 : err_oom(e);
    while (r == 0 && n > 0) {
        r = pack_read(p, piece, PIECE, &n, e);
        if (r == 0)
            r = unpack_feed(u, piece, n, e);
    }
    return r;
}

static int check_unpack(struct pack *p, const struct unpack_want *want, struct err *e) {
    struct unpack *u = NULL;
    struct unpack_result res;
    int r = unpack_start(want, &u, e);
    if (r == 0)
        r = check_feed(p, u, e);
    if (r == 0)
        r = unpack_finish(u, &res, e);
    unpack_free(u);
    return r;
}

static int check_open_layer(const struct store *s, const struct digest *diff_id, struct err *e) {
    char path[160];
    snprintf(path, sizeof(path), "%s/fs", digest_hex(diff_id));
    int fd = openat(s->layersfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? err_sys(e, "cannot open layer %.19s", diff_id->s) : fd;
}

/* Unpack hollow into `home`, compare. */
static int check_in(const struct store *s, const struct digest *diff_id, struct pack *p, int home,
                    struct err *e) {
    if (mkdirat(home, "fs", 0700) < 0)
        return err_sys(e, "cannot make a directory to compare in");
    AUTO_FD int hollow = openat(home, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    AUTO_FD int layer = check_open_layer(s, diff_id, e);
    if (layer < 0)
        return layer;
    if (hollow < 0 || fchmod(hollow, 0755) < 0)
        return err_sys(e, "cannot open a directory to compare in");
    const struct unpack_want want = {
        .dirfd = hollow, .userxattr = s->userxattr, .hollow = true, .record = true, .homefd = home};
    int r = check_unpack(p, &want, e);
    return r < 0 ? r : check_compare(hollow, layer, e);
}

static int check_staged(const struct store *s, const struct digest *diff_id, struct pack *p,
                        struct err *e) {
    char key[STAGING_KEY_MAX], path[STAGING_KEY_MAX + 8];
    AUTO_FD int lock = -1;
    snprintf(key, sizeof(key), "check-%s", digest_hex(diff_id));
    snprintf(path, sizeof(path), "%s.d", key);
    int r = staging_begin(s, key, true, &lock, e);
    if (r < 0)
        return r;
    AUTO_FD int home = openat(s->tmpfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    r = home < 0 ? err_sys(e, "cannot open %s/tmp/%s", s->root, path)
                 : check_in(s, diff_id, p, home, e);
    staging_end(s, key, &lock);
    return r;
}

int check_layer(const struct store *s, const struct digest *diff_id, enum check_verdict *ret,
                struct err *why, struct err *e) {
    struct pack *p = NULL;
    err_clear(e);
    int r = pack_open(s, diff_id, &p, e);
    if (r == 0)
        r = check_staged(s, diff_id, p, e);
    pack_free(p);
    *why = *e;
    if (r == 0)
        *ret = VERDICT_GOOD;
    else if (r == -EUCLEAN)
        *ret = VERDICT_CHANGED;
    else if (r == -ENODATA)
        *ret = VERDICT_UNRECORDED;
    else if (e->kind == ERR_CORRUPT)
        *ret = VERDICT_DAMAGED;
    else
        return r;
    return 0;
}
