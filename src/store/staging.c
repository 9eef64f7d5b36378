/* SPDX-License-Identifier: Apache-2.0 */
#include "store/staging.h"

#include "base/io.h"
#include "base/str.h"
#include "store/discard.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_SUFFIX ".lock"
#define DIR_SUFFIX ".d"

struct staging_names {
    char lock[STAGING_KEY_MAX + 8], dir[STAGING_KEY_MAX + 8];
};

static void staging_name(const char *key, struct staging_names *n) {
    snprintf(n->lock, sizeof(n->lock), "%.*s" LOCK_SUFFIX, STAGING_KEY_MAX, key);
    snprintf(n->dir, sizeof(n->dir), "%.*s" DIR_SUFFIX, STAGING_KEY_MAX, key);
}

/* Is this descriptor still the file that the name leads to? */
static bool staging_current(int tmpfd, const char *name, int fd) {
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && fstatat(tmpfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

/* Locked descriptor, or -errno; -EAGAIN when held and not to wait. */
static int staging_lock(int tmpfd, const char *name, bool wait) {
    for (;;) {
        AUTO_FD int fd = openat(tmpfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -errno;
        while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
            if (errno != EINTR)
                return -errno;
        }
        if (staging_current(tmpfd, name, fd))
            return TAKE_FD(fd);
    }
}

int staging_begin(const struct store *s, const char *key, bool wait, int *ret_lockfd,
                  struct err *e) {
    struct staging_names n;
    staging_name(key, &n);
    AUTO_FD int fd = staging_lock(s->tmpfd, n.lock, wait);
    if (fd == -EAGAIN)
        return -EAGAIN;
    if (fd < 0)
        return err_sysn(e, fd, "cannot lock %s/tmp/%s", s->root, n.lock);
    int r = discard_tree(s->tmpfd, n.dir, e);
    if (r < 0)
        return err_wrap(e, "%s/tmp", s->root);
    if (mkdirat(s->tmpfd, n.dir, 0700) < 0) {
        r = err_sys(e, "cannot make %s/tmp/%s", s->root, n.dir);
        unlinkat(s->tmpfd, n.lock, 0);
        return r;
    }
    *ret_lockfd = TAKE_FD(fd);
    return 0;
}

/* The lock file goes only after the thing: a lock without a thing is harmless. */
static int staging_clear(const struct store *s, const struct staging_names *n, struct err *e) {
    int r = discard_tree(s->tmpfd, n->dir, e);
    if (r == 0)
        unlinkat(s->tmpfd, n->lock, 0);
    return r;
}

void staging_end(const struct store *s, const char *key, int *lockfd) {
    struct staging_names n;
    struct err ignored;
    staging_name(key, &n);
    (void)staging_clear(s, &n, &ignored); /* else the next sweep does it */
    fd_close(lockfd);
}

static int staging_write(int tmpfd, const char *path, const void *p, size_t n) {
    AUTO_FD int fd = openat(tmpfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : io_write_all(fd, p, n);
}

int staging_replace(const struct store *s, const char *key, bool wait, int dirfd, const char *name,
                    const void *p, size_t n, struct err *e) {
    struct staging_names names;
    char path[STAGING_KEY_MAX + 16];
    AUTO_FD int lock = -1;
    int r = staging_begin(s, key, wait, &lock, e);
    if (r < 0)
        return r;
    staging_name(key, &names);
    snprintf(path, sizeof(path), "%s/x", names.dir);
    r = staging_write(s->tmpfd, path, p, n);
    if (r == 0 && renameat(s->tmpfd, path, dirfd, name) < 0)
        r = -errno;
    staging_end(s, key, &lock);
    return r < 0 ? err_sysn(e, r, "cannot write %s", name) : 0;
}

/* A full disk has no room for the way by tmp, and removing is what mends it. A name of the same
 * length that nobody looks up takes none. */
static int staging_discard_here(int dirfd, const char *name, struct err *e) {
    char hidden[NAME_MAX + 1];
    if (!str_copy(hidden, sizeof(hidden), name))
        return err_sysn(e, ENAMETOOLONG, "cannot remove %.100s", name);
    hidden[0] = '.';
    if (renameat(dirfd, name, dirfd, hidden) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove %s", name);
    return discard_tree(dirfd, hidden, e);
}

int staging_discard(const struct store *s, int dirfd, const char *name, struct err *e) {
    unsigned char random[8];
    char key[40], hex[17];
    int r = io_random(random, sizeof(random));
    if (r < 0)
        return err_sysn(e, r, "random bytes");
    str_hex(random, sizeof(random), hex);
    snprintf(key, sizeof(key), "rm-%s", hex);
    AUTO_FD int lockfd = -1;
    r = staging_begin(s, key, true, &lockfd, e);
    if (r == -ENOSPC || r == -EDQUOT)
        return staging_discard_here(dirfd, name, e);
    if (r < 0)
        return r;
    struct staging_names n;
    char inside[STAGING_KEY_MAX + 16];
    staging_name(key, &n);
    snprintf(inside, sizeof(inside), "%s/x", n.dir);
    if (renameat(dirfd, name, s->tmpfd, inside) < 0 && errno != ENOENT)
        r = err_sys(e, "cannot remove %s", name);
    staging_end(s, key, &lockfd);
    return r;
}

static void staging_sweep_one(const struct store *s, const char *name) {
    char key[STAGING_KEY_MAX + 1];
    struct staging_names n;
    struct err ignored;
    size_t len = strlen(name);
    if (str_ends(name, LOCK_SUFFIX))
        len -= strlen(LOCK_SUFFIX);
    else if (str_ends(name, DIR_SUFFIX))
        len -= strlen(DIR_SUFFIX);
    else
        return;
    if (len == 0 || len >= sizeof(key))
        return;
    memcpy(key, name, len);
    key[len] = '\0';
    staging_name(key, &n);
    AUTO_FD int fd = staging_lock(s->tmpfd, n.lock, false);
    if (fd >= 0)
        (void)staging_clear(s, &n, &ignored);
}

void staging_sweep(const struct store *s) {
    int fd = openat(s->tmpfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return;
    }
    for (const struct dirent *de; (de = readdir(d));) {
        if (de->d_name[0] != '.')
            staging_sweep_one(s, de->d_name);
    }
    closedir(d);
}
