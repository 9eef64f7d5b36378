/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_write.h"

#include "base/path.h"
#include "store/unpack_attr.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define WHITEOUT ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META ".wh..wh." /* aufs' own files */
#define MAX_DEPTH 1024

struct leaf {
    const char *path;        /* whole, clean */
    const char *name;        /* last component */
    int dir;                 /* of the parent; borrowed */
    struct unpack_attr attr; /* owner, mode, time */
    const struct tar_entry *entry;
    bool opaque; /* it stands where the same layer had a whiteout */
};

struct write_pending {
    const char *p;
    size_t n;
};

void unpack_write_init(struct unpack_write *w, int rootfd, bool userxattr, uint64_t max_bytes) {
    *w = (struct unpack_write){.rootfd = rootfd,
                               .userxattr = userxattr,
                               .max_bytes = max_bytes,
                               .parentfd = -1,
                               .lost.fd = -1,
                               .paths = STR_INIT((size_t)512 << 20)};
    w->one_id = unpack_attr_one_id();
}

void unpack_write_done(struct unpack_write *w) {
    fd_close(&w->parentfd);
    fd_close(&w->lost.fd);
    str_free(&w->paths);
    free(w->dirs);
    w->dirs = NULL;
}

/* What a system call says about a name that came out of the archive. */
static int write_fail(const char *path, int errnum, struct err *e) {
    switch (errnum < 0 ? -errnum : errnum) {
    case ENOSPC:
    case EDQUOT:
        return err_set(e, ERR_NO_SPACE, -ENOSPC,
                       "no space left on the image store's file system while writing %.150s: free "
                       "some, or remove images with 'hako rmi'",
                       path);
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case EINVAL:
    case EXDEV:
    case ENOENT:
    case EEXIST:
    case EFBIG:
    case EMLINK:
        return err_set(e, ERR_CORRUPT, errnum < 0 ? errnum : -errnum,
                       "entry %.200s cannot be unpacked: %s", path,
                       strerror(errnum < 0 ? -errnum : errnum));
    default:
        return err_sysn(e, errnum, "cannot write %.200s", path);
    }
}

int unpack_write_clean(const char *name, char out[static PATH_MAX], struct err *e) {
    size_t n = 0, depth = 0;
    out[0] = '\0';
    for (const char *p = name; *p;) {
        p += strspn(p, "/");
        size_t k = strcspn(p, "/");
        if (k == 2 && p[0] == '.' && p[1] == '.')
            return err_set(e, ERR_CORRUPT, -EINVAL, "entry %.200s leads out of the layer (\"..\")",
                           name);
        if (k > 0 && !(k == 1 && p[0] == '.')) {
            if (k > NAME_MAX || n + 1 + k >= PATH_MAX || ++depth > MAX_DEPTH)
                return err_set(e, ERR_CORRUPT, -ENAMETOOLONG, "name too long: %.100s…", name);
            if (n > 0)
                out[n++] = '/';
            memcpy(out + n, p, k);
            n += k;
        }
        p += k;
    }
    out[n] = '\0';
    return 0;
}

static void write_forget_parent(struct unpack_write *w) {
    fd_close(&w->parentfd);
}

/* By a symlink: where is that? */
static int write_real_parent(struct unpack_write *w, int fd) {
    char proc[40], root[PATH_MAX], at[PATH_MAX];
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", w->rootfd);
    ssize_t k = readlink(proc, root, sizeof(root));
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    ssize_t n = k < 0 ? k : readlink(proc, at, sizeof(at) - 1);
    if (n < 0)
        return -errno;
    at[n] = '\0';
    if (n < k || memcmp(at, root, (size_t)k) != 0 || (n > k && at[k] != '/'))
        return -EXDEV;
    (void)str_copy(w->real_parent, sizeof(w->real_parent), n > k ? at + k + 1 : "");
    return 0;
}

