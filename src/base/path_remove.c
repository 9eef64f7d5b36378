/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remove a tree that somebody else made.
 *
 * Theory: a depth-first walk over a short stack of open directories, each entered with openat2
 * from its parent's descriptor, never through a symlink and never across a mount. Where the stack
 * is full, the directory is moved up under the top one (hoisted) and its turn comes later: so
 * neither depth nor path length nor memory nor descriptors have to follow what a box could nest.
 */
#include "base/path.h"

#include "base/io.h"
#include "base/openat2.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LEVELS 32
#define MAX_REWINDS 64 /* a writer that still runs must not keep us here for ever */

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Never across a mount, through a symlink or out of the tree. */
#define STAY_HERE (OPENAT2_NO_XDEV | OPENAT2_NO_MAGICLINKS | OPENAT2_NO_SYMLINKS | OPENAT2_BENEATH)

struct level {
    DIR *dir;
    char name[NAME_MAX + 1]; /* in the level above */
    bool failed;             /* an entry stays for a known reason */
    bool removed;            /* an entry went since the last rewind */
    int rewinds;
};

struct removal {
    struct level levels[MAX_LEVELS];
    size_t depth; /* levels in use */
    int first;    /* first failure */
    bool hoisted; /* the top directory got new entries */
};

static int open_child(int parent, const char *name, int flags) {
    int fd = openat2_cloexec(parent, name, flags | O_DIRECTORY | O_NOFOLLOW, 0, STAY_HERE);
    return fd == -EXDEV ? -EBUSY : fd; /* mounted: not ours to empty */
}

/* chmod of exactly the directory behind an O_PATH descriptor; by name it could be swapped. */
static int chmod_path_fd(int fd, mode_t mode) {
    char proc[64];

    if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0)
        return 0;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    return chmod(proc, mode) < 0 ? -errno : 0;
}

/* Open a directory to empty it, giving its owner (us, or it fails) the right to. */
static int open_to_empty(int parent, const char *name) {
    int fd = open_child(parent, name, O_RDONLY);
    struct stat st;

    if (fd == -EACCES) {
        AUTO_FD int path = open_child(parent, name, O_PATH);
        if (path < 0)
            return path;
        if (chmod_path_fd(path, 0700) < 0)
            return -EACCES;
        fd = open_child(parent, name, O_RDONLY);
    }
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
        (void)!fchmod(fd, 0700); /* if it matters, unlink says so */
    return fd;
}

static void note(struct removal *rm, int r) {
    if (rm->first == 0)
        rm->first = r;
    if (rm->depth > 0)
        rm->levels[rm->depth - 1].failed = true;
}

static void gone(struct removal *rm) {
    if (rm->depth > 0)
        rm->levels[rm->depth - 1].removed = true;
}

static int enter(struct removal *rm, int fd, const char *name) {
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int r = -errno;
        fd_close(&fd);
        return r;
    }
    struct level *l = &rm->levels[rm->depth++];
    *l = (struct level){.dir = dir};
    str_copy(l->name, sizeof(l->name), name);
    return 0;
}

/* Move a directory from the deepest level to the first one, under a name of our own. */
static int hoist(struct removal *rm, int from, const char *name) {
    int top = dirfd(rm->levels[0].dir);

    for (int tries = 0; tries < 16; tries++) {
        char fresh[32];
        uint64_t id;
        int r = io_random(&id, sizeof(id));
        if (r < 0)
            return r;
        snprintf(fresh, sizeof(fresh), ".gone-%016llx", (unsigned long long)id);
        if (renameat(from, name, top, fresh) == 0) {
            rm->hoisted = true;
            return 0;
        }
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return -errno;
    }
    return -EEXIST;
}

/* A directory that rmdir refuses: go in, or move it up if the stack is full. */
static int take_directory(struct removal *rm, int parent, const char *name) {
    int fd = open_to_empty(parent, name); /* before a move too: ".." changes, which needs write */
    if (fd < 0)
        return fd;
    if (rm->depth < MAX_LEVELS)
        return enter(rm, fd, name);
    fd_close(&fd);
    int r = hoist(rm, parent, name);
    if (r == 0)
        gone(rm);
    return r;
}

static void remove_entry(struct removal *rm, int parent, const struct dirent *d) {
    int r = 0;

    if (d->d_type != DT_DIR) {
        if (unlinkat(parent, d->d_name, 0) == 0 || errno == ENOENT) {
            gone(rm);
            return;
        }
        r = -errno;
        if (r != -EISDIR) {
            note(rm, r);
            return;
        }
    }
    if (unlinkat(parent, d->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
        gone(rm);
        return;
    }
    if (errno == EBUSY) { /* mounted on, here or in another namespace */
        note(rm, -EBUSY);
        return;
    }
    r = take_directory(rm, parent, d->d_name);
    if (r == -ENOENT)
        gone(rm);
    else if (r < 0)
        note(rm, r);
}

/* The deepest directory is read to its end: remove it, or read again what appeared meanwhile. */
static void leave(struct removal *rm, int base) {
    struct level *l = &rm->levels[rm->depth - 1];
    bool top = rm->depth == 1;
    int parent = top ? base : dirfd(rm->levels[rm->depth - 2].dir);

    if (top && rm->hoisted) {
        rm->hoisted = false;
        rewinddir(l->dir);
        return;
    }
    int r = unlinkat(parent, l->name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
    if (r == -ENOTEMPTY && !l->failed && l->removed && l->rewinds < MAX_REWINDS) {
        l->removed = false;
        l->rewinds++;
        rewinddir(l->dir); /* some file systems skip entries while others are removed */
        return;
    }
    closedir(l->dir);
    rm->depth--;
    if (r == 0)
        gone(rm);
    else
        note(rm, r);
}

static void walk(struct removal *rm, int base) {
    while (rm->depth > 0) {
        struct level *l = &rm->levels[rm->depth - 1];
        errno = 0;
        struct dirent *d = readdir(l->dir);
        if (!d) {
            if (errno != 0)
                note(rm, -errno);
            leave(rm, base);
        } else if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            remove_entry(rm, dirfd(l->dir), d);
        }
    }
}

/* "a/b/c//" → base fd of "a/b", name "c". The way there is the caller's and trusted. */
static int open_base(int dirfd, const char *path, char *name, size_t size) {
    char dir[PATH_MAX];
    size_t end = strlen(path);

    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (end - start >= size || start >= sizeof(dir))
        return -ENAMETOOLONG;
    memcpy(name, path + start, end - start);
    name[end - start] = '\0';
    if (!path_is_component(name))
        return -EINVAL;
    memcpy(dir, path, start);
    dir[start] = '\0';
    int fd = openat(dirfd, start ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int path_remove_tree(int dirfd, const char *name) {
    char last[NAME_MAX + 1];
    AUTO_FD int base = open_base(dirfd, name, last, sizeof(last));

    if (base < 0)
        return base == -ENOENT ? 0 : base;
    if (unlinkat(base, last, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    if (unlinkat(base, last, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno == EBUSY)
        return -EBUSY;
    struct removal *rm = calloc(1, sizeof(*rm)); /* too large for the monitor's stack */
    if (!rm)
        return -ENOMEM;
    int fd = open_to_empty(base, last);
    int r = fd < 0 ? fd : enter(rm, fd, last);
    if (r == 0) {
        walk(rm, base);
        r = rm->first;
    }
    free(rm);
    return r == -ENOENT ? 0 : r;
}
