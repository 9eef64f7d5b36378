/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of a box: the standard ones, the files hako writes, then the user's by depth. */
#include "engine/box.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

struct standard_mount {
    const char *target, *type, *source, *options; /* options: comma-separated */
};

static const struct standard_mount standard_mounts[] = {
    {"/proc", "proc", "proc", "nosuid,noexec,nodev"},
    {"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
    {"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,ro"},
    {"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
};

static int mounts_options(struct arena *a, struct strlist *list, const char *csv) {
    char *copy = arena_strdup(a, csv);
    int r = copy ? 0 : -ENOMEM;
    for (char *p = copy; r == 0 && p && *p;) {
        size_t n = strcspn(p, ",");
        bool last = !p[n];
        p[n] = 0;
        if (*p)
            r = strlist_add(a, list, p);
        p += last ? n : n + 1;
    }
    return r;
}

static int mounts_add(const struct box *b, struct rt_spec *s, const char *target, const char *type,
                      const char *source, const char *options) {
    struct rt_mount m = {.destination = arena_strdup(b->a, target),
                         .type = arena_strdup(b->a, type),
                         .source = arena_strdup(b->a, source)};
    if (!m.destination || mounts_options(b->a, &m.options, options) < 0)
        return -ENOMEM;
    s->mounts[s->n_mounts++] = m;
    return 0;
}

static bool mounts_exactly(const struct box *b, const char *target) {
    for (size_t i = 0; i < b->n_mounts; i++)
        if (str_eq(b->mounts[i].rq.target, target))
            return true;
    return false;
}

/* The user mounts there, or above it: then ours must not hide it. */
static bool mounts_taken(const struct box *b, const char *target) {
    for (size_t i = 0; i < b->n_mounts; i++) {
        const char *t = b->mounts[i].rq.target;
        size_t n = strlen(t);
        if (strncmp(target, t, n) == 0 && (target[n] == 0 || target[n] == '/'))
            return true;
    }
    return false;
}

/* sysfs and proc of namespaces that are not ours may not be mounted anew by a user: bind. */
static bool mounts_must_bind(const struct box *b, const char *type) {
    if (!b->host.rootless)
        return false;
    return (str_eq(type, "sysfs") && b->join[RT_NS_NET]) ||
           (str_eq(type, "proc") && b->join[RT_NS_PID]) ||
           (str_eq(type, "mqueue") && b->join[RT_NS_IPC]);
}

static int mounts_standard(const struct box *b, struct rt_spec *s) {
    for (size_t i = 0; i < ARRAY_SIZE(standard_mounts); i++) {
        const struct standard_mount *m = &standard_mounts[i];
        const char *options = m->options;
        if (mounts_taken(b, m->target))
            continue;
        if (mounts_must_bind(b, m->type)) {
            const char *rw = str_eq(m->type, "sysfs") ? "rbind,nosuid,noexec,nodev,rro" : "rbind";
            if (mounts_add(b, s, m->target, "bind", m->target, rw) < 0)
                return -ENOMEM;
            continue;
        }
        if (str_eq(m->type, "devpts") && b->host.rootless && b->ids <= 5)
            options = "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620";
        if (b->sec.privileged && str_ends(options, ",ro"))
            options = "nosuid,noexec,nodev";
        if (mounts_add(b, s, m->target, m->type, m->source, options) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int mounts_shm(const struct box *b, struct rt_spec *s) {
    char options[96];
    if (mounts_taken(b, "/dev/shm"))
        return 0;
    if (b->join[RT_NS_IPC] && !b->join[RT_NS_IPC][0])
        return mounts_add(b, s, "/dev/shm", "bind", "/dev/shm", "rbind,nosuid,noexec,nodev");
    uint64_t size = b->o->shm_size ? b->o->shm_size : BOX_DEFAULT_SHM;
    snprintf(options, sizeof(options), "nosuid,noexec,nodev,mode=1777,size=%llu",
             (unsigned long long)size);
    return mounts_add(b, s, "/dev/shm", "tmpfs", "shm", options);
}

/* hosts, hostname and resolv.conf: hako's own files, writable, in the box's directory. */
static int mounts_files(const struct box *b, struct rt_spec *s) {
    static const char *const names[] = {"resolv.conf", "hostname", "hosts"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char target[32];
        snprintf(target, sizeof(target), "/etc/%s", names[i]);
        char *source = arena_printf(b->a, "%s/%s", b->path, names[i]);
        if (mounts_exactly(b, target))
            continue;
        if (!source || mounts_add(b, s, target, "bind", source, "bind,rprivate") < 0)
            return -ENOMEM;
    }
    return 0;
}

static int mounts_tmpfs(const struct box *b, struct rt_spec *s, const struct mount_request *rq) {
    char extra[64];
    struct rt_mount m = {.destination = rq->target,
                         .type = arena_strdup(b->a, "tmpfs"),
                         .source = arena_strdup(b->a, "tmpfs")};
    int r = mounts_options(b->a, &m.options, "nosuid,nodev,noexec");
    for (size_t i = 0; r == 0 && i < rq->options.n; i++)
        r = strlist_add(b->a, &m.options, rq->options.v[i]);
    if (r == 0 && rq->readonly)
        r = strlist_add(b->a, &m.options, "ro");
    if (r == 0 && rq->tmpfs_size) {
        snprintf(extra, sizeof(extra), "size=%llu", (unsigned long long)rq->tmpfs_size);
        r = strlist_add(b->a, &m.options, extra);
    }
    if (r == 0 && rq->has_tmpfs_mode) {
        snprintf(extra, sizeof(extra), "mode=%o", rq->tmpfs_mode);
        r = strlist_add(b->a, &m.options, extra);
    }
    s->mounts[s->n_mounts++] = m;
    return r;
}

static int mounts_bind(const struct box *b, struct rt_spec *s, const struct box_mount *bm) {
    const struct mount_request *rq = &bm->rq;
    struct rt_mount m = {.destination = rq->target,
                         .type = arena_strdup(b->a, "bind"),
                         .source = arena_strdup(b->a, bm->source)};
    int r = strlist_add(b->a, &m.options, rq->nonrecursive ? "bind" : "rbind");
    if (r == 0 && rq->readonly)
        r = strlist_add(b->a, &m.options, rq->ro_top_only || rq->nonrecursive ? "ro" : "rro");
    if (r == 0)
        r = strlist_add(b->a, &m.options, rq->propagation ? rq->propagation : "rprivate");
    s->mounts[s->n_mounts++] = m;
    return r;
}

static size_t mounts_depth(const char *path) {
    size_t n = 0;
    for (; *path; path++)
        n += *path == '/';
    return n;
}

/* The user's mounts of depth from…to, parents first. */
static int mounts_user(const struct box *b, struct rt_spec *s, size_t from, size_t to) {
    int r = 0;
    size_t deepest = 0;
    for (size_t i = 0; i < b->n_mounts; i++)
        deepest = MAX_OF(deepest, mounts_depth(b->mounts[i].rq.target));
    for (size_t depth = from; r == 0 && depth <= MIN_OF(to, deepest); depth++)
        for (size_t i = 0; r == 0 && i < b->n_mounts; i++) {
            const struct box_mount *m = &b->mounts[i];
            if (mounts_depth(m->rq.target) == depth)
                r = m->rq.kind == MOUNT_TMPFS ? mounts_tmpfs(b, s, &m->rq) : mounts_bind(b, s, m);
        }
    return r;
}

int compose_mounts(const struct box *b, struct rt_spec *s, struct err *e) {
    s->mounts = arena_array(b->a, ARRAY_SIZE(standard_mounts) + 4 + b->n_mounts, struct rt_mount);
    if (!s->mounts)
        return err_oom(e);
    int r = mounts_standard(b, s);
    if (r == 0)
        r = mounts_shm(b, s);
    if (r == 0)
        r = mounts_user(b, s, 1, 1); /* /etc before /etc/hosts */
    if (r == 0)
        r = mounts_files(b, s);
    if (r == 0)
        r = mounts_user(b, s, 2, SIZE_MAX);
    return r < 0 ? err_oom(e) : 0;
}
