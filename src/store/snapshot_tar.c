/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot_tar.h"

#include "base/path.h"
#include "base/str.h"
#include "store/inodes.h"
#include "store/snapshot_walk.h"
#include "store/tar_out.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define NAMES_MAX ((size_t)64 << 10) /* the kernel's bounds of attributes */
#define VALUES_MAX ((size_t)1 << 20)
#define XATTRS_MAX 128
#define WH ".wh."

struct tarring {
    const struct snapshot_tar_options *o;
    struct tar_out out;
    struct inodes links; /* files with several names */
    bool diff;
    struct str names, values; /* of attributes */
    struct tar_xattr xattrs[XATTRS_MAX];
};

static bool tar_xattr_wanted(const char *name) {
    if (str_starts(name, "user."))
        return !str_starts(name, "user.overlay.");
    return strcmp(name, "security.capability") == 0 || str_starts(name, "system.posix_acl_");
}

static int tar_xattr_compare(const void *a, const void *b) {
    return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

/* One value to the end of t->values. Its size or -errno. */
static ssize_t tar_xattr_value(struct tarring *t, const char *proc, const char *name) {
    AUTO_FREE char *value = NULL;
    ssize_t n = getxattr(proc, name, NULL, 0);
    if (n > 0) {
        value = malloc((size_t)n);
        n = value ? getxattr(proc, name, value, (size_t)n) : -1;
    }
    if (n < 0)
        return -errno;
    int r = str_addn(&t->values, n ? value : "", (size_t)n);
    return r < 0 ? r : n;
}

/* fd is O_PATH: attributes go by /proc. */
static int tar_xattrs(struct tarring *t, int fd, struct tar_entry *en) {
    char proc[40], buf[4096];
    size_t at[XATTRS_MAX], count = 0;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    ssize_t n = listxattr(proc, buf, sizeof(buf));
    if (n <= 0)
        return n == 0 || errno == ENOTSUP ? 0 : -errno;
    str_clear(&t->values);
    for (const char *name = buf; name < buf + n && count < XATTRS_MAX; name += strlen(name) + 1) {
        if (!tar_xattr_wanted(name))
            continue;
        at[count] = t->values.len;
        ssize_t size = tar_xattr_value(t, proc, name);
        if (size < 0)
            return (int)size;
        t->xattrs[count++] = (struct tar_xattr){name, NULL, (size_t)size};
    }
    for (size_t i = 0; i < count; i++)
        t->xattrs[i].value = str_c(&t->values) + at[i];
    str_clear(&t->names); /* the names outlive buf there */
    for (size_t i = 0; i < count; i++) {
        at[i] = t->names.len;
        int r = str_addn(&t->names, t->xattrs[i].name, strlen(t->xattrs[i].name) + 1);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < count; i++)
        t->xattrs[i].name = t->names.s + at[i];
    if (count)
        qsort(t->xattrs, count, sizeof(*t->xattrs), tar_xattr_compare);
    en->xattrs = t->xattrs;
    en->n_xattrs = count;
    return 0;
}

/* 0 = not in a tar: a socket. */
static char tar_type(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return '0';
    case S_IFLNK:
        return '2';
    case S_IFCHR:
        return '3';
    case S_IFBLK:
        return '4';
    case S_IFDIR:
        return '5';
    case S_IFIFO:
        return '6';
    default:
        return 0;
    }
}

static void tar_stat(struct tar_entry *en, const struct stat *st) {
    en->type = tar_type(st->st_mode);
    en->mode = st->st_mode & 07777;
    en->uid = st->st_uid;
    en->gid = st->st_gid;
    en->mtime = st->st_mtim;
    en->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        en->major = major(st->st_rdev);
        en->minor = minor(st->st_rdev);
    }
}

/* "a/b" → "a/.wh.b": an empty file that says that b is gone; b NULL: everything below. */
static int tar_whiteout(struct tarring *t, const struct walk_entry *w, bool opaque, struct err *e) {
    char name[PATH_MAX + 16];
    const char *slash = strrchr(w->path, '/');
    size_t dir = slash ? (size_t)(slash - w->path) + 1 : 0;
    if (opaque)
        snprintf(name, sizeof(name), "%s%s" WH WH ".opq", w->path, *w->path ? "/" : "");
    else
        snprintf(name, sizeof(name), "%.*s" WH "%s", (int)dir, w->path, w->path + dir);
    const struct tar_entry en = {.type = '0', .name = name, .link = "", .mode = 0600};
    return tar_out_entry(&t->out, &en, e);
}

static bool tar_is_mount_point(const struct tarring *t, const struct walk_entry *w) {
    if (S_ISREG(w->st->st_mode) ? w->st->st_size != 0 : !S_ISDIR(w->st->st_mode))
        return false;
    for (size_t i = 0; i < t->o->n_mount_points; i++) {
        if (strcmp(t->o->mount_points[i], w->path) == 0)
            return S_ISREG(w->st->st_mode) || w->st->st_nlink <= 2;
    }
    return false;
}

