/* SPDX-License-Identifier: Apache-2.0 */
/* Finding containers and reading their state. */
#include "engine/container.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool container_is_hex(const char *s) {
    return s[0] && strspn(s, "0123456789abcdef") == strlen(s) && strlen(s) <= 64;
}

static int container_by_name(hako_engine *g, const char *name, char id[65]) {
    char target[66];
    if (strchr(name, '/') || str_empty(name))
        return -ENOENT;
    ssize_t n = readlinkat(g->namesfd, name, target, sizeof(target) - 1);
    if (n != 64)
        return -ENOENT;
    target[n] = 0;
    if (!container_is_hex(target) || faccessat(g->containersfd, target, F_OK, 0) < 0)
        return -ENOENT;
    memcpy(id, target, 65);
    return 0;
}

static int container_by_prefix(hako_engine *g, const char *prefix, char id[65], struct err *e) {
    int fd = openat(g->containersfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        fd_close(&fd);
        return err_sys(e, "cannot list containers");
    }
    size_t found = 0;
    for (struct dirent *d; (d = readdir(dir));) {
        if (!str_starts(d->d_name, prefix) || strlen(d->d_name) != 64)
            continue;
        memcpy(id, d->d_name, 65);
        found++;
    }
    closedir(dir);
    if (found > 1)
        return err_set(e, ERR_CONFLICT, -EEXIST,
                       "multiple containers found with provided prefix: %s", prefix);
    return found ? 0 : -ENOENT;
}

int container_resolve(hako_engine *g, const char *name, char id[65], struct err *e) {
    const char *n = name[0] == '/' ? name + 1 : name;
    if (container_by_name(g, n, id) == 0)
        return 0;
    if (container_is_hex(n)) {
        int r = container_by_prefix(g, n, id, e);
        if (r != -ENOENT)
            return r;
    }
    return err_set(e, ERR_NOT_FOUND, -ENOENT, "No such container: %s", name);
}

bool container_exists(hako_engine *g, const char *id) {
    char tmp[80];
    snprintf(tmp, sizeof(tmp), "new-%s", id);
    return faccessat(g->containersfd, id, F_OK, 0) == 0 || faccessat(g->tmpfd, tmp, F_OK, 0) == 0;
}

int container_open_id(hako_engine *g, const char *id, hako_container **ret, struct err *e) {
    hako_container *c = calloc(1, sizeof(*c));
    if (!c)
        return err_oom(e);
    c->g = g;
    c->sock = -1;
    c->a = arena_new();
    str_copy(c->id, sizeof(c->id), id);
    c->dirfd = openat(g->containersfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;
    if (c->dirfd < 0)
        r = errno == ENOENT ? err_set(e, ERR_NOT_FOUND, -ENOENT, "No such container: %s", id)
                            : err_sys(e, "container %s", id);
    c->path = c->a ? arena_printf(c->a, "%s/containers/%s", g->data, id) : NULL;
    if (r == 0 && !c->path)
        r = err_oom(e);
    if (r == 0)
        r = record_read(c->dirfd, c->a, &c->rec, e);
    if (r < 0 && e->kind == ERR_CORRUPT)
        err_set(e, ERR_CORRUPT, r,
                "container %.12s: its record is damaged: remove the directory %s to be rid of it",
                id, c->path);
    if (r < 0) {
        hako_container_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

int hako_container_open(hako_engine *g, const char *name, hako_container **ret, hako_error *he) {
    struct err *e = as_err(he);
    char id[65];
    int r = container_resolve(g, name, id, e);
    if (r < 0)
        return r;
    AUTO_FD int dirfd = openat(g->containersfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct container_state st;
    if (dirfd < 0 || container_state(g, id, dirfd, &st, e) == -ENOENT)
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "No such container: %s", name);
    return container_open_id(g, id, ret, e);
}

void hako_container_close(hako_container *c) {
    if (!c)
        return;
    fd_close(&c->sock);
    fd_close(&c->dirfd);
    arena_free(c->a);
    free(c);
}

const char *hako_container_id(const hako_container *c) {
    return c->id;
}

const char *hako_container_name(const hako_container *c) {
    return c->rec.name;
}

bool hako_container_tty(const hako_container *c) {
    return c->rec.tty;
}

bool hako_container_interactive(const hako_container *c) {
    return c->rec.open_stdin;
}

int container_connect(hako_container *c, struct err *e) {
    if (c->sock >= 0)
        return 0;
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r < 0)
        return r;
    if (st.status != HAKO_RUNNING && st.status != HAKO_PAUSED)
        return err_set(e, ERR_CONFLICT, -ESRCH, "container %.12s is not running", c->id);
    return mon_connect(c->dirfd, &c->sock, e);
}

/* What could not be started was only created, as docker has it; its error and code are kept. */
static enum hako_status container_ended(const struct mon_exit *x) {
    return x->started_ns ? HAKO_EXITED : HAKO_CREATED;
}

int container_state(hako_engine *g, const char *id, int dirfd, struct container_state *ret,
                    struct err *e) {
    struct container_state st = {0};
    int r = mon_probe(dirfd, &st.live);
    if (r < 0 && r != -ENOENT)
        return err_sysn(e, r, "container %.12s: cannot read its state", id);
    if (st.live.running) {
        st.status = st.live.paused ? HAKO_PAUSED : HAKO_RUNNING;
    } else {
        bool swept = st.live.was_started;
        r = swept ? reconcile_crashed(g, id, dirfd, e) : 0;
        if (r < 0)
            return r;
        if (mon_read_exit(dirfd, &st.exit) == 0)
            st.status = container_ended(&st.exit);
        else if (swept)
            return -ENOENT;
        else
            st.status = HAKO_CREATED;
    }
    *ret = st;
    return 0;
}

char *container_status_text(struct arena *a, const struct container_state *s) {
    char since[32];
    int64_t now = now_unix_ns();
    switch (s->status) {
    case HAKO_CREATED:
        return arena_strdup(a, "Created");
    case HAKO_RUNNING:
    case HAKO_PAUSED:
        str_human_duration((now - s->live.started_ns) / 1000000000, since);
        return arena_printf(a, "Up %s%s", since, s->status == HAKO_PAUSED ? " (Paused)" : "");
    case HAKO_EXITED:
    case HAKO_DEAD:
        str_human_duration((now - s->exit.finished_ns) / 1000000000, since);
        return arena_printf(a, "Exited (%d) %s ago", s->exit.code, since);
    }
    return NULL;
}
