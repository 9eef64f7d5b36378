/* SPDX-License-Identifier: Apache-2.0 */
/* After a crash: whatever a dead process left is removed by the next command. */
#include "engine/container.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "machine/machine.h"
#include "monitor/bundle.h"
#include "net/holder.h"
#include "store/volume.h"
#include "sys/userns.h"

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

struct reconcile_net {
    const struct mon_bundle *b;
    int netns;
};

static int reconcile_net_run(void *data, struct err *e) {
    const struct reconcile_net *n = data;
    return net_detach(n->b->net, n->b->net_len, n->netns, e);
}

/* The ports of a rootless box are published in the user's own network namespace; when nobody holds
 * that, they have gone with it. */
static int reconcile_net(hako_engine *g, const struct mon_bundle *b, struct err *e) {
    struct reconcile_net n = {.b = b, .netns = -1};
    struct holder h = {.conn = -1, .userns = -1, .netns = -1};
    if (b->net_len == 0 || !g->rootless)
        return b->net_len ? reconcile_net_run(&n, e) : 0;
    int r = holder_find(g->runfd, &h, e);
    if (r <= 0)
        return r;
    n.netns = h.netns;
    r = userns_run_in(h.userns, reconcile_net_run, &n, e);
    holder_close(&h);
    return r;
}

static int reconcile_machine(hako_engine *g, int dirfd, const struct mon_live *live) {
    struct mon_bundle b;
    struct err e = {0};
    if (bundle_open(dirfd, &b, &e) < 0)
        return 0; /* damaged: there is no more to know */
    struct plan plan;
    int r = 0;
    if (plan_open(b.plan, b.plan_len, &plan, &e) == 0)
        r = machine_sweep(&plan, live->pid, live->pid_start, &e);
    int n = reconcile_net(g, &b, &e);
    bundle_close(&b);
    return r < 0 ? r : n;
}

static bool reconcile_there(const char *id, void *data) {
    hako_engine *g = data;
    return faccessat(g->containersfd, id, F_OK, 0) == 0 || errno != ENOENT;
}

static void reconcile_volumes(hako_engine *g, int dirfd) {
    AUTO_ARENA struct arena *a = arena_new();
    struct record rec;
    struct err ignored = {0};
    if (a && record_read(dirfd, a, &rec, &ignored) == 0)
        remove_volumes(g, &rec, &ignored);
}

/* One directory of a dead creator or remover. A --rm box's monitor may have died after it moved its
 * directory here and before it took the machine down. False: it is in use after all. */
static bool reconcile_dead(hako_engine *g, const char *name) {
    AUTO_FD int dirfd = openat(g->tmpfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct mon_live live;
    struct err ignored = {0};
    if (dirfd >= 0 && mon_probe(dirfd, &live) == 0) {
        if (live.running)
            return false;
        if (live.was_started && reconcile_machine(g, dirfd, &live) < 0)
            return false; /* the next one tries again */
    }
    if (dirfd >= 0 && str_starts(name, "new-"))
        remove_new_volumes(g, dirfd);
    if (dirfd >= 0 && str_ends(name, REMOVE_WITH_VOLUMES))
        reconcile_volumes(g, dirfd);
    return remove_tree(g, g->tmpfd, name, &ignored) == 0;
}

/* Nobody creates or removes while we hold tmp/ exclusively: all that is there is dead, and so is
 * whoever has a name or an address and no directory. */
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
        if (!held) { /* before the directories: who dies here is finished by the next */
            reconcile_names(g);
            lease_sweep(g->netfd, reconcile_there, g);
            io_sweep_temporary(g->netfd);
            volume_tidy(g->datafd);
        }
        held = true;
        reconcile_dead(g, d->d_name);
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
    struct err ignored = {0};
    reconcile_crashed(g, id, dirfd, &ignored);
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

static int reconcile_settle(hako_engine *g, const char *id, int dirfd, struct err *e) {
    struct mon_live live;
    struct record rec;
    int r = mon_probe(dirfd, &live);
    if (r < 0 || live.running || !live.was_started)
        return 0; /* another command was faster */
    AUTO_ARENA struct arena *a = arena_new();
    if (!a)
        return err_oom(e);
    int left = reconcile_machine(g, dirfd, &live);
    r = record_read(dirfd, a, &rec, e);
    if (r == 0 && rec.auto_remove)
        return container_destroy(g, &rec, true, e);
    struct mon_exit x = {.code = 137, .started_ns = live.started_ns, .finished_ns = now_unix_ns()};
    str_copy(x.error, sizeof(x.error), "the monitor of this container was killed");
    r = faccessat(dirfd, MON_EXIT, F_OK, 0) == 0 ? 0 : mon_write_exit(dirfd, &x);
    if (r == 0 && left == 0)
        r = mon_forget(dirfd);
    return r < 0 ? err_sysn(e, r, "container %.12s: cannot record its end", id) : 0;
}

int reconcile_crashed(hako_engine *g, const char *id, int dirfd, struct err *e) {
    while (flock(dirfd, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_sys(e, "container %.12s: cannot lock it", id);
    int r = reconcile_settle(g, id, dirfd, e);
    flock(dirfd, LOCK_UN);
    return r;
}
