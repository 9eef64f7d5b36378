/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new volume takes over what the image has at its place. Runs in the child: no heap, one
 * directory level per stack frame, bounded. `to` is empty and nobody else's, `from` is the image.
 */
#include "machine/container/apply.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define COPYUP_DEPTH 128

struct copyup_dirent {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

static bool copyup_dot(const char *s) {
    return s[0] == '.' && (!s[1] || (s[1] == '.' && !s[2]));
}

int copyup_is_empty(int dir) {
    _Alignas(8) char buf[512];
    AUTO_FD int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    long n;
    while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct copyup_dirent *d = (const void *)(buf + at);
            /* a volume that is a file system of its own may hold lost+found */
            if (!copyup_dot(d->name) && strcmp(d->name, "lost+found") != 0)
                return 0;
            at += d->reclen;
        }
    }
    return n < 0 ? -errno : 1;
}

static int copyup_xattrs(int from, int to) {
    char names[2048], value[4096];
    ssize_t n = flistxattr(from, names, sizeof(names));
    if (n < 0)
        return errno == ENOTSUP || errno == ENOSYS ? 0 : -errno;
    for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
        const char *name = names + at;
        if (strncmp(name, "trusted.", 8) == 0 || strncmp(name, "user.overlay.", 13) == 0 ||
            strcmp(name, "security.selinux") == 0)
            continue;
        ssize_t len = fgetxattr(from, name, value, sizeof(value));
        if (len < 0)
            return -errno;
        if (fsetxattr(to, name, value, (size_t)len, 0) < 0 && errno != ENOTSUP && errno != EPERM)
            return -errno;
    }
    return 0;
}

/* Owner first: changing it clears set-user-ID bits. Times last. */
static int copyup_meta(int from, int to, const struct stat *st) {
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
        return -errno;
    int r = copyup_xattrs(from, to);
    if (r < 0)
        return r;
    return futimens(to, times) < 0 ? -errno : 0;
}

static int copyup_file(int dir, const char *name, int todir, const struct stat *st) {
    AUTO_FD int in = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0)
        return -errno;
    AUTO_FD int out = openat(todir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (out < 0)
        return -errno;
    ssize_t n;
    bool range = true;
    do {
        n = range ? syscall(SYS_copy_file_range, in, NULL, out, NULL, 1L << 30, 0)
                  : sendfile(out, in, NULL, 1L << 30);
        if (n < 0 && range && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
            range = false;
            n = 1;
        }
    } while (n > 0);
    return n < 0 ? -errno : copyup_meta(in, out, st);
}

static int copyup_link(int dir, const char *name, int todir, const struct stat *st) {
    char target[4096];
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
    if (n < 0)
        return -errno;
    target[n] = 0;
    if (symlinkat(target, todir, name) < 0 ||
        fchownat(todir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(todir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return 0;
}

static int copyup_node(int todir, const char *name, const struct stat *st) {
    if (mknodat(todir, name, st->st_mode, st->st_rdev) < 0)
        return errno == EPERM && !S_ISFIFO(st->st_mode) ? 0 : -errno; /* user namespace: left out */
    if (fchownat(todir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(todir, name, st->st_mode & 07777, 0) < 0)
        return -errno;
    return 0;
}

static int copyup_dir(int from, int to, unsigned depth, struct err *e);

static int copyup_subdir(int dir, const char *name, int todir, unsigned depth, struct err *e) {
    AUTO_FD int in = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return -errno;
    if (mkdirat(todir, name, 0700) < 0)
        return -errno;
    AUTO_FD int out = openat(todir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return out < 0 ? -errno : copyup_dir(in, out, depth + 1, e);
}

static int copyup_entry(int dir, const char *name, int todir, unsigned depth, struct err *e) {
    struct stat st;
    int r;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "%s", name);
    switch (st.st_mode & S_IFMT) {
    case S_IFDIR:
        r = copyup_subdir(dir, name, todir, depth, e);
        break;
    case S_IFREG:
        r = copyup_file(dir, name, todir, &st);
        break;
    case S_IFLNK:
        r = copyup_link(dir, name, todir, &st);
        break;
    case S_IFSOCK:
        return 0; /* means nothing without its server */
    default:
        r = copyup_node(todir, name, &st);
        break;
    }
    return r < 0 && !e->code ? err_sysn(e, r, "cannot copy %s", name) : r;
}

static int copyup_dir(int from, int to, unsigned depth, struct err *e) {
    _Alignas(8) char buf[2048];
    struct stat st;
    long n;
    if (depth > COPYUP_DEPTH)
        return err_set(e, ERR_USAGE, -ELOOP, "directories are nested more than %d deep",
                       COPYUP_DEPTH);
    while ((n = syscall(SYS_getdents64, from, buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct copyup_dirent *d = (const void *)(buf + at);
            int r = copyup_dot(d->name) ? 0 : copyup_entry(from, d->name, to, depth, e);
            if (r < 0)
                return r;
            at += d->reclen;
        }
    }
    if (n < 0 || fstat(from, &st) < 0)
        return -errno;
    return copyup_meta(from, to, &st);
}

int copyup_tree(int from, int to, struct err *e) {
    err_clear(e);
    int r = copyup_dir(from, to, 0, e);
    return r < 0 && !e->code ? err_sysn(e, r, "cannot copy") : r;
}
