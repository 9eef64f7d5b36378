/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot_diff.h"

#include "base/path.h"
#include "store/snapshot_walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

struct diffing {
    const struct snapshot_tar_options *omit;
    int lower[WALK_MAX_TREES];
    size_t n;
    char hidden[PATH_MAX]; /* an opaque directory of the upper one: below it all is new */
    int (*change)(enum snapshot_change kind, const char *path, void *data, struct err *e);
    void *data;
};

/* Does this layer say of `path`: here it is (1), gone (-1), or nothing (0)? */
static int diff_ask(int tree, const char *path, struct stat *st) {
    AUTO_FD int fd = path_open_beneath(tree, path, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0 || fstat(fd, st) < 0)
        return fd == -ENOTDIR || fd == -ELOOP ? -1 : 0;
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0) ? -1 : 1;
}

/* Does something above `path` in this layer hide what the layers below have of it? */
static bool diff_hides(int tree, const char *path) {
    char part[PATH_MAX];
    struct stat st;
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        int r = diff_ask(tree, part, &st);
        if (r <= 0)
            return r < 0;
        if (!S_ISDIR(st.st_mode))
            return true;
        AUTO_FD int fd = path_open_beneath(tree, part, O_PATH | O_NOFOLLOW, 0);
        if (fd >= 0 && snapshot_walk_opaque(fd))
            return true;
    }
    return false;
}

static bool diff_was_there(const struct diffing *d, const char *path) {
    struct stat st;
    for (size_t i = 0; i < d->n; i++) {
        int r = diff_ask(d->lower[i], path, &st);
        if (r != 0)
            return r > 0;
        if (diff_hides(d->lower[i], path))
            return false;
    }
    return false;
}

static bool diff_omitted(const struct diffing *d, const struct walk_entry *w) {
    bool empty = S_ISREG(w->st->st_mode) ? w->st->st_size == 0 : S_ISDIR(w->st->st_mode);
    for (size_t i = 0; empty && i < d->omit->n_mount_points; i++) {
        if (strcmp(d->omit->mount_points[i], w->path) == 0)
            return true;
    }
    return false;
}

static bool diff_below(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return n && strncmp(path, dir, n) == 0 && path[n] == '/';
}

static int diff_visit(const struct walk_entry *w, void *data, struct err *e) {
    struct diffing *d = data;
    char path[PATH_MAX + 1];
    if (!*w->path || diff_omitted(d, w))
        return 0;
    bool was = !diff_below(w->path, d->hidden) && diff_was_there(d, w->path);
    if (w->whiteout && !was)
        return 0; /* it came and went */
    if (w->opaque && !diff_below(w->path, d->hidden))
        snprintf(d->hidden, sizeof(d->hidden), "%s", w->path);
    snprintf(path, sizeof(path), "/%s", w->path);
    enum snapshot_change kind = w->whiteout ? CHANGE_DELETED : was ? CHANGE_CHANGED : CHANGE_ADDED;
    return d->change(kind, path, d->data, e);
}

int snapshot_diff(const struct snapshot *sn, const struct snapshot_tar_options *omit,
                  int (*change)(enum snapshot_change kind, const char *path, void *data,
                                struct err *e),
                  void *data, struct err *e) {
    struct diffing d = {.omit = omit, .change = change, .data = data};
    AUTO_FD int upper = open(sn->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = upper < 0 ? err_sys(e, "cannot open %.300s", sn->upper) : 0;
    for (size_t i = 0; r == 0 && i < MIN_OF(sn->lower.n, (size_t)WALK_MAX_TREES); i++) {
        d.lower[i] = open(sn->lower.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (d.lower[i] < 0)
            r = err_sys(e, "cannot open %.300s", sn->lower.v[i]);
        else
            d.n++;
    }
    const struct walk w = {
        .trees = &upper, .n = 1, .whiteouts = true, .visit = diff_visit, .data = &d};
    if (r == 0)
        r = snapshot_walk(&w, e);
    while (d.n > 0)
        fd_close(&d.lower[--d.n]);
    return r;
}
