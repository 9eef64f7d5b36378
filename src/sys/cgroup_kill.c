/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a machine's processes and groups; see the theory of operation in cgroup.h. */
#include "base/io.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/cgroup_walk.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum { BATCH = 64 };

static int64_t deadline_in(int ms) {
    return now_mono_ns() + (int64_t)ms * 1000000;
}

static int ms_left(int64_t deadline) {
    int64_t left = (deadline - now_mono_ns() + 999999) / 1000000;

    return left < 0 ? 0 : (int)left;
}

/* One visit of everything in dir: fn(pid) for each process. Number seen or -errno. */
static ssize_t each_pid(const char *dir, void (*fn)(pid_t pid, void *data), void *data) {
    struct cgroup_walk w;
    pid_t pids[1024];
    ssize_t seen = 0;
    int r = cgroup_walk_begin(&w, dir);

    if (r < 0)
        return r == -ENOENT || r == -ENODEV ? 0 : r;
    while ((r = cgroup_walk_next(&w)) > 0) {
        ssize_t n = cgroup_walk_pids(w.fd, pids, ARRAY_SIZE(pids));
        if (n < 0) {
            r = (int)n;
            break;
        }
        for (ssize_t i = 0; i < n; i++)
            fn(pids[i], data);
        seen += n;
    }
    cgroup_walk_end(&w);
    return r < 0 ? r : seen;
}

static void ignore(pid_t pid, void *data) {
}

static void send_signal(pid_t pid, void *data) {
    kill(pid, *(const int *)data);
}

int cgroup_signal(const struct cgroup_set *s, int signo, struct err *e) {
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(s, dirs);

    if (n == 0)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                       "cannot signal every process: this box has no cgroup");
    /* All groups of a set hold the same processes: one suffices, and nobody is hit twice. */
    ssize_t r = each_pid(dirs[0], send_signal, &signo);
    return r < 0 ? err_sysn(e, (int)r, "signal processes of %s", dirs[0]) : 0;
}

struct collected {
    pid_t *ret;
    size_t n, max;
};

static void collect(pid_t pid, void *data) {
    struct collected *c = data;

    if (c->n < c->max)
        c->ret[c->n++] = pid;
}

ssize_t cgroup_pids(const struct cgroup_set *s, pid_t *ret, size_t max) {
    const char *dirs[CG_COUNT + 1];
    struct collected c = {.ret = ret, .max = max};

    if (cgroup_dirs(s, dirs) == 0)
        return 0;
    ssize_t r = each_pid(dirs[0], collect, &c);
    return r < 0 ? r : (ssize_t)c.n;
}

/* The value of "key N" in the flat file `fd`, -1 when missing. */
static int event_value(int fd, const char *key) {
    char buf[256];
    ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

    if (n < 0)
        return -1;
    buf[n] = '\0';
    for (const char *p = buf; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
        size_t len = strlen(key);
        if (strncmp(p, key, len) == 0 && p[len] == ' ')
            return p[len + 1] - '0';
    }
    return -1;
}

/* Wait until cgroup.events of a v2 group says so. 0, -ETIMEDOUT, -ENOENT (no group) or -errno. */
static int wait_event(const char *dir, const char *key, int value, int64_t deadline) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/cgroup.events", dir);

    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (;;) {
        int now = event_value(fd, key);
        if (now == value || now < 0)
            return now < 0 ? -ENOENT : 0;
        int left = ms_left(deadline);
        if (left == 0)
            return -ETIMEDOUT;
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        if (poll(&p, 1, left) < 0 && errno != EINTR)
            return -errno;
    }
}

static int put(const char *dir, const char *file, const char *value) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    return io_write_kernel(AT_FDCWD, path, value);
}

/* Wait for the death of up to BATCH processes. */
static void wait_dead(const struct collected *c, int64_t deadline) {
    for (size_t i = 0; i < c->n; i++) {
        AUTO_FD int fd = (int)syscall(SYS_pidfd_open, c->ret[i], 0);
        if (fd < 0)
            continue;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        while (poll(&p, 1, ms_left(deadline)) < 0 && errno == EINTR) {
        }
    }
}