static int tar_content(struct tarring *t, const struct walk_entry *w, struct tar_entry *en,
                       struct err *e) {
    AUTO_FD int fd = path_open_beneath(w->tree, w->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
    struct stat st;
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return err_sysn(e, fd, "cannot open /%.250s", w->path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0; /* replaced meanwhile */
    en->size = (uint64_t)st.st_size;
    int r = tar_out_entry(&t->out, en, e);
    return r < 0 ? r : tar_out_file(&t->out, fd, en->size, w->path, e);
}

/* "/" says what it is; directories end in "/", as everybody writes them. */
static int tar_put(struct tarring *t, const struct walk_entry *w, int fd,
                   const struct tar_entry *seen, struct err *e) {
    char name[PATH_MAX + 2], link[PATH_MAX];
    struct tar_entry en = *seen;
    if (en.type == '5') {
        snprintf(name, sizeof(name), "%s/", *w->path ? w->path : ".");
        en.name = name;
    }
    if (en.type == '2') {
        ssize_t n = readlinkat(fd, "", link, sizeof(link) - 1);
        if (n < 0)
            return err_sys(e, "cannot read the symbolic link /%.250s", w->path);
        link[n] = '\0';
        en.link = link;
    }
    if (en.type != '5' && w->st->st_nlink > 1) {
        const char *first = NULL;
        if (inodes_meet(&t->links, w->st->st_dev, w->st->st_ino, w->path, &first) < 0)
            return err_oom(e);
        if (first) {
            en.type = '1';
            en.link = first;
            en.n_xattrs = 0;
        }
    }
    if (en.type == '0')
        return tar_content(t, w, &en, e);
    int r = tar_out_entry(&t->out, &en, e);
    return r == 0 && t->diff && w->opaque ? tar_whiteout(t, w, true, e) : r;
}

static int tar_visit(const struct walk_entry *w, void *data, struct err *e) {
    struct tarring *t = data;
    struct tar_entry en = {.name = w->path, .link = ""};
    if (w->whiteout)
        return t->diff ? tar_whiteout(t, w, false, e) : 0;
    tar_stat(&en, w->st);
    if (en.type == 0 || tar_is_mount_point(t, w) || (t->diff && !*w->path))
        return 0;
    AUTO_FD int fd = path_open_beneath(w->tree, *w->path ? w->path : ".", O_PATH | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return 0;
    int r = fd < 0 ? fd : en.type == '2' ? 0 : tar_xattrs(t, fd, &en);
    if (r < 0)
        return err_sysn(e, r, "cannot read the attributes of /%.250s", w->path);
    return tar_put(t, w, fd, &en, e);
}

static int tar_run(struct tarring *t, const struct walk *w, struct err *e) {
    t->names.max = NAMES_MAX;
    t->values.max = VALUES_MAX;
    int r = snapshot_walk(w, e);
    if (r == 0)
        r = tar_out_end(&t->out, e);
    tar_out_done(&t->out);
    inodes_free(&t->links);
    str_free(&t->names);
    str_free(&t->values);
    return r;
}

int snapshot_tar_diff(int upperfd, const struct snapshot_tar_options *o,
                      const struct tar_sink *sink, struct err *e) {
    struct tarring t = {.o = o, .out = {.sink = sink}, .diff = true};
    const struct walk w = {
        .trees = &upperfd, .n = 1, .whiteouts = true, .visit = tar_visit, .data = &t};
    return tar_run(&t, &w, e);
}

static int tar_open_trees(const struct snapshot *sn, int *fds, size_t *n, struct err *e) {
    *n = 0;
    for (size_t i = 0; i < sn->lower.n + (sn->upper != NULL); i++) {
        const char *path = !sn->upper ? sn->lower.v[i] : i ? sn->lower.v[i - 1] : sn->upper;
        if (i == WALK_MAX_TREES)
            return err_set(e, ERR_CORRUPT, -E2BIG, "more than %d layers", WALK_MAX_TREES - 1);
        fds[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fds[i] < 0)
            return err_sys(e, "cannot open %.300s", path);
        *n = i + 1;
    }
    return 0;
}

int snapshot_tar_export(const struct snapshot *sn, const struct snapshot_tar_options *o,
                        const struct tar_sink *sink, struct err *e) {
    int fds[WALK_MAX_TREES];
    size_t n = 0;
    struct tarring t = {.o = o, .out = {.sink = sink}};
    int r = tar_open_trees(sn, fds, &n, e);
    const struct walk w = {.trees = fds, .n = n, .visit = tar_visit, .data = &t};
    if (r == 0)
        r = tar_run(&t, &w, e);
    while (n > 0)
        fd_close(&fds[--n]);
    return r;
}
