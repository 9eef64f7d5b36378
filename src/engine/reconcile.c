/* SPDX-License-Identifier: Apache-2.0 */
/* After a crash: whatever a dead process left is removed by the next command. */
#include "engine/container.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "machine/machine.h"
#include "monitor/bundle.h"
#include "net/net.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static DIR *reconcile_dir(int dirfd) {
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        fd_close(&fd);
    return d;
}

/* Names that a dead creator or remover left pointing at nothing. */
static void reconcile_names(hako_engine *g) {
    DIR *dir = reconcile_dir(g->namesfd);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        char id[65] = {0};
        if (readlinkat(g->namesfd, d->d_name, id, sizeof(id)) != 64)
            continue;
        id[64] = 0;
        if (faccessat(g->containersfd, id, F_OK, 0) < 0 && errno == ENOENT)
            unlinkat(g->namesfd, d->d_name, 0);
    }
    if (dir)
        closedir(dir);
}

/* Nobody creates or removes while we hold tmp/ exclusively: all that is there is dead. */
static void reconcile_tmp(hako_engine *g) {
    DIR *dir = reconcile_dir(g->tmpfd);
    if (!dir)
        return;
    bool held = false;
    for (struct dirent *d; (d = readdir(dir));) {
        if (!str_starts(d->d_name, "new-") && !str_starts(d->d_name, "rm-"))
            continue;
        if (!held && flock(g->tmpfd, LOCK_EX | LOCK_NB) < 0)
            break;
        if (!held)
            reconcile_names(g);
        held = true;
        struct err ignored = {0};
        remove_tree(g, g->tmpfd, d->d_name, &ignored);
    }
    if (held)
        flock(g->tmpfd, LOCK_UN);
    closedir(dir);
}

static void reconcile_one(hako_engine *g, const char *id) {
    AUTO_FD int dirfd = openat(g->containersfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct mon_live live;
    if (dirfd < 0 || mon_probe(dirfd, &live) < 0 || live.running || !live.was_started)
        return;
    if (faccessat(dirfd, MON_EXIT, F_OK, 0) == 0)
        return;
    struct err ignored = {0};
    reconcile_crashed(g, id, dirfd, &live, &ignored);
}

void reconcile(hako_engine *g, size_t max) {
    reconcile_tmp(g);
    DIR *dir = reconcile_dir(g->containersfd);
    if (!dir)
        return;
    size_t n = 0;
    while (readdir(dir))
        n++;
    uint32_t start = 0;
    if (n > max && io_random(&start, sizeof(start)) == 0)
        start %= (uint32_t)n;
    rewinddir(dir);
    size_t i = 0, seen = 0;
    for (struct dirent *d; seen < max && (d = readdir(dir)); i++) {
        if (i < start || strlen(d->d_name) != 64)
            continue;
        seen++;
        reconcile_one(g, d->d_name);
    }
    closedir(dir);
}

static void reconcile_machine(int dirfd, const struct mon_live *live) {
    struct mon_bundle b;
    struct err e = {0};
    if (bundle_open(dirfd, &b, &e) < 0)
        return;
    struct plan plan;
    if (plan_open(b.plan, b.plan_len, &plan, &e) == 0)
        machine_sweep(&plan, live->pid, live->pid_start, &e);
    if (b.net_len)
        net_detach(b.net, b.net_len, -1, &e);
    bundle_close(&b);
}

int reconcile_crashed(hako_engine *g, const char *id, int dirfd, const struct mon_live *live,
                      struct err *e) {
    if (flock(dirfd, LOCK_EX | LOCK_NB) < 0)
        return 0; /* another command is at it */
    AUTO_ARENA struct arena *a = arena_new();
    struct record rec;
    if (!a)
        return err_oom(e);
    reconcile_machine(dirfd, live);
    int r = record_read(dirfd, a, &rec, e);
    if (r == 0 && rec.auto_remove)
        return container_destroy(g, &rec, true, e);
    struct mon_exit x = {.code = 137, .started_ns = live->started_ns, .finished_ns = now_unix_ns()};
    str_copy(x.error, sizeof(x.error), "the monitor of this container was killed");
    r = mon_write_exit(dirfd, &x);
    flock(dirfd, LOCK_UN);
    return r < 0 ? err_sysn(e, r, "container %.12s: cannot record its end", id) : 0;
}