/* SIGKILL and wait, again until a visit finds nobody: for v1 and for kernels before 5.14. */
static int kill_by_hand(const char *dir, int64_t deadline) {
    int sig = SIGKILL;

    for (;;) {
        pid_t pids[BATCH];
        struct collected c = {.ret = pids, .max = BATCH};
        ssize_t n = each_pid(dir, send_signal, &sig);
        if (n == 0)
            return 0;
        if (n > 0)
            n = each_pid(dir, collect, &c);
        if (n < 0)
            return (int)n;
        wait_dead(&c, deadline);
        if (n > 0 && ms_left(deadline) == 0)
            return -ETIMEDOUT;
    }
}

static int kill_v2(const char *dir, int64_t deadline) {
    int r = put(dir, "cgroup.kill", "1");

    if (r == -ENOENT && access(dir, F_OK) < 0)
        return 0;
    if (r == -ENOENT) { /* kernel before 5.14 */
        put(dir, "cgroup.freeze", "1");
        r = kill_by_hand(dir, deadline);
        return r;
    }
    if (r < 0)
        return r == -ENODEV ? 0 : r;
    r = wait_event(dir, "populated", 0, deadline);
    return r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* v1: nobody may be born while we look, so none of them runs, or none may fork. */
static int kill_v1(const struct cgroup_set *s, const char *const *dirs, size_t n,
                   int64_t deadline) {
    const char *freezer = s->ctl[CG_FREEZER], *pids = s->ctl[CG_PIDS];
    char limit[32] = "", path[PATH_MAX];
    int r = 0, sig = SIGKILL;
    bool somebody = false;

    for (size_t i = 0; i < n && !somebody; i++)
        somebody = each_pid(dirs[i], ignore, NULL) != 0;
    if (!somebody)
        return 0;

    if (freezer && put(freezer, "freezer.state", "FROZEN") == 0)
        each_pid(freezer, send_signal, &sig);
    if (!freezer && pids && snprintf(path, sizeof(path), "%s/pids.max", pids) < PATH_MAX &&
        io_read_line(AT_FDCWD, path, limit, sizeof(limit)) == 0)
        put(pids, "pids.max", "0");
    /* Frozen processes die only when thawed, whoever froze them. */
    if (freezer)
        put(freezer, "freezer.state", "THAWED");
    /* A child killed between two joins is in some of the groups only. */
    for (size_t i = 0; i < n && r == 0; i++)
        r = kill_by_hand(dirs[i], deadline);
    if (limit[0])
        put(pids, "pids.max", limit);
    return r;
}

int cgroup_kill(const struct cgroup_set *s, int timeout_ms, struct err *e) {
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(s, dirs);
    int64_t deadline = deadline_in(timeout_ms);
    /* v2 holds everybody from birth. */
    int r = s->v2 ? kill_v2(s->v2, deadline) : kill_v1(s, dirs, n, deadline);

    if (r == -ETIMEDOUT)
        return err_set(e, ERR_INTERNAL, r, "processes of %s do not die within %d ms", dirs[0],
                       timeout_ms);
    return r < 0 ? err_sysn(e, r, "kill processes of %s", dirs[0]) : 0;
}

int cgroup_freeze(const struct cgroup_set *s, bool frozen, struct err *e) {
    int64_t deadline = deadline_in(10000);
    char state[32], path[PATH_MAX];
    int r;

    if (s->v2) {
        /* somebody else may have used v1's on a hybrid host */
        if (!frozen && s->ctl[CG_FREEZER])
            put(s->ctl[CG_FREEZER], "freezer.state", "THAWED");
        r = put(s->v2, "cgroup.freeze", frozen ? "1" : "0");
        if (r == 0)
            r = wait_event(s->v2, "frozen", frozen, deadline);
        return r < 0 ? err_sysn(e, r, "%s %s", frozen ? "freeze" : "thaw", s->v2) : 0;
    }
    const char *dir = s->ctl[CG_FREEZER];
    if (!dir)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "cannot pause: this box has no freezer cgroup (run as root, or on a host "
                       "with cgroup v2)");
    const char *want = frozen ? "FROZEN" : "THAWED";
    r = put(dir, "freezer.state", want);
    int n = snprintf(path, sizeof(path), "%s/freezer.state", dir);
    if (n < 0 || (size_t)n >= sizeof(path))
        r = -ENAMETOOLONG;
    /* v1 has no event to wait for; reading makes the kernel look again. */
    while (r == 0 && (r = io_read_line(AT_FDCWD, path, state, sizeof(state))) == 0 &&
           strcmp(state, want) != 0) {
        if (ms_left(deadline) == 0)
            r = -ETIMEDOUT;
        else
            poll(NULL, 0, 1);
    }
    return r < 0 ? err_sysn(e, r, "%s %s", frozen ? "freeze" : "thaw", dir) : 0;
}

