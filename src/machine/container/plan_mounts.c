/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of the runtime-spec. */
#include "machine/container/build.h"

#include "base/path.h"
#include "base/str.h"

#include <linux/mount.h>
#include <sched.h>
#include <string.h>

/* What may be mounted inside /proc, as runc allows it: files that lxcfs and its like imitate. */
static bool allowed_in_proc(const char *path) {
    static const char *const files[] = {"/proc/cpuinfo",
                                        "/proc/diskstats",
                                        "/proc/meminfo",
                                        "/proc/stat",
                                        "/proc/swaps",
                                        "/proc/uptime",
                                        "/proc/loadavg",
                                        "/proc/slabinfo",
                                        "/proc/net/dev",
                                        "/proc/sys/kernel/ns_last_pid",
                                        "/proc/sys/crypto/fips_enabled"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (strcmp(files[i], path) == 0)
            return true;
    }
    return false;
}

static bool among(const char *const *v, const char *path) {
    for (; v && *v; v++) {
        if (strcmp(*v, path) == 0)
            return true;
    }
    return false;
}

static int mount_source(struct build *b, const struct rt_mount *m) {
    if (m->source && m->source[0] == '/')
        return 0;
    return err_set(b->e, ERR_USAGE, -EINVAL,
                   "mount %s: the source of a bind mount must be an absolute path, not \"%s\"",
                   m->destination, m->source ? m->source : "");
}

static void add_bind(struct build *b, const char *source, const char *path,
                     const struct mount_words *w, uint32_t flags) {
    if (w->recursive)
        flags |= PLAN_RECURSIVE;
    if (w->propagation & MS_SHARED)
        flags |= PLAN_EARLY;
    build_init(b, PLAN_BIND, .flags = flags, .ref = {build_str(b, source), build_str(b, path)},
               .num = {w->set, w->clear, w->rset, w->rclear, w->propagation});
}

/* The kernel gives a user namespace its own sysfs, procfs or mqueue only with the namespace that
 * belongs to it; else the host's is bound, read-only where it would be the host's to change. */
static const char *host_instead(const struct build *b, const char *type) {
    if (!b->in_userns)
        return NULL;
    if (strcmp(type, "sysfs") == 0 && !(b->made & CLONE_NEWNET))
        return "/sys";
    if (strcmp(type, "proc") == 0 && !(b->made & CLONE_NEWPID))
        return "/proc";
    if (strcmp(type, "mqueue") == 0 && !(b->made & CLONE_NEWIPC))
        return "/dev/mqueue";
    return NULL;
}

static bool is_mapped(const struct rt_idmaps *map, uint32_t id) {
    for (size_t i = 0; i < map->n; i++) {
        if (id >= map->v[i].container_id && id - map->v[i].container_id < map->v[i].size)
            return true;
    }
    return map->n == 0;
}

/* devpts: gid=5 (tty) can be asked for only where that group is mapped. */
static int fs_data(struct build *b, const struct rt_mount *m, const struct mount_words *w,
                   struct strlist *ret) {
    uint64_t gid;
    for (size_t i = 0; i < w->data.n; i++) {
        const char *word = w->data.v[i];
        bool unmapped = strcmp(m->type, "devpts") == 0 && str_starts(word, "gid=") &&
                        str_to_u64(word + 4, &gid) == 0 &&
                        !is_mapped(&b->spec->gid_mappings, (uint32_t)gid);
        if (!unmapped && strlist_add(b->a, ret, word) < 0)
            return err_oom(b->e);
    }
    if (b->spec->mount_label && b->host->has_selinux &&
        (strcmp(m->type, "tmpfs") == 0 || strcmp(m->type, "mqueue") == 0) &&
        strlist_addf(b->a, ret, "context=%s", b->spec->mount_label) < 0)
        return err_oom(b->e);
    return 0;
}

