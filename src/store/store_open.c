/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "store/staging.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Only the owner may look inside: layers hold other people's old set-user-id programs. */
static int store_dir(int parent, const char *name, int *ret, struct err *e) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
            return err_sys(e, "cannot make directory %s", name);
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd < 0)
        return err_sys(e, "cannot open directory %s", name);
    *ret = fd;
    return 0;
}

int store_open(int rootfd, const char *root_path, bool userxattr, struct arena *a,
               struct store *ret, struct err *e) {
    struct store s = {-1, -1, -1, -1, -1, NULL, userxattr};
    s.root = arena_printf(a, "%s/store", strcmp(root_path, "/") == 0 ? "" : root_path);
    if (!s.root)
        return err_oom(e);
    int r = store_dir(rootfd, "store", &s.rootfd, e);
    if (r == 0)
        r = store_dir(s.rootfd, "layers", &s.layersfd, e);
    if (r == 0)
        r = store_dir(s.rootfd, "images", &s.imagesfd, e);
    if (r == 0)
        r = store_dir(s.rootfd, "refs", &s.refsfd, e);
    if (r == 0)
        r = store_dir(s.rootfd, "tmp", &s.tmpfd, e);
    if (r < 0) {
        store_close(&s);
        return err_wrap(e, "image store %s", s.root);
    }
    staging_sweep(&s);
    *ret = s;
    return 0;
}

void store_close(struct store *s) {
    fd_close(&s->tmpfd);
    fd_close(&s->refsfd);
    fd_close(&s->imagesfd);
    fd_close(&s->layersfd);
    fd_close(&s->rootfd);
}

static int store_flock(const struct store *s, const char *name, int how, int *ret_fd,
                       struct err *e) {
    AUTO_FD int fd = openat(s->rootfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(e, "cannot open %s/%s", s->root, name);
    while (flock(fd, how) < 0) {
        if (errno == EWOULDBLOCK)
            return -EWOULDBLOCK;
        if (errno != EINTR)
            return err_sys(e, "cannot lock %s/%s", s->root, name);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int store_lock(const struct store *s, bool exclusive, int *ret_fd, struct err *e) {
    return store_flock(s, "lock", exclusive ? LOCK_EX : LOCK_SH, ret_fd, e);
}

int store_pulling(const struct store *s, int *ret_fd, struct err *e) {
    return store_flock(s, "pull.lock", LOCK_SH, ret_fd, e);
}

int store_no_pulls(const struct store *s, int *ret_fd, struct err *e) {
    return store_flock(s, "pull.lock", LOCK_EX | LOCK_NB, ret_fd, e);
}
