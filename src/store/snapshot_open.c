/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The merged tree without a mount: the rules of overlayfs, one path component at a time.
 *
 * `path` is the resolved part, free of symlinks; in[i] says whether layer i has a directory there
 * that is part of the merge (topmost first: the upper directory, then the layers). No component is
 * ever followed by the kernel, so a layer's symlinks cannot lead out.
 */
#include "store/snapshot.h"

#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define MAX_SYMLINKS 40
#define MAX_LAYERS (IMG_MAX_LAYERS + 1)

struct merge {
    const struct snapshot *sn;
    size_t n;
    bool in[MAX_LAYERS], next[MAX_LAYERS];
    char path[PATH_MAX]; /* resolved, relative, "" = root */
    char rest[PATH_MAX]; /* still to walk */
    int links;
};

static const char *merge_layer(const struct merge *m, size_t i) {
    if (m->sn->upper)
        return i == 0 ? m->sn->upper : m->sn->lower.v[i - 1];
    return m->sn->lower.v[i];
}

/* O_PATH descriptor of `path` in layer i, or -errno. */
static int merge_open(const struct merge *m, size_t i, const char *path, int flags) {
    AUTO_FD int root = open(merge_layer(m, i), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    return path_open_beneath(root, *path ? path : ".", flags | O_NOFOLLOW | O_CLOEXEC, 0);
}

static bool merge_is_opaque(int pathfd) {
    static const char *const names[] = {"trusted.overlay.opaque", "user.overlay.opaque"};
    char proc[40], value;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", pathfd);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (getxattr(proc, names[i], &value, 1) == 1 && value == 'y')
            return true;
    }
    return false;
}

static bool merge_is_whiteout(const struct stat *st) {
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static void merge_restart(struct merge *m) {
    m->path[0] = '\0';
    for (size_t i = 0; i < m->n; i++)
        m->in[i] = true;
}

/* Look `path` up in the layers that take part. *mode: what it is; layer index or -errno. For a
 * directory, next[] says who takes part below. */
static int merge_lookup(struct merge *m, const char *path, mode_t *mode) {
    int found = -ENOENT;
    memset(m->next, 0, sizeof(m->next));
    for (size_t i = 0; i < m->n; i++) {
        struct stat st;
        if (!m->in[i])
            continue;
        AUTO_FD int fd = merge_open(m, i, path, O_PATH);
        if (fd == -ENOENT || fd == -ENOTDIR)
            continue;
        if (fd < 0)
            return fd;
        if (fstat(fd, &st) < 0)
            return -errno;
        if (merge_is_whiteout(&st) || (found >= 0 && !S_ISDIR(st.st_mode)))
            break;
        if (found < 0) {
            found = (int)i;
            *mode = st.st_mode;
        }
        if (!S_ISDIR(st.st_mode))
            break;
        m->next[i] = true;
        if (merge_is_opaque(fd))
            break;
    }
    return found;
}

/* Put the link's target in front of the rest. */
static int merge_follow(struct merge *m, size_t layer, const char *path) {
    char target[PATH_MAX], joined[PATH_MAX];
    if (++m->links > MAX_SYMLINKS)
        return -ELOOP;
    AUTO_FD int fd = merge_open(m, layer, path, O_PATH);
    if (fd < 0)
        return fd;
    ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
    if (n < 0)
        return -errno;
    target[n] = '\0';
    /* Relative to the directory it stands in, whose path is clean: walked anew from the root. */
    int k = target[0] == '/'
                ? snprintf(joined, sizeof(joined), "%s/%s", target, m->rest)
                : snprintf(joined, sizeof(joined), "%s/%s/%s", m->path, target, m->rest);
    if (k < 0 || (size_t)k >= sizeof(joined))
        return -ENAMETOOLONG;
    memcpy(m->rest, joined, (size_t)k + 1);
    merge_restart(m);
    return 0;
}

/* Cut the first component off the rest. False at the end. */
static bool merge_pop(struct merge *m, char name[static NAME_MAX + 1], int *error) {
    const char *p = m->rest + strspn(m->rest, "/");
    size_t n = strcspn(p, "/");
    *error = 0;
    if (n == 0)
        return false;
    if (n > NAME_MAX) {
        *error = -ENAMETOOLONG;
        return false;
    }
    memcpy(name, p, n);
    name[n] = '\0';
    memmove(m->rest, p + n, strlen(p + n) + 1);
    return true;
}

/* "..": the parent, whose participants have to be found again. */
static int merge_up(struct merge *m) {
    char joined[PATH_MAX];
    char *slash = strrchr(m->path, '/');
    *(slash ? slash : m->path) = '\0';
    int k = snprintf(joined, sizeof(joined), "%s/%s", m->path, m->rest);
    if (k < 0 || (size_t)k >= sizeof(joined))
        return -ENAMETOOLONG;
    memcpy(m->rest, joined, (size_t)k + 1);
    merge_restart(m);
    return 0;
}

/* One component. 1: it is a file, open in *ret; 0: go on; -errno. */
static int merge_step(struct merge *m, const char *name, int *ret) {
    char path[PATH_MAX];
    mode_t mode = 0;
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0)
        return merge_up(m);
    int k = snprintf(path, sizeof(path), "%s%s%s", m->path, *m->path ? "/" : "", name);
    if (k < 0 || (size_t)k >= sizeof(path))
        return -ENAMETOOLONG;
    int layer = merge_lookup(m, path, &mode);
    if (layer < 0)
        return layer;
    if (S_ISLNK(mode))
        return merge_follow(m, (size_t)layer, path);
    if (S_ISDIR(mode)) {
        memcpy(m->path, path, (size_t)k + 1);
        memcpy(m->in, m->next, sizeof(m->in));
        return 0;
    }
    if (!S_ISREG(mode))
        return -EINVAL;
    if (m->rest[strspn(m->rest, "/")])
        return -ENOTDIR;
    int fd = merge_open(m, (size_t)layer, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return fd;
    *ret = fd;
    return 1;
}

int snapshot_open_file(const struct snapshot *sn, const char *path) {
    char name[NAME_MAX + 1];
    int r, fd = -1;
    struct merge *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->sn = sn;
    m->n = MIN_OF(sn->lower.n + (sn->upper != NULL), (size_t)MAX_LAYERS);
    merge_restart(m);
    r = str_copy(m->rest, sizeof(m->rest), path) ? 0 : -ENAMETOOLONG;
    while (r == 0) {
        if (!merge_pop(m, name, &r)) {
            r = r ? r : -EISDIR;
            break;
        }
        r = merge_step(m, name, &fd);
    }
    free(m);
    return r == 1 ? fd : r;
}
