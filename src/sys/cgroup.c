/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/cgroup.h"

#include "base/io.h"
#include "base/str.h"
#include "sys/cgroup_walk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *cgroup_ctl_name(enum cgroup_ctl ctl, bool v2) {
    static const char *const names[CG_COUNT] = {
        [CG_CPU] = "cpu",         [CG_CPUACCT] = "cpuacct",   [CG_CPUSET] = "cpuset",
        [CG_MEMORY] = "memory",   [CG_PIDS] = "pids",         [CG_DEVICES] = "devices",
        [CG_FREEZER] = "freezer", [CG_IO] = "blkio",          [CG_HUGETLB] = "hugetlb",
        [CG_NET_CLS] = "net_cls", [CG_NET_PRIO] = "net_prio", [CG_RDMA] = "rdma",
        [CG_PERF] = "perf_event", [CG_MISC] = "misc",         [CG_NAMED] = "name=systemd",
    };

    return ctl == CG_IO && v2 ? "io" : names[ctl];
}

static int denied(struct err *e, int errnum, const char *what, const char *dir) {
    if (errnum != EACCES && errnum != EPERM && errnum != EROFS)
        return err_sysn(e, errnum, "%s %s", what, dir);
    return err_set(e, ERR_DENIED, -errnum,
                   "no cgroup write access: %s %s: %s; run as root, or have the group delegated "
                   "to you (systemd: Delegate=yes)",
                   what, dir, errnum == EROFS ? "read-only" : "permission denied");
}

/* Every missing parent of dir, from the top. 0 or -errno. */
static int make_parents(const char *dir) {
    char path[PATH_MAX];

    if (!str_copy(path, sizeof(path), dir))
        return -ENAMETOOLONG;
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST && access(path, F_OK) < 0)
            return -errno;
        *p = '/';
    }
    return 0;
}

int cgroup_mkdir(const char *dir, bool *made, struct err *e) {
    /* Another hako may remove an empty parent between our two calls: then once more. */
    for (int tries = 0; tries < 16; tries++) {
        if (mkdir(dir, 0755) == 0) {
            if (made)
                *made = true;
            return 0;
        }
        if (errno == EEXIST) {
            if (made)
                *made = false;
            return 0;
        }
        if (errno != ENOENT)
            return denied(e, errno, "make", dir);
        int r = make_parents(dir);
        if (r < 0 && r != -ENOENT)
            return denied(e, -r, "make", dir);
    }
    return err_sysn(e, ENOENT, "make %s", dir);
}