static int write_open_parent(struct unpack_write *w, bool *linked) {
    const int flags = O_RDONLY | O_DIRECTORY;
    int fd = path_open_beneath(w->rootfd, w->parent, flags, 0);
    *linked = fd == -ELOOP;
    return *linked ? path_open_in_root(w->rootfd, w->parent, flags, 0) : fd;
}

/* The directory of `path`, from the last entry when it is the same. fd (borrowed) or -errno. */
static int write_parent(struct unpack_write *w, const char *path, const char **name) {
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    *name = slash ? slash + 1 : path;
    if (n == 0)
        return w->rootfd;
    if (w->parentfd >= 0 && strncmp(w->parent, path, n) == 0 && w->parent[n] == '\0')
        return w->parentfd;
    write_forget_parent(w);
    memcpy(w->parent, path, n);
    w->parent[n] = '\0';
    bool linked = false;
    memcpy(w->real_parent, w->parent, n + 1);
    int fd = write_open_parent(w, &linked);
    if (fd == -ENOENT) {
        AUTO_FD int made = path_mkdir_in_root(w->rootfd, w->parent, 0755);
        if (made < 0)
            return made;
        fd = write_open_parent(w, &linked);
    }
    int r = fd >= 0 && linked && w->record ? write_real_parent(w, fd) : 0;
    if (r < 0) {
        close(fd);
        return r;
    }
    if (fd >= 0)
        w->parentfd = fd;
    return fd;
}

