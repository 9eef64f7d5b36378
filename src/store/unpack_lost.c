/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_lost.h"

#include "store/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int lost_open(struct unpack_lost *w) {
    if (w->fd >= 0)
        return 0;
    if (mkdirat(w->homefd, RECORD_LOST, 0700) < 0 && errno != EEXIST)
        return -errno;
    w->fd = openat(w->homefd, RECORD_LOST, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return w->fd < 0 ? -errno : 0;
}

static int lost_file(struct unpack_lost *w, int dir, const char *name, ino_t ino) {
    char to[24];
    snprintf(to, sizeof(to), "%llu", (unsigned long long)ino);
    if (renameat(dir, name, w->fd, to) < 0)
        return -errno;
    /* Between two links of one file rename does nothing. */
    return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* A queue instead of recursion: however deep it is, each directory comes to lie in lost/ itself. */
static int lost_tree(struct unpack_lost *w, int dir, const char *name) {
    char to[24];
    snprintf(to, sizeof(to), "d%llu", (unsigned long long)w->trees++);
    return renameat(dir, name, w->fd, to) < 0 ? -errno : 0;
}

int unpack_lost_keep(struct unpack_lost *w, int dir, const char *name, const struct stat *st) {
    int r = lost_open(w);
    if (r < 0)
        return r;
    return S_ISDIR(st->st_mode) ? lost_tree(w, dir, name) : lost_file(w, dir, name, st->st_ino);
}

static int lost_entry(struct unpack_lost *w, int fd, const char *name) {
    struct stat st;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return lost_tree(w, fd, name);
    if (S_ISREG(st.st_mode))
        return lost_file(w, fd, name, st.st_ino);
    return unlinkat(fd, name, 0) < 0 ? -errno : 0;
}

static int lost_take_apart(struct unpack_lost *w, const char *tree) {
    int r = 0, fd = openat(w->fd, tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        r = -errno;
        fd_close(&fd);
        return r;
    }
    for (const struct dirent *de; r == 0 && (de = readdir(d));)
        r = lost_entry(w, fd, de->d_name);
    closedir(d);
    if (r == 0 && unlinkat(w->fd, tree, AT_REMOVEDIR) < 0)
        r = errno == ENOTEMPTY ? 1 : -errno; /* readdir may pass over what moved: again */
    return r;
}

int unpack_lost_sort(struct unpack_lost *w) {
    int r = 0;
    for (uint64_t i = 0; r == 0 && i < w->trees; i++) {
        char tree[24];
        snprintf(tree, sizeof(tree), "d%llu", (unsigned long long)i);
        do
            r = lost_take_apart(w, tree);
        while (r == 1);
    }
    return r;
}