static int add_fs(struct build *b, const struct rt_mount *m, const struct mount_words *w,
                  uint32_t flags) {
    struct strlist data = {0};
    const char *type = m->type ? m->type : "";
    const char *host = host_instead(b, type);
    if (host) {
        struct mount_words bound = *w;
        bound.recursive = true;
        bound.rset = w->set & MOUNT_ATTR_RDONLY;
        bound.clear = bound.rclear = 0;
        add_bind(b, host, m->destination, &bound, flags);
        return 0;
    }
    if (!type[0])
        return err_set(b->e, ERR_USAGE, -EINVAL, "mount %s: no type is given", m->destination);
    if (w->rset | w->rclear)
        return err_set(b->e, ERR_USAGE, -EINVAL, "mount %s: recursive options are for bind mounts",
                       m->destination);
    int r = fs_data(b, m, w, &data);
    if (r < 0)
        return r;
    if (strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0)
        flags |= PLAN_NOFOLLOW;
    if (w->tmpcopyup)
        flags |= PLAN_COPYUP;
    build_init(b, PLAN_MOUNT, .flags = flags,
               .ref = {build_str(b, type), build_str(b, m->source ? m->source : type),
                       build_str(b, m->destination), plan_writer_list(&b->w, data.v, data.n)},
               .num = {w->set, w->propagation});
    return 0;
}

static int add_mount(struct build *b, const struct rt_mount *given) {
    char path[4096];
    struct mount_words w;
    struct rt_mount m = *given;
    int r = mount_words_parse(&m, b->a, &w, b->e);
    if (r < 0)
        return r;
    if (!m.destination || path_clean(m.destination, path, sizeof(path)) < 0 || !path[1])
        return err_set(b->e, ERR_USAGE, -EINVAL, "mount: \"%s\" is not a place to mount on",
                       m.destination ? m.destination : "");
    m.destination = path;
    bool is_proc = !w.bind && str_eq(m.type, "proc");
    uint32_t flags = is_proc || allowed_in_proc(path) ? PLAN_IN_PROC : 0;
    if (!flags && (str_starts(path, "/proc/") || (strcmp(path, "/proc") == 0 && !w.bind)))
        return err_set(b->e, ERR_DENIED, -EPERM, "mount %s: mounts inside /proc are refused", path);
    if (among(b->host->copyup, path))
        flags |= PLAN_COPYUP;
    if (w.bind && among(b->host->straight, path))
        flags |= PLAN_STRAIGHT;
    if (w.bind) {
        r = mount_source(b, &m);
        if (r == 0)
            add_bind(b, m.source, path, &w, flags);
        return r;
    }
    if (str_eq(m.type, "cgroup") || str_eq(m.type, "cgroup2"))
        return build_cgroup_mount(b, &m, &w);
    return add_fs(b, &m, &w, flags);
}

/* Before the root: a bind that is to be shared with the host is taken while its mounts are. */
int build_shared_binds(struct build *b) {
    for (size_t i = 0; i < b->spec->n_mounts; i++) {
        struct mount_words w;
        const struct rt_mount *m = &b->spec->mounts[i];
        int r = mount_words_parse(m, b->a, &w, b->e);
        if (r < 0)
            return r;
        if (!w.bind || !(w.propagation & MS_SHARED) || !m->source)
            continue;
        if (++b->n_early > PLAN_MAX_EARLY)
            return err_set(b->e, ERR_USAGE, -E2BIG, "more than %d shared bind mounts",
                           PLAN_MAX_EARLY);
        build_init(b, PLAN_BIND_SOURCE, .flags = w.recursive ? PLAN_RECURSIVE : 0,
                   .ref = {build_str(b, m->source)});
    }
    return 0;
}

int build_mounts(struct build *b) {
    for (size_t i = 0; i < b->spec->n_mounts; i++) {
        int r = add_mount(b, &b->spec->mounts[i]);
        if (r < 0)
            return r;
    }
    return 0;
}
