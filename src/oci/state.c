/* SPDX-License-Identifier: Apache-2.0 */
/* The directory: made, locked, listed, removed. */
#include "oci/state.h"

#include "base/io.h"
#include "base/path.h"
#include "machine/plan_format.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int oci_state_root(const struct oci *o, bool make, struct err *e) {
    const int flags = O_DIRECTORY | O_RDONLY | O_CLOEXEC;
    int fd = open(o->root, flags);
    if (fd < 0 && errno == ENOENT && make) {
        int r = path_mkdir_p(AT_FDCWD, o->root, 0711);
        if (r < 0)
            return err_sysn(e, r, "cannot make the state directory %s", o->root);
        fd = open(o->root, flags);
    }
    return fd < 0 ? err_sys(e, "cannot open the state directory %s", o->root) : fd;
}

static bool state_is_same(int rootfd, const struct oci_dir *d) {
    struct stat a, b;
    return fstat(d->fd, &a) == 0 && fstatat(rootfd, d->id, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int state_missing(const char *id, struct err *e) {
    return err_set(e, ERR_NOT_FOUND, -ENOENT, "container does not exist: %.200s", id);
}

int oci_state_open(const struct oci *o, const char *id, bool lock, struct oci_dir *ret,
                   struct err *e) {
    AUTO_STATE struct oci_dir d = {.fd = -1, .id = id};
    int r = oci_check_id(id, e);
    if (r < 0)
        return r;
    AUTO_FD int rootfd = open(o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rootfd < 0 && errno == ENOENT)
        return state_missing(id, e);
    if (rootfd < 0)
        return err_sys(e, "cannot open the state directory %s", o->root);
    d.fd = openat(rootfd, id, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (d.fd < 0)
        return errno == ENOENT ? state_missing(id, e)
                               : err_sys(e, "cannot open the state of container %.200s", id);
    if (lock) {
        while ((r = flock(d.fd, LOCK_EX)) < 0 && errno == EINTR)
            ;
        if (r < 0)
            return err_sys(e, "cannot lock the state of container %.200s", id);
        if (!state_is_same(rootfd, &d)) /* removed while we waited */
            return state_missing(id, e);
        d.locked = true;
    }
    *ret = d;
    d.fd = -1;
    return 0;
}

/* A directory of this name is there. Left over by a killed create it becomes ours. */
static int state_reclaim(int rootfd, const char *id, struct oci_dir *ret, struct err *e) {
    AUTO_STATE struct oci_dir d = {.fd = -1, .id = id};
    d.fd = openat(rootfd, id, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (d.fd < 0 || flock(d.fd, LOCK_EX | LOCK_NB) < 0 || !state_is_same(rootfd, &d) ||
        faccessat(d.fd, STATE_FILE, F_OK, 0) == 0)
        return err_set(e, ERR_CONFLICT, -EEXIST, "container with id exists: %.200s", id);
    AUTO_ARENA struct arena *a = arena_new();
    struct plan plan;
    struct err ignored;
    if (a && oci_state_plan(&d, a, &plan, &ignored) == 0) {
        int r = machine_sweep(&plan, 0, 0, e);
        if (r < 0)
            return err_wrap(e, "container %.200s was left half-made and cannot be swept", id);
    }
    io_sweep_temporary(d.fd);
    static const char *const files[] = {STATE_PLAN, STATE_CONFIG, STATE_SOCKET};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        unlinkat(d.fd, files[i], 0);
    d.locked = true;
    *ret = d;
    d.fd = -1;
    return 0;
}

int oci_state_make(const struct oci *o, const char *id, struct oci_dir *ret, struct err *e) {
    int r = oci_check_id(id, e);
    if (r < 0)
        return r;
    AUTO_FD int rootfd = oci_state_root(o, true, e);
    if (rootfd < 0)
        return rootfd;
    if (mkdirat(rootfd, id, 0700) < 0)
        return errno == EEXIST
                   ? state_reclaim(rootfd, id, ret, e)
                   : err_sys(e, "cannot make the state directory of container %.200s", id);
    AUTO_STATE struct oci_dir d = {.fd = -1, .id = id};
    d.fd = openat(rootfd, id, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (d.fd < 0 || flock(d.fd, LOCK_EX | LOCK_NB) < 0)
        return err_sys(e, "cannot lock the state of container %.200s", id);
    d.locked = true;
    *ret = d;
    d.fd = -1;
    return 0;
}

void oci_state_unlock(struct oci_dir *d) {
    flock(d->fd, LOCK_UN);
    d->locked = false;
}

void oci_state_close(struct oci_dir *d) {
    fd_close(&d->fd);
}

int oci_state_remove(const struct oci *o, struct oci_dir *d, struct err *e) {
    AUTO_FD int rootfd = oci_state_root(o, false, e);
    if (rootfd < 0)
        return rootfd;
    /* state.json last: a removal that was cut short is taken up again */
    static const char *const files[] = {STATE_CRUN, STATE_PLAN, STATE_CONFIG, STATE_SOCKET,
                                        STATE_FILE};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        unlinkat(d->fd, files[i], 0);
    int r = unlinkat(rootfd, d->id, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
    if (r < 0)
        r = path_remove_tree(rootfd, d->id);
    return r < 0 ? err_sysn(e, r, "cannot remove the state of container %.200s", d->id) : 0;
}

int oci_state_plan(const struct oci_dir *d, struct arena *a, struct plan *ret, struct err *e) {
    struct stat st;
    AUTO_FD int fd = openat(d->fd, STATE_PLAN, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot open the plan of container %.200s", d->id);
    if (st.st_size <= 0 || st.st_size > (off_t)PLAN_MAX_BYTES)
        return err_set(e, ERR_CORRUPT, -EINVAL, "the plan of container %.200s is damaged", d->id);
    void *bytes = arena_alloc(a, (size_t)st.st_size);
    if (!bytes)
        return err_oom(e);
    ssize_t n = io_read_full(fd, bytes, (size_t)st.st_size);
    if (n < 0)
        return err_sysn(e, (int)n, "cannot read the plan of container %.200s", d->id);
    return plan_open(bytes, (size_t)n, ret, e);
}

/* --- the start socket --------------------------------------------------------------------------
 */

/* By descriptor: a socket's address holds 108 bytes, a path may be longer. */
static int state_socket(const struct oci_dir *d, struct sockaddr_un *addr) {
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/" STATE_SOCKET, d->fd);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int oci_state_listen(const struct oci_dir *d) {
    struct sockaddr_un addr;
    AUTO_FD int fd = state_socket(d, &addr);
    if (fd < 0)
        return fd;
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0)
        return -errno;
    return TAKE_FD(fd);
}

int oci_state_connect(const struct oci_dir *d) {
    struct sockaddr_un addr;
    AUTO_FD int fd = state_socket(d, &addr);
    if (fd < 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return -errno;
    return TAKE_FD(fd);
}
