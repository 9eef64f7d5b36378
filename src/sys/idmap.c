/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/idmap.h"

#include "base/io.h"
#include "sys/syscalls.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct idmap_range {
    uint64_t inside, outside, size;
};

static bool idmap_number(const char **s, uint64_t *ret) {
    uint64_t v = 0;
    *s += strspn(*s, " \t");
    size_t n = strspn(*s, "0123456789");
    if (n == 0 || n > 10)
        return false;
    for (; n; n--, (*s)++)
        v = v * 10 + (uint64_t)(**s - '0');
    *ret = v;
    return true;
}

/* Next line; 1, 0 at the end, -EINVAL. */
static int idmap_next(const char **s, struct idmap_range *ret) {
    *s += strspn(*s, "\n");
    if (!**s)
        return 0;
    if (!idmap_number(s, &ret->inside) || !idmap_number(s, &ret->outside) ||
        !idmap_number(s, &ret->size))
        return -EINVAL;
    *s += strspn(*s, " \t");
    return **s == '\n' || !**s ? 1 : -EINVAL;
}

/* How many ids from `first` on lie in one piece of our own map; 0 = not mapped. */
static uint64_t idmap_piece(const char *own, uint64_t first) {
    struct idmap_range r;
    while (idmap_next(&own, &r) > 0) {
        if (first >= r.inside && first < r.inside + r.size)
            return r.inside + r.size - first;
    }
    return 0;
}

int idmap_split(const char *map, const char *own, char *out, size_t size) {
    struct idmap_range r;
    size_t at = 0;
    int more;

    while ((more = idmap_next(&map, &r)) > 0) {
        while (r.size) {
            uint64_t n = idmap_piece(own, r.outside);
            n = MIN_OF(n ? n : r.size, r.size);
            int w = snprintf(out + at, size - at, "%llu %llu %llu\n", (unsigned long long)r.inside,
                             (unsigned long long)r.outside, (unsigned long long)n);
            if (w < 0 || (size_t)w >= size - at)
                return -E2BIG;
            at += (size_t)w;
            r.inside += n;
            r.outside += n;
            r.size -= n;
        }
    }
    return more < 0 ? more : at ? 0 : -EINVAL;
}

static int idmap_write_one(pid_t pid, const char *which, const char *map) {
    char path[64], own[4096], text[4096];

    snprintf(path, sizeof(path), "/proc/self/%s", which);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = io_read_full(fd, own, sizeof(own) - 1);
    close(fd);
    if (n < 0)
        return (int)n;
    own[n] = 0;
    int r = idmap_split(map, own, text, sizeof(text));
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
    return io_write_kernel(AT_FDCWD, path, text);
}

int idmap_write(pid_t pid, const char *uid, const char *gid) {
    int r = idmap_write_one(pid, "gid_map", gid);
    return r < 0 ? r : idmap_write_one(pid, "uid_map", uid);
}

static int idmap_ranges(const char *map, struct userns_map *ret) {
    struct idmap_range r;
    int more;
    while ((more = idmap_next(&map, &r)) > 0) {
        if (ret->n == USERNS_MAX_RANGES)
            return -E2BIG;
        ret->v[ret->n++] =
            (struct userns_range){(uint32_t)r.inside, (uint32_t)r.outside, (uint32_t)r.size};
    }
    return more;
}

static bool idmap_is_own(const struct userns_map *m, uint32_t id) {
    return m->n == 1 && m->v[0].size == 1 && m->v[0].outside == id;
}

int idmap_write_helped(pid_t pid, const char *uid, const char *gid, struct err *e) {
    struct userns_maps m = {0};
    int r = idmap_ranges(uid, &m.uid);
    if (r == 0)
        r = idmap_ranges(gid, &m.gid);
    if (r < 0)
        return err_sysn(e, r, "cannot map the box's users: at most %d ranges", USERNS_MAX_RANGES);
    m.single = idmap_is_own(&m.uid, geteuid()) && idmap_is_own(&m.gid, getegid());
    return userns_write_maps(pid, &m, e);
}

/* A process of the new namespace waits until its maps are written and the namespace is held. */
int idmap_userns(const char *uid, const char *gid) {
    int ends[2];
    char byte, path[64];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    struct clone_args args = {.flags = CLONE_NEWUSER};
    int pid = sys_clone3(&args);
    if (pid == 0) {
        close(ends[1]);
        (void)!read(ends[0], &byte, 1);
        _exit(0);
    }
    int r = pid < 0 ? -errno : idmap_write(pid, uid, gid);
    if (r == 0) {
        snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
        r = open(path, O_RDONLY | O_CLOEXEC);
        r = r < 0 ? -errno : r;
    }
    close(ends[0]);
    close(ends[1]);
    while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
    return r;
}
