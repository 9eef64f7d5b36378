/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/cgroup_walk.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What getdents64(2) writes; neither libc declares it without a heap-using DIR. */
struct dirent64_raw {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

static bool is_dots(const char *s) {
    return s[0] == '.' && (s[1] == '\0' || (s[1] == '.' && s[2] == '\0'));
}

int cgroup_walk_child(int fd, uint64_t after_ino, char *name, size_t size) {
    _Alignas(uint64_t) char buf[4096];
    bool take = after_ino == 0;

    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    for (;;) {
        long n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
        if (n < 0)
            return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        if (n == 0)
            return 0;
        for (long at = 0; at < n;) {
            const struct dirent64_raw *d = (const void *)(buf + at);
            at += d->reclen;
            if (d->type != DT_DIR || is_dots(d->name))
                continue;
            if (take)
                return str_copy(name, size, d->name) ? 1 : -ENAMETOOLONG;
            take = d->ino == after_ino;
        }
    }
}

int cgroup_walk_begin(struct cgroup_walk *w, const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -errno;
    *w = (struct cgroup_walk){.fd = fd};
    return 0;
}

void cgroup_walk_end(struct cgroup_walk *w) {
    fd_close(&w->fd);
}

static int go(struct cgroup_walk *w, const char *name) {
    int fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -errno;
    fd_close(&w->fd);
    w->fd = fd;
    return 0;
}

int cgroup_walk_next(struct cgroup_walk *w) {
    char name[256];
    uint64_t after = 0;

    if (!w->started) {
        w->started = true;
        return 1;
    }
    for (;;) {
        int r = cgroup_walk_child(w->fd, after, name, sizeof(name));
        if (r < 0)
            return r;
        if (r > 0) {
            if (go(w, name) == 0) {
                w->depth++;
                return 1;
            }
            struct stat gone; /* removed meanwhile: go on behind it, if it can still be told */
            if (fstatat(w->fd, name, &gone, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
            after = gone.st_ino;
            continue;
        }
        if (w->depth == 0)
            return 0;
        struct stat st;
        if (fstat(w->fd, &st) < 0)
            return -errno;
        after = st.st_ino;
        r = go(w, "..");
        if (r < 0)
            return r;
        w->depth--;
    }
}

ssize_t cgroup_walk_pids(int fd, pid_t *ret, size_t max) {
    char buf[4096];
    size_t n = 0;
    pid_t pid = 0;
    AUTO_FD int file = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return errno == ENOENT || errno == ENODEV ? 0 : -errno;
    while (n < max) {
        ssize_t k = read(file, buf, sizeof(buf));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) /* EOPNOTSUPP: a threaded group, whose processes its domain lists */
            return errno == ENODEV || errno == EOPNOTSUPP ? (ssize_t)n : -errno;
        if (k == 0)
            break;
        for (ssize_t i = 0; i < k && n < max; i++) {
            if (buf[i] >= '0' && buf[i] <= '9') {
                pid = pid * 10 + (buf[i] - '0');
            } else {
                if (pid > 0)
                    ret[n++] = pid;
                pid = 0;
            }
        }
    }
    return (ssize_t)n;
}
