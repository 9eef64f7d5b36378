/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "base/openat2.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SYMLINKS 40 /* as the kernel */

int path_open_in_root(int rootfd, const char *path, int flags, mode_t mode) {
    return openat2_cloexec(rootfd, path, flags, mode, OPENAT2_IN_ROOT | OPENAT2_NO_MAGICLINKS);
}

static bool has_dotdot(const char *path) {
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += strspn(p, "/");
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
            return true;
    }
    return false;
}

int path_open_beneath(int rootfd, const char *path, int flags, mode_t mode) {
    if (has_dotdot(path))
        return -EXDEV; /* what the kernel says of a path that leaves */
    return openat2_cloexec(rootfd, path, flags, mode,
                           OPENAT2_BENEATH | OPENAT2_NO_SYMLINKS | OPENAT2_NO_MAGICLINKS);
}

bool path_is_component(const char *s) {
    return s && *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && !strchr(s, '/');
}

int path_clean(const char *path, char *out, size_t size) {
    size_t n = 0; /* out[0..n) is clean and has no slash at its end */

    if (size < 2)
        return -ENAMETOOLONG;
    for (const char *p = path; *p;) {
        p += strspn(p, "/");
        size_t k = strcspn(p, "/");
        if (k == 2 && p[0] == '.' && p[1] == '.') {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (k > 0 && !(k == 1 && p[0] == '.')) {
            if (k >= size - 1 || n + 1 + k >= size)
                return -ENAMETOOLONG;
            out[n++] = '/';
            memcpy(out + n, p, k);
            n += k;
        }
        p += k;
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = '\0';
    return 0;
}

static int is_directory(int dirfd, const char *path) {
    struct stat st;
    if (fstatat(dirfd, path, &st, 0) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int path_mkdir_p(int dirfd, const char *path, mode_t mode) {
    char buf[PATH_MAX];

    if (is_directory(dirfd, path) == 0)
        return 0;
    if (*path == '\0')
        return -ENOENT;
    if (!str_copy(buf, sizeof(buf), path))
        return -ENAMETOOLONG;
    for (char *p = buf + strspn(buf, "/"); *p;) {
        p += strcspn(p, "/");
        char end = *p;
        *p = '\0';
        if (mkdirat(dirfd, buf, mode) < 0 && errno != EEXIST) {
            /* a parent on a read-only or foreign file system may refuse even what exists */
            int r = -errno;
            if (is_directory(dirfd, buf) < 0)
                return r;
        }
        *p = end;
        p += strspn(p, "/");
    }
    return is_directory(dirfd, buf);
}

/* Where mkdir -p in a root has got to: done is resolved, rest is not. */
struct walk {
    int rootfd;
    int links;
    char path[PATH_MAX]; /* from the root; path[0..at) exists */
    size_t at;
};

/* The component at path[at..end) is a symlink that leads nowhere: put its target in its place. */
static int follow_dangling(struct walk *w, int parent, const char *name, size_t end) {
    char target[PATH_MAX];
    char whole[PATH_MAX];

    if (++w->links > MAX_SYMLINKS)
        return -ELOOP;
    ssize_t n = readlinkat(parent, name, target, sizeof(target) - 1);
    if (n < 0)
        return errno == EINVAL ? -ENOTDIR : -errno;
    target[n] = '\0';
    int k = target[0] == '/' ? snprintf(whole, sizeof(whole), "%s/%s", target, w->path + end)
                             : snprintf(whole, sizeof(whole), "%.*s/%s/%s", (int)w->at, w->path,
                                        target, w->path + end);
    if (k < 0 || (size_t)k >= sizeof(whole))
        return -ENAMETOOLONG;
    memcpy(w->path, whole, (size_t)k + 1);
    w->at = 0; /* again from the root: the part that exists costs one open each */
    return 0;
}

/* Make or enter the next component. 1: entered, *dir moved on; 0: path was rewritten. */
static int walk_step(struct walk *w, int *dir, mode_t mode) {
    size_t start = w->at + strspn(w->path + w->at, "/");
    size_t end = start + strcspn(w->path + start, "/");
    char name[NAME_MAX + 1];
    char prefix[PATH_MAX];

    if (end - start > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, w->path + start, end - start);
    name[end - start] = '\0';
    memcpy(prefix, w->path, end);
    prefix[end] = '\0';
    for (int tries = 0;; tries++) {
        int fd = path_open_in_root(w->rootfd, prefix, O_PATH | O_DIRECTORY, 0);
        if (fd >= 0) {
            fd_close(dir);
            *dir = fd;
            w->at = end;
            return 1;
        }
        if (fd != -ENOENT)
            return fd;
        if (mkdirat(*dir, name, mode) == 0)
            continue;
        if (errno != EEXIST || tries > 0)
            return errno == EEXIST ? follow_dangling(w, *dir, name, end) : -errno;
    }
}

int path_mkdir_in_root(int rootfd, const char *path, mode_t mode) {
    struct walk w = {.rootfd = rootfd};
    AUTO_FD int dir = path_open_in_root(rootfd, "/", O_PATH | O_DIRECTORY, 0);

    if (dir < 0)
        return dir;
    if (!str_copy(w.path, sizeof(w.path), path))
        return -ENAMETOOLONG;
    while (w.path[w.at + strspn(w.path + w.at, "/")] != '\0') {
        int r = walk_step(&w, &dir, mode);
        if (r < 0)
            return r;
        if (r == 0) {
            fd_close(&dir);
            dir = path_open_in_root(rootfd, "/", O_PATH | O_DIRECTORY, 0);
            if (dir < 0)
                return dir;
        }
    }
    return TAKE_FD(dir);
}