static bool write_is_whiteout(const struct stat *st) {
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Something has the leaf's name: remove it, unless both are directories. 1 = left in place. */
static int write_clear(struct unpack_write *w, struct leaf *l, bool directory) {
    struct stat st;
    if (fstatat(l->dir, l->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (directory && S_ISDIR(st.st_mode))
        return 1;
    if (write_is_whiteout(&st))
        l->opaque = directory;
    /* The kept parent may lie in, or have been reached through, what goes now. */
    if (l->dir != w->parentfd)
        write_forget_parent(w);
    w->replaced |= S_ISDIR(st.st_mode);
    if (w->record && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return unpack_lost_keep(&w->lost, l->dir, l->name, &st);
    if (!S_ISDIR(st.st_mode))
        return unlinkat(l->dir, l->name, 0) < 0 ? -errno : 0;
    return path_remove_tree(l->dir, l->name);
}

static int write_dir_time(struct unpack_write *w, const struct leaf *l) {
    if (w->ndirs == w->cap_dirs) {
        size_t cap = w->cap_dirs ? w->cap_dirs * 2 : 256;
        struct unpack_dir_time *grown = reallocarray(w->dirs, cap, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        w->dirs = grown;
        w->cap_dirs = cap;
    }
    w->dirs[w->ndirs++] = (struct unpack_dir_time){w->paths.len, l->attr.mtime};
    return str_addn(&w->paths, l->path, strlen(l->path) + 1);
}

static int write_opaque(const struct unpack_write *w, int fd) {
    const char *name = w->userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
    return fsetxattr(fd, name, "y", 1, 0) < 0 ? -errno : 0;
}

/* Owner, mode and extended attributes of an open directory or file. */
static int write_attr(struct unpack_write *w, const struct leaf *l, int fd, struct err *e) {
    int r = unpack_attr_owner(&l->attr, fd, "", w->one_id);
    if (r < 0)
        return unpack_attr_owner_error(&l->attr, l->path, r, e);
    if (fchmod(fd, l->attr.mode) < 0)
        return write_fail(l->path, errno, e);
    r = unpack_attr_xattrs(l->entry, fd);
    return r < 0 ? write_fail(l->path, r, e) : 0;
}

static int write_directory(struct unpack_write *w, struct leaf *l, struct err *e) {
    int r = mkdirat(l->dir, l->name, 0700) < 0 ? -errno : 0;
    if (r == -EEXIST) {
        r = write_clear(w, l, true);
        if (r == 0)
            r = mkdirat(l->dir, l->name, 0700) < 0 ? -errno : 0;
    }
    if (r < 0)
        return write_fail(l->path, r, e);
    AUTO_FD int fd = openat(l->dir, l->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return write_fail(l->path, errno, e);
    r = write_attr(w, l, fd, e);
    if (r < 0)
        return r;
    if (l->opaque)
        r = write_opaque(w, fd);
    if (r == 0)
        r = write_dir_time(w, l);
    return r < 0 ? write_fail(l->path, r, e) : 0;
}

static int write_root(struct unpack_write *w, struct leaf *l, struct err *e) {
    if (l->entry->type != '5')
        return err_set(e, ERR_CORRUPT, -EINVAL, "an entry without a name is no directory");
    int r = write_attr(w, l, w->rootfd, e);
    if (r < 0)
        return r;
    r = write_dir_time(w, l);
    return r < 0 ? write_fail("/", r, e) : 0;
}

static int write_too_big(const struct unpack_write *w, const struct leaf *l, struct err *e) {
    return err_set(
        e, ERR_NO_SPACE, -EFBIG,
        "it unpacks to more than %llu bytes (at %.150s), which is the bound for one layer",
        (unsigned long long)w->max_bytes, l->path);
}

static int write_piece(const struct leaf *l, int fd, const char *from, size_t n, uint64_t off,
                       struct err *e) {
    while (n > 0) {
        ssize_t k = pwrite(fd, from, n, (off_t)off);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return write_fail(l->path, errno, e);
        from += k;
        off += (uint64_t)k;
        n -= (size_t)k;
    }
    return 0;
}

/* n bytes of the payload to where they belong. */
static int write_extent(struct unpack_write *w, const struct leaf *l, struct tar *tar, int fd,
                        struct tar_extent x, struct write_pending *have, struct err *e) {
    if (x.len > w->max_bytes - w->bytes)
        return write_too_big(w, l, e);
    w->bytes += x.len;
    while (x.len > 0) {
        if (have->n == 0) {
            const void *p = NULL;
            ssize_t n = tar_data(tar, &p, e);
            if (n <= 0)
                return n < 0 ? (int)n : write_fail(l->path, EINVAL, e);
            *have = (struct write_pending){p, (size_t)n};
        }
        size_t k = (size_t)MIN_OF((uint64_t)have->n, x.len);
        int r = w->hollow ? 0 : write_piece(l, fd, have->p, k, x.off, e);
        if (r < 0)
            return r;
        *have = (struct write_pending){have->p + k, have->n - k};
        x.off += k;
        x.len -= k;
    }
    return 0;
}

static int write_recorded(struct unpack_write *w, const struct leaf *l, int fd,
                          const struct tar_extent *v, size_t n, struct err *e) {
    char path[2 * PATH_MAX];
    struct stat st;
    bool top = l->dir == w->rootfd;
    int k = snprintf(path, sizeof(path), "%s%s%s", top ? "" : w->real_parent,
                     top || !w->real_parent[0] ? "" : "/", l->name);
    int r = fstat(fd, &st) < 0 ? -errno : k >= PATH_MAX ? -ENAMETOOLONG : 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = record_file(w->record, path, st.st_ino, v[i].off, v[i].len);
    return r < 0 ? write_fail(l->path, r, e) : 0;
}

static int write_data(struct unpack_write *w, const struct leaf *l, struct tar *tar, int fd,
                      struct err *e) {
    const struct tar_entry *en = l->entry;
    const struct tar_extent whole = {0, en->size};
    const struct tar_extent *v = en->extents ? en->extents : &whole;
    size_t n = en->extents ? en->n_extents : 1;
    struct write_pending have = {NULL, 0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = write_extent(w, l, tar, fd, v[i], &have, e);
    if (r == 0 && (en->extents || w->hollow) &&
        ftruncate(fd, (off_t)en->size) < 0) /* a hole at the end */
        r = write_fail(l->path, errno, e);
    return r == 0 && w->record && en->payload ? write_recorded(w, l, fd, v, n, e) : r;
}

static int write_regular(struct unpack_write *w, struct leaf *l, struct tar *tar, struct err *e) {
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    AUTO_FD int fd = openat(l->dir, l->name, flags, 0600);
    if (fd < 0 && errno == EEXIST) {
        int r = write_clear(w, l, false);
        if (r < 0)
            return write_fail(l->path, r, e);
        fd = openat(l->dir, l->name, flags, 0600);
    }
    if (fd < 0)
        return write_fail(l->path, errno, e);
    int r = write_data(w, l, tar, fd, e);
    if (r == 0)
        r = write_attr(w, l, fd, e);
    if (r < 0)
        return r;
    const struct timespec times[2] = {l->attr.mtime, l->attr.mtime};
    return futimens(fd, times) < 0 ? write_fail(l->path, errno, e) : 0;
}

static int write_hardlink(struct unpack_write *w, struct leaf *l, const char *target,
                          struct err *e) {
    char clean[PATH_MAX], parent[PATH_MAX];
    int r = unpack_write_clean(target, clean, e);
    if (r < 0)
        return r;
    char *slash = strrchr(clean, '/');
    const char *name = slash ? slash + 1 : clean;
    if (slash)
        *slash = '\0';
    (void)str_copy(parent, sizeof(parent), slash ? clean : ".");
    AUTO_FD int dir = path_open_in_root(w->rootfd, parent, O_PATH | O_DIRECTORY, 0);
    if (dir < 0)
        return err_set(e, ERR_CORRUPT, dir, "entry %.150s is a hard link to %.150s: %s", l->path,
                       target, strerror(-dir));
    struct stat a, b;
    if (fstatat(dir, name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
        fstatat(l->dir, l->name, &b, AT_SYMLINK_NOFOLLOW) == 0) {
        if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
            return 0; /* a link to itself */
        r = write_clear(w, l, false);
    }
    if (r < 0)
        return write_fail(l->path, r, e);
    if (linkat(dir, name, l->dir, l->name, 0) < 0) {
        if (errno == ENOSPC || errno == EDQUOT)
            return write_fail(l->path, errno, e);
        return err_set(e, ERR_CORRUPT, -errno, "entry %.150s is a hard link to %.150s: %s", l->path,
                       target, strerror(errno));
    }
    return 0;
}

static mode_t write_node_type(const struct tar_entry *entry) {
    switch (entry->type) {
    case '3':
        return S_IFCHR;
    case '4':
        return S_IFBLK;
    default:
        return S_IFIFO;
    }
}

/* Make the node. 1 = left out, because we may not. */
static int write_make_node(struct unpack_write *w, struct leaf *l) {
    mode_t type = write_node_type(l->entry);
    dev_t dev = type == S_IFIFO ? 0 : makedev(l->entry->major, l->entry->minor);
    if (type == S_IFCHR && dev == 0)
        return 1; /* would hide a file of the layers below */
    int r = mknodat(l->dir, l->name, type | 0600, dev) < 0 ? -errno : 0;
    if (r == -EEXIST) {
        r = write_clear(w, l, false);
        if (r == 0)
            r = mknodat(l->dir, l->name, type | 0600, dev) < 0 ? -errno : 0;
    }
    return r == -EPERM && type != S_IFIFO ? 1 : r;
}

static int write_make_symlink(struct unpack_write *w, struct leaf *l) {
    const char *target = l->entry->link;
    if (str_empty(target))
        return -EINVAL;
    int r = symlinkat(target, l->dir, l->name) < 0 ? -errno : 0;
    if (r == -EEXIST) {
        r = write_clear(w, l, false);
        if (r == 0)
            r = symlinkat(target, l->dir, l->name) < 0 ? -errno : 0;
    }
    return r;
}

/* Symlinks, devices and pipes: everything by name, because they cannot be opened. */
static int write_special(struct unpack_write *w, struct leaf *l, struct err *e) {
    bool link = l->entry->type == '2';
    int r = link ? write_make_symlink(w, l) : write_make_node(w, l);
    if (r == 1) {
        w->skipped++;
        return 0;
    }
    if (r < 0)
        return write_fail(l->path, r, e);
    r = unpack_attr_owner(&l->attr, l->dir, l->name, w->one_id);
    if (r < 0)
        return unpack_attr_owner_error(&l->attr, l->path, r, e);
    /* The node is ours and fresh; the directory is nobody else's: no symlink can have slipped in.
     */
    if (!link && fchmodat(l->dir, l->name, l->attr.mode, 0) < 0)
        return write_fail(l->path, errno, e);
    const struct timespec times[2] = {l->attr.mtime, l->attr.mtime};
    if (utimensat(l->dir, l->name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return write_fail(l->path, errno, e);
    return 0;
}

/* ".wh.name": hides name of the layers below. What this layer itself has of that name stays. */
static int write_whiteout(struct unpack_write *w, struct leaf *l, struct err *e) {
    const char *hidden = l->name + strlen(WHITEOUT);
    struct stat st;
    if (!path_is_component(hidden))
        return write_fail(l->path, EINVAL, e);
    int r = 0;
    if (fstatat(l->dir, hidden, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        /* Device 0:0 needs no privilege. */
        if (mknodat(l->dir, hidden, S_IFCHR, makedev(0, 0)) < 0)
            r = -errno;
    } else if (S_ISDIR(st.st_mode)) {
        AUTO_FD int fd = openat(l->dir, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = fd < 0 ? -errno : write_opaque(w, fd);
    }
    return r < 0 ? write_fail(l->path, r, e) : 0;
}

static int write_leaf(struct unpack_write *w, struct leaf *l, struct tar *tar, struct err *e) {
    if (strcmp(l->name, WHITEOUT_OPAQUE) == 0) {
        int r = write_opaque(w, l->dir);
        return r < 0 ? write_fail(l->path, r, e) : 0;
    }
    if (str_starts(l->name, WHITEOUT_META))
        return 0;
    if (str_starts(l->name, WHITEOUT))
        return write_whiteout(w, l, e);
    switch (l->entry->type) {
    case '0':
        return write_regular(w, l, tar, e);
    case '1':
        return write_hardlink(w, l, l->entry->link, e);
    case '2':
    case '3':
    case '4':
    case '6':
        return write_special(w, l, e);
    case '5':
        return write_directory(w, l, e);
    default:
        w->skipped++; /* volume labels, and what nobody knows */
        return 0;
    }
}

int unpack_write_entry(struct unpack_write *w, struct tar *tar, const struct tar_entry *entry,
                       struct err *e) {
    char path[PATH_MAX];
    int r = unpack_write_clean(entry->name, path, e);
    if (r < 0)
        return r;
    struct leaf l = {.path = path, .entry = entry};
    unpack_attr_read(entry, &l.attr);
    if (path[0] == '\0')
        return write_root(w, &l, e);
    l.dir = write_parent(w, path, &l.name);
    if (l.dir < 0)
        return write_fail(path, l.dir, e);
    return write_leaf(w, &l, tar, e);
}

int unpack_write_finish(struct unpack_write *w, struct err *e) {
    int r = unpack_lost_sort(&w->lost);
    if (r < 0)
        return write_fail("/", r, e);
    for (size_t i = 0; i < w->ndirs; i++) {
        const char *path = w->paths.s + w->dirs[i].path, *name;
        const struct timespec times[2] = {w->dirs[i].mtime, w->dirs[i].mtime};
        struct stat st = {.st_mode = 0};
        if (!*path) {
            if (futimens(w->rootfd, times) < 0)
                return write_fail("/", errno, e);
            continue;
        }
        int dir = write_parent(w, path, &name);
        /* It may have been replaced; then nobody misses its time. */
        if (w->replaced &&
            (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)))
            continue;
        if (dir < 0)
            return write_fail(path, dir, e);
        if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
            return write_fail(path, errno, e);
    }
    return 0;
}