/* The first word of a file is `want`. */
static bool says(const char *dir, const char *file, const char *want) {
    char path[PATH_MAX], word[32];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    return n > 0 && (size_t)n < sizeof(path) &&
           io_read_line(AT_FDCWD, path, word, sizeof(word)) == 0 && strcmp(word, want) == 0;
}

bool cgroup_is_frozen(const struct cgroup_set *s) {
    const char *v1 = s->ctl[CG_FREEZER];

    if (s->v2 && says(s->v2, "cgroup.freeze", "1"))
        return true;
    return v1 && (says(v1, "freezer.state", "FROZEN") || says(v1, "freezer.state", "FREEZING"));
}

/* rmdir dir and every group beneath, deepest first. 0 or -errno. */
static int remove_group(const char *dir) {
    char name[256];

    if (rmdir(dir) == 0 || errno == ENOENT)
        return 0;
    if (errno != EBUSY && errno != ENOTEMPTY)
        return -errno;
    AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    unsigned depth = 0;
    bool came_up = false;
    while (fd >= 0) {
        int r = cgroup_walk_child(fd, 0, name, sizeof(name));
        if (r < 0)
            return r;
        int next;
        if (r > 0 && (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)) {
            came_up = false;
            continue;
        }
        if (r > 0 && came_up) /* its children are gone, so it holds processes */
            return -EBUSY;
        if (r == 0 && depth == 0)
            break;
        next = openat(fd, r > 0 ? name : "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (next < 0)
            return -errno;
        came_up = r == 0;
        depth = r > 0 ? depth + 1 : depth - 1;
        fd_close(&fd);
        fd = next;
    }
    return rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(const struct cgroup_set *s, struct err *e) {
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(s, dirs);
    int first = 0;

    for (size_t i = 0; i < n; i++) {
        int r = remove_group(dirs[i]);
        if (r == -EBUSY) { /* a process that was moved here from outside the set */
            r = kill_by_hand(dirs[i], deadline_in(1000));
            r = r < 0 ? r : remove_group(dirs[i]);
        }
        if (r < 0 && first == 0) {
            first = r;
            err_sysn(e, r, "remove cgroup %s", dirs[i]);
        }
    }
    return first;
}

int cgroup_leave(const struct cgroup_set *s, struct err *e) {
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(s, dirs);
    int64_t deadline = deadline_in(100);
    int first = 0;

    for (size_t i = 0; i < n; i++) {
        int r = remove_group(dirs[i]);
        while (r == -EBUSY && ms_left(deadline) > 0) {
            pid_t pids[BATCH];
            struct collected c = {.ret = pids, .max = BATCH};
            if (each_pid(dirs[i], collect, &c) <= 0)
                break;
            wait_dead(&c, deadline);
            r = remove_group(dirs[i]);
        }
        if (r < 0 && r != -EBUSY && first == 0) {
            first = r;
            err_sysn(e, r, "remove cgroup %s", dirs[i]);
        }
    }
    return first;
}

void cgroup_remove_parent(const char *dir) {
    char parent[PATH_MAX];

    if (!str_copy(parent, sizeof(parent), dir))
        return;
    char *slash = strrchr(parent, '/');
    if (slash && slash != parent) {
        *slash = '\0';
        rmdir(parent);
    }
}
