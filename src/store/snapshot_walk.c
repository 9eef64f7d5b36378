/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot_walk.h"

#include "base/path.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct walking {
    const struct walk *w;
    char path[PATH_MAX]; /* of the directory at hand, then of its entry */
    struct err *e;
};

struct walk_name {
    char *name;
    unsigned tree; /* index */
    bool hidden;   /* a whiteout of a tree above */
};

/* The names of one directory. */
struct walk_names {
    struct walk_name *v;
    size_t n, cap;
    size_t sorted; /* the first ones are, for looking up */
};

static void names_free(struct walk_names *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].name);
    free(l->v);
}

static int names_compare(const void *a, const void *b) {
    return strcmp(((const struct walk_name *)a)->name, ((const struct walk_name *)b)->name);
}

static bool names_has(const struct walk_names *l, const char *name) {
    const struct walk_name key = {(char *)(uintptr_t)name, 0, false};
    return l->sorted && bsearch(&key, l->v, l->sorted, sizeof(*l->v), names_compare);
}

static int names_add(struct walk_names *l, const char *name, unsigned tree, bool hidden) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 32;
        struct walk_name *grown = reallocarray(l->v, cap, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        l->v = grown;
        l->cap = cap;
    }
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    l->v[l->n++] = (struct walk_name){copy, tree, hidden};
    return 0;
}

bool snapshot_walk_opaque(int pathfd) {
    static const char *const names[] = {"trusted.overlay.opaque", "user.overlay.opaque"};
    char proc[40], value;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", pathfd);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (getxattr(proc, names[i], &value, 1) == 1 && value == 'y')
            return true;
    }
    return false;
}

static int walk_fail(const struct walking *k, int code) {
    return err_sysn(k->e, code, "cannot read /%.250s", k->path);
}

static bool walk_is_whiteout(int dir, const struct dirent *de) {
    struct stat st;
    return (de->d_type == DT_CHR || de->d_type == DT_UNKNOWN) &&
           fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
           st.st_rdev == makedev(0, 0);
}

/* Names that no tree above has. */
static int walk_list(const struct walking *k, unsigned tree, int fd, struct walk_names *l) {
    DIR *d = fdopendir(fd);
    int r = 0;
    if (!d) {
        r = -errno;
        close(fd);
        return r;
    }
    errno = 0;
    for (const struct dirent *de; r == 0 && (de = readdir(d)); errno = 0) {
        const char *name = de->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !names_has(l, name))
            r = names_add(l, name, tree, !k->w->whiteouts && walk_is_whiteout(fd, de));
    }
    if (r == 0 && errno)
        r = -errno;
    closedir(d);
    if (r == 0 && l->n)
        qsort(l->v, l->n, sizeof(*l->v), names_compare);
    l->sorted = l->n;
    return r;
}

/* What each of the trees from `first` on adds to the directory at k->path. */
static int walk_gather(const struct walking *k, unsigned first, struct walk_names *l) {
    const char *path = k->path[0] ? k->path : ".";
    for (unsigned i = first; i < k->w->n; i++) {
        struct stat st;
        AUTO_FD int at = path_open_beneath(k->w->trees[i], path, O_PATH | O_NOFOLLOW, 0);
        if (at == -ENOENT || at == -ENOTDIR || at == -ELOOP)
            continue;
        if (at < 0 || fstat(at, &st) < 0)
            return at < 0 ? at : -errno;
        if (!S_ISDIR(st.st_mode))
            return 0; /* hides the directories below it */
        int fd = path_open_beneath(k->w->trees[i], path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        int r = fd < 0 ? fd : walk_list(k, i, fd, l);
        if (r < 0)
            return r;
        if (snapshot_walk_opaque(at))
            return 0;
    }
    return 0;
}

static int walk_visit(struct walking *k, unsigned tree, struct stat *st) {
    const char *path = k->path[0] ? k->path : ".";
    AUTO_FD int fd = path_open_beneath(k->w->trees[tree], path, O_PATH | O_NOFOLLOW, 0);
    if (fd == -ENOENT)
        return -ENOENT; /* gone meanwhile */
    if (fd < 0 || fstat(fd, st) < 0)
        return walk_fail(k, fd < 0 ? fd : -errno);
    struct walk_entry entry = {.path = k->path, .tree = k->w->trees[tree], .st = st};
    entry.whiteout = S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
    entry.opaque = S_ISDIR(st->st_mode) && snapshot_walk_opaque(fd);
    return k->w->visit(&entry, k->w->data, k->e);
}

static int walk_directory(struct walking *k, unsigned first);

static int walk_child(struct walking *k, size_t len, const struct walk_name *name) {
    struct stat st;
    int n = snprintf(k->path + len, sizeof(k->path) - len, "%s%s", len ? "/" : "", name->name);
    if (n < 0 || len + (size_t)n >= sizeof(k->path)) {
        k->path[len] = '\0';
        return walk_fail(k, ENAMETOOLONG);
    }
    int r = walk_visit(k, name->tree, &st);
    if (r == -ENOENT && k->e->code == 0)
        return 0;
    return r == 0 && S_ISDIR(st.st_mode) ? walk_directory(k, name->tree) : r;
}

/* Depth is bounded by PATH_MAX; no descriptor stays open on the way down. */
static int walk_directory(struct walking *k, unsigned first) {
    struct walk_names l = {NULL, 0, 0, 0};
    size_t len = strlen(k->path);
    int r = walk_gather(k, first, &l);
    if (r < 0)
        r = r == -ENOENT ? 0 : walk_fail(k, r);
    for (size_t i = 0; r == 0 && i < l.n; i++) {
        if (!l.v[i].hidden)
            r = walk_child(k, len, &l.v[i]);
        k->path[len] = '\0';
    }
    names_free(&l);
    return r;
}

int snapshot_walk(const struct walk *w, struct err *e) {
    struct walking k = {.w = w, .e = e};
    struct stat st;
    err_clear(e);
    int r = walk_visit(&k, 0, &st);
    return r < 0 ? r : walk_directory(&k, 0);
}