static int file_path(char *out, size_t size, const char *dir, const char *file) {
    int n = snprintf(out, size, "%s/%s", dir, file);

    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* The kernel takes one rule per write(2): every line is one. */
static int write_file(const char *dir, const char *file, const char *value) {
    char path[PATH_MAX];
    int r = file_path(path, sizeof(path), dir, file);

    if (r < 0)
        return r;
    AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    do {
        size_t n = strcspn(value, "\n");
        ssize_t k = write(fd, value, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if ((size_t)k != n)
            return -EIO; /* the rest would be another rule */
        value += n + (value[n] == '\n');
    } while (*value);
    return 0;
}

int cgroup_write(const char *dir, const char *file, const char *value, struct err *e) {
    int r = write_file(dir, file, value);

    if (r == 0)
        return 0;
    if (r == -EACCES || r == -EPERM || r == -EROFS)
        return denied(e, -r, file, dir);
    if (r == -ENOENT && access(dir, F_OK) < 0)
        return err_set(e, ERR_UNAVAILABLE, r,
                       "there is no cgroup %s: the box was made without this controller; set the "
                       "limit when the box is made",
                       dir);
    if (r == -ENOENT)
        return err_set(e, ERR_UNAVAILABLE, r, "this kernel's cgroup %s has no file %s", dir, file);
    return err_sysn(e, r, "write \"%s\" to %s/%s", value, dir, file);
}

/* Give dir/file the parent's value when it is empty. 0 or -errno. */
static int inherit(const char *dir, const char *parent, const char *file) {
    char path[PATH_MAX], value[4096];
    int r = file_path(path, sizeof(path), dir, file);

    if (r == 0)
        r = io_read_line(AT_FDCWD, path, value, sizeof(value));
    if (r < 0 || value[0] != '\0')
        return r;
    r = file_path(path, sizeof(path), parent, file);
    if (r == 0)
        r = io_read_line(AT_FDCWD, path, value, sizeof(value));
    return r < 0 ? r : write_file(dir, file, value);
}

int cgroup_inherit_cpuset(const char *dir, struct err *e) {
    char parent[PATH_MAX];

    if (!str_copy(parent, sizeof(parent), dir))
        return err_sysn(e, ENAMETOOLONG, "%s", dir);
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return err_sysn(e, EINVAL, "%s is no cgroup below a mount point", dir);
    *slash = '\0';
    int r = inherit(dir, parent, "cpuset.cpus");
    if (r == 0)
        r = inherit(dir, parent, "cpuset.mems");
    return r < 0 ? denied(e, -r, "set cpus and memory nodes of", dir) : 0;
}

/* Is every "+word" of `controllers` in the list `have`? */
static bool all_enabled(const char *have, const char *controllers) {
    for (const char *p = controllers; *p;) {
        size_t len = strcspn(p, " ");
        const char *word = p + (*p == '+');
        size_t wlen = len - (size_t)(word - p);
        bool found = false;
        for (const char *h = have; *h && !found;) {
            size_t hlen = strcspn(h, " ");
            found = hlen == wlen && strncmp(h, word, wlen) == 0;
            h += hlen + strspn(h + hlen, " ");
        }
        if (!found)
            return false;
        p += len + strspn(p + len, " ");
    }
    return true;
}

int cgroup_enable(const char *dir, const char *controllers, struct err *e) {
    char path[PATH_MAX], have[512];
    int r = file_path(path, sizeof(path), dir, "cgroup.subtree_control");

    if (r == 0)
        r = io_read_line(AT_FDCWD, path, have, sizeof(have));
    if (r == 0 && all_enabled(have, controllers))
        return 0;
    if (r == 0)
        r = io_write_kernel(AT_FDCWD, path, controllers);
    if (r == 0)
        return 0;
    if (r == -EBUSY)
        return err_set(e, ERR_CONFLICT, r,
                       "cannot give controllers (%s) to children of %s: it holds processes itself; "
                       "start hako from a group of its own (systemd-run --user --scope)",
                       controllers, dir);
    if (r == -ENOENT)
        return err_set(e, ERR_UNAVAILABLE, r, "controllers (%s) are not available in cgroup %s",
                       controllers, dir);
    return denied(e, -r, "enable controllers in", dir);
}

int cgroup_leaf(const char *dir, struct err *e) {
    char leaf[PATH_MAX];
    pid_t pids[256];
    int r = file_path(leaf, sizeof(leaf), dir, "hako-leaf");

    if (r < 0)
        return err_sysn(e, r, "%s", dir);
    r = cgroup_mkdir(leaf, NULL, e);
    if (r < 0)
        return r;
    /* Processes may fork while we move them; a parent with all its children moves at last. */
    for (int round = 0; round < 64; round++) {
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, "open %s", dir);
        ssize_t n = cgroup_walk_pids(fd, pids, ARRAY_SIZE(pids));
        close(fd);
        if (n < 0)
            return err_sysn(e, (int)n, "read processes of %s", dir);
        if (n == 0)
            return 0;
        for (ssize_t i = 0; i < n; i++) {
            r = cgroup_join_pid(leaf, pids[i]);
            if (r < 0 && r != -ESRCH)
                return denied(e, -r, "move a process to", leaf);
        }
    }
    return err_set(e, ERR_CONFLICT, -EBUSY, "processes of %s keep appearing", dir);
}

int cgroup_own(const char *dir, uid_t uid, struct err *e) {
    char list[1024] = "", path[PATH_MAX];
    AUTO_FD int fd = open("/sys/kernel/cgroup/delegate", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : io_read_full(fd, list, sizeof(list) - 1);

    list[n < 0 ? 0 : n] = '\0';
    if (n <= 0) /* before Linux 4.15 */
        str_copy(list, sizeof(list), "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
    if (chown(dir, uid, (gid_t)-1) < 0)
        return denied(e, errno, "give away", dir);
    for (char *p = list; *p;) {
        size_t len = strcspn(p, "\n");
        bool more = p[len] != '\0';
        p[len] = '\0';
        /* the list is of all controllers' files */
        if (file_path(path, sizeof(path), dir, p) == 0 && chown(path, uid, (gid_t)-1) < 0 &&
            errno != ENOENT)
            return denied(e, errno, "give away", path);
        p += len + more;
    }
    return 0;
}

int cgroup_open(const char *dir) {
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    return fd < 0 ? -errno : fd;
}

/* What pid's v2 path has beyond that of `dir`: "/a/b" of "0::/x/a/b" for "…/x"; NULL = not there.
 */
static const char *beyond(const char *dir, const char *path) {
    for (size_t n = strlen(path); n > 0; n--) {
        if (path[n] != '\0' && path[n] != '/')
            continue;
        size_t len = strlen(dir);
        if (len >= n && strncmp(dir + len - n, path, n) == 0)
            return path + n;
    }
    return NULL;
}

int cgroup_open_beside(const char *dir, pid_t pid) {
    char name[PATH_MAX], text[PATH_MAX];

    snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
    AUTO_FD int file = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : io_read_full(file, text, sizeof(text) - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    char *path = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!path)
        return -ENOENT;
    path = strchr(path, '/');
    if (!path)
        return -ENOENT;
    path[strcspn(path, "\n")] = '\0';
    const char *rest = beyond(dir, path);
    if (!rest || snprintf(name, sizeof(name), "%s%s", dir, rest) >= (int)sizeof(name))
        return -ENOENT;
    return cgroup_open(name);
}

int cgroup_join_v1(const char *dir) {
    return write_file(dir, "tasks", "0");
}

int cgroup_join_pid(const char *dir, pid_t pid) {
    char value[24];

    snprintf(value, sizeof(value), "%d", (int)pid);
    return write_file(dir, "cgroup.procs", value);
}

size_t cgroup_dirs(const struct cgroup_set *s, const char **dirs) {
    size_t n = 0;

    if (s->v2)
        dirs[n++] = s->v2;
    for (int c = 0; c < CG_COUNT; c++) {
        bool known = !s->ctl[c];
        for (size_t i = 0; i < n && !known; i++)
            known = strcmp(dirs[i], s->ctl[c]) == 0;
        if (!known)
            dirs[n++] = s->ctl[c];
    }
    return n;
}

bool cgroup_populated(const struct cgroup_set *s) {
    pid_t pid;

    return cgroup_pids(s, &pid, 1) > 0;
}
