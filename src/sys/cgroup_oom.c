/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/cgroup_oom.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

static int path_of(char *out, size_t size, const char *dir, const char *file) {
    int n = snprintf(out, size, "%s/%s", dir, file);

    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int open_v1(const char *dir, struct err *e) {
    char path[PATH_MAX], words[64];
    AUTO_FD int events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (events < 0)
        return err_sys(e, "eventfd");
    int r = path_of(path, sizeof(path), dir, "memory.oom_control");
    AUTO_FD int control = r < 0 ? r : open(path, O_RDONLY | O_CLOEXEC);
    if (control < 0)
        return err_sys(e, "open %s/memory.oom_control", dir);
    snprintf(words, sizeof(words), "%d %d", events, control);
    r = path_of(path, sizeof(path), dir, "cgroup.event_control");
    if (r == 0)
        r = io_write_kernel(AT_FDCWD, path, words);
    return r < 0 ? err_sysn(e, r, "listen for out-of-memory in %s", dir) : TAKE_FD(events);
}

static int open_v2(const char *dir, struct err *e) {
    char path[PATH_MAX];
    AUTO_FD int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd < 0)
        return err_sys(e, "inotify");
    int r = path_of(path, sizeof(path), dir, "memory.events");
    if (r < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
        return err_sys(e, "watch %s/memory.events", dir);
    /* told when the last process leaves: the group itself goes without a word */
    r = path_of(path, sizeof(path), dir, "cgroup.events");
    if (r < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
        return err_sys(e, "watch %s/cgroup.events", dir);
    return TAKE_FD(fd);
}

static uint64_t kills(const char *dir) {
    return cgroup_oom_kills(&(struct cgroup_set){.v2 = dir});
}

int cgroup_oom_open(const struct cgroup_set *s, struct cgroup_oom *ret, struct err *e) {
    struct cgroup_oom o = {.v2 = !s->ctl[CG_MEMORY],
                           .dir = s->ctl[CG_MEMORY] ? s->ctl[CG_MEMORY] : s->v2};

    if (!o.dir || (o.v2 && !(s->v2_ctls & CG_BIT(CG_MEMORY))))
        return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                       "no news of out-of-memory: this container has no memory cgroup");
    o.seen = o.v2 ? kills(o.dir) : 0;
    o.fd = o.v2 ? open_v2(o.dir, e) : open_v1(o.dir, e);
    if (o.fd < 0)
        return o.fd;
    *ret = o;
    return 0;
}

static bool populated(const char *dir) {
    char path[PATH_MAX], text[128];
    AUTO_FD int fd = path_of(path, sizeof(path), dir, "cgroup.events") < 0
                         ? -1
                         : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : io_read_full(fd, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    return strstr(text, "populated 1") != NULL;
}

static int next_v2(struct cgroup_oom *o) {
    _Alignas(struct inotify_event) char events[4096];

    while (read(o->fd, events, sizeof(events)) > 0) {
    }
    uint64_t now = kills(o->dir);
    if (now > o->seen) {
        o->seen = now;
        return 1;
    }
    return populated(o->dir) ? 0 : -ENOENT;
}

static int next_v1(struct cgroup_oom *o) {
    char path[PATH_MAX];
    uint64_t count;
    ssize_t n = read(o->fd, &count, sizeof(count));

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    /* the end of the group is an event too */
    int r = path_of(path, sizeof(path), o->dir, "cgroup.event_control");
    if (r < 0)
        return r;
    return access(path, F_OK) < 0 ? -ENOENT : 1;
}

int cgroup_oom_next(struct cgroup_oom *o) {
    return o->v2 ? next_v2(o) : next_v1(o);
}

void cgroup_oom_close(struct cgroup_oom *o) {
    fd_close(&o->fd);
}
