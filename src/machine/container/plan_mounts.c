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

const char *build_mount_source(struct build *b, const struct rt_mount *m) {
    const char *source = m->source;
    if (source && source[0] == '/')
        return source;
    if (source && source[0] && b->host->bundle) {
        source = arena_printf(b->a, "%s/%s", b->host->bundle, source);
        if (!source)
            err_oom(b->e);
        return source;
    }
    err_set(b->e, ERR_USAGE, -EINVAL,
            "mount %s: the source of a bind mount must be an absolute path, not \"%s\"",
            m->destination, m->source ? m->source : "");
    return NULL;
}

/* `path` as seen from the root, when it is one of the host's beneath the root. */
static const char *beneath_root(const struct build *b, const char *path) {
    const char *dir = b->host->strict && b->own_mounts && b->root ? b->root->dir : NULL;
    size_t n = dir ? strlen(dir) : 0;
    return n > 1 && strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n : NULL;
}

const char *build_source_in_root(struct build *b, const char *source, const struct mount_words *w) {
    char path[4096];
    bool early = w->idmap ? b->in_userns : w->propagation & MS_SHARED;
    if (early || w->copy_symlink || path_clean(source, path, sizeof(path)) < 0)
        return NULL;
    const char *inside = beneath_root(b, path);
    return inside ? arena_strdup(b->a, inside) : NULL;
}

/* Where a mount goes, clean; some name the root's own directory on the host as well. */
static int mount_place(const struct build *b, const char *destination, char *ret, size_t size) {
    int r = destination ? path_clean(destination, ret, size) : -EINVAL;
    const char *inside = r < 0 ? NULL : beneath_root(b, ret);
    if (inside)
        memmove(ret, inside, strlen(inside) + 1);
    return r;
}

static void add_bind(struct build *b, const char *source, const char *path,
                     const struct mount_words *w, uint32_t flags) {
    uint64_t propagation = w->propagation;
    const char *inside = build_source_in_root(b, source, w);
    if (inside) {
        flags |= PLAN_IN_ROOT;
        source = inside;
    }
    if (w->recursive)
        flags |= PLAN_RECURSIVE;
    if (w->dest_nofollow)
        flags |= PLAN_NOFOLLOW;
    if (w->src_nofollow)
        flags |= PLAN_SOURCE_LINK;
    if (w->copy_symlink)
        flags |= PLAN_COPY_LINK;
    if (w->idmap) {
        flags |= PLAN_MAPPED | (inside && w->idmap == MOUNT_IDMAP_ALL ? PLAN_MAP_ALL : 0);
        /* it was taken from the host's mounts and is still one with them */
        propagation = propagation ? propagation : (MS_SLAVE | MS_REC);
    } else if (propagation & MS_SHARED) {
        flags |= PLAN_EARLY;
    }
    build_init(b, PLAN_BIND, .flags = flags, .ref = {build_str(b, source), build_str(b, path)},
               .num = {w->set, w->clear, w->rset, w->rclear, propagation});
}

/* The kernel gives a user namespace its own sysfs, procfs or mqueue only with the namespace that
 * belongs to it; else the host's is bound, read-only where it would be the host's to change. Of a
 * namespace that is joined the kernel alone knows whose it is. */
static const char *host_instead(const struct build *b, const char *type, bool *maybe) {
    static const struct {
        const char *type, *host;
        uint64_t flag;
    } kinds[] = {{"sysfs", "/sys", CLONE_NEWNET},
                 {"proc", "/proc", CLONE_NEWPID},
                 {"mqueue", "/dev/mqueue", CLONE_NEWIPC}};
    for (size_t i = 0; i < ARRAY_SIZE(kinds) && b->in_userns; i++) {
        if (strcmp(type, kinds[i].type) == 0 && !(b->made & kinds[i].flag)) {
            *maybe = b->all & kinds[i].flag;
            return kinds[i].host;
        }
    }
    return NULL;
}

static bool is_mapped(const struct rt_idmaps *map, uint32_t id) {
    for (size_t i = 0; i < map->n; i++) {
        if (id >= map->v[i].container_id && id - map->v[i].container_id < map->v[i].size)
            return true;
    }
    return map->n == 0;
}

/* One word may hold several, as mount(2) takes them: "mode=755,size=1m"; not within quotes. */
static int add_data(struct build *b, const char *words, struct strlist *ret) {
    while (*words) {
        size_t n = 0;
        for (bool quoted = false; words[n] && (quoted || words[n] != ','); n++)
            quoted = quoted != (words[n] == '"');
        const char *one = arena_strndup(b->a, words, n);
        if (!one || (n && strlist_add(b->a, ret, one) < 0))
            return err_oom(b->e);
        words += n + (words[n] == ',');
    }
    return 0;
}

/* devpts: gid=5 (tty) can be asked for only where that group is mapped. iversion is ext4's alone.
 */
static bool passed_over(const struct build *b, const char *type, const char *word) {
    uint64_t gid;
    if (strcmp(word, "iversion") == 0 || strcmp(word, "noiversion") == 0)
        return strcmp(type, "ext4") != 0;
    return strcmp(type, "devpts") == 0 && str_starts(word, "gid=") &&
           str_to_u64(word + 4, &gid) == 0 && !is_mapped(&b->spec->gid_mappings, (uint32_t)gid);
}

static int fs_data(struct build *b, const struct rt_mount *m, const struct mount_words *w,
                   struct strlist *ret) {
    for (size_t i = 0; i < w->data.n; i++) {
        if (!passed_over(b, m->type, w->data.v[i]) && add_data(b, w->data.v[i], ret) < 0)
            return b->e->code;
    }
    /* a device that cannot be written wants to be told */
    if ((w->set & MOUNT_ATTR_RDONLY) && m->source && m->source[0] == '/' &&
        strlist_add(b->a, ret, "ro") < 0)
        return err_oom(b->e);
    if (b->spec->mount_label && b->host->has_selinux &&
        (strcmp(m->type, "tmpfs") == 0 || strcmp(m->type, "mqueue") == 0) &&
        strlist_addf(b->a, ret, "context=%s", b->spec->mount_label) < 0)
        return err_oom(b->e);
    return 0;
}

static void add_host_bind(struct build *b, const char *host, const struct rt_mount *m,
                          const struct mount_words *w, uint32_t flags) {
    struct mount_words bound = *w;
    bound.recursive = true;
    bound.rset = w->set & MOUNT_ATTR_RDONLY;
    bound.clear = bound.rclear = 0;
    if (strcmp(host, "/dev/mqueue") == 0)
        flags |= PLAN_OPTIONAL; /* the host may do without */
    add_bind(b, host, m->destination, &bound, flags);
}

/* A tmpfs is made writable and read-only at the end: mount points and devices are yet to come. */
static bool read_only_later(const struct rt_mount *m, const struct mount_words *w) {
    return !w->bind && !w->remount && (w->set & MOUNT_ATTR_RDONLY) && str_eq(m->type, "tmpfs");
}

static int add_fs(struct build *b, const struct rt_mount *m, const struct mount_words *w,
                  uint32_t flags) {
    struct strlist data = {0};
    const char *type = m->type ? m->type : "";
    bool maybe = false;
    const char *host = host_instead(b, type, &maybe);
    if (!type[0])
        return err_set(b->e, ERR_USAGE, -EINVAL, "mount %s: no type is given", m->destination);
    if (host && !maybe) {
        add_host_bind(b, host, m, w, flags);
        return 0;
    }
    int r = fs_data(b, m, w, &data);
    if (r < 0)
        return r;
    uint32_t more = maybe ? PLAN_ELSE : 0;
    if (strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0 || w->dest_nofollow)
        more |= PLAN_NOFOLLOW;
    if (w->tmpcopyup)
        more |= PLAN_COPYUP;
    if (strcmp(type, "tmpfs") == 0 && b->host->strict)
        more |= PLAN_MODE_BELOW;
    uint64_t set = read_only_later(m, w) ? w->set & ~(uint64_t)MOUNT_ATTR_RDONLY : w->set;
    build_init(b, PLAN_MOUNT, .flags = flags | more,
               .ref = {build_str(b, type), build_str(b, m->source ? m->source : type),
                       build_str(b, m->destination), plan_writer_list(&b->w, data.v, data.n)},
               .num = {set, w->propagation});
    if (maybe)
        add_host_bind(b, host, m, w, flags);
    return 0;
}

/* What is mounted already gets other options: those that are given, the others stay. */
static int add_remount(struct build *b, const struct rt_mount *m, const struct mount_words *w) {
    struct strlist data = {0};
    int r = m->type && !w->bind ? fs_data(b, m, w, &data) : 0;
    if (r < 0)
        return r;
    build_init(b, PLAN_ATTR,
               .ref = {build_str(b, m->destination), plan_writer_list(&b->w, data.v, data.n)},
               .num = {w->set, w->clear, w->rset, w->rclear, w->propagation});
    return 0;
}

static int add_bind_mount(struct build *b, const struct rt_mount *m, const struct mount_words *w,
                          uint32_t flags) {
    const char *source = build_mount_source(b, m);
    if (!source)
        return b->e->code;
    for (size_t i = 0; i < w->data.n; i++)
        build_warn(b, "mount %s: option \"%s\" has no effect on a bind mount", m->destination,
                   w->data.v[i]);
    if (among(b->host->straight, m->destination))
        flags |= PLAN_STRAIGHT;
    /* another procfs may take the place of /proc, nothing else */
    if (strcmp(m->destination, "/proc") == 0)
        flags |= PLAN_IN_PROC | PLAN_NOFOLLOW;
    /* as mount(2) has it: an option sets all of them. The engine's users lose none of the host's */
    if (b->host->strict && w->named)
        flags |= PLAN_WHOLE;
    add_bind(b, source, m->destination, w, flags);
    return 0;
}

static int add_mount(struct build *b, const struct rt_mount *given) {
    char path[4096];
    struct mount_words w;
    struct rt_mount m = *given;
    int r = mount_words_parse(&m, b->a, &w, b->e);
    if (r < 0)
        return r;
    if (mount_place(b, m.destination, path, sizeof(path)) < 0 || (!path[1] && !w.remount))
        return err_set(b->e, ERR_USAGE, -EINVAL, "mount: \"%s\" is not a place to mount on",
                       m.destination ? m.destination : "");
    m.destination = path;
    if (w.remount)
        return add_remount(b, &m, &w);
    bool is_proc = !w.bind && str_eq(m.type, "proc");
    uint32_t flags = is_proc || allowed_in_proc(path) ? PLAN_IN_PROC : 0;
    if (!flags && (str_starts(path, "/proc/") || (strcmp(path, "/proc") == 0 && !w.bind)))
        return err_set(b->e, ERR_DENIED, -EPERM, "mount %s: mounts inside /proc are refused", path);
    if (among(b->host->copyup, path))
        flags |= PLAN_COPYUP;
    if (w.bind)
        return add_bind_mount(b, &m, &w, flags);
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
        if (!w.bind || w.remount || w.idmap || !(w.propagation & MS_SHARED))
            continue;
        const char *source = build_mount_source(b, m);
        if (!source)
            return b->e->code;
        if (++b->n_early > PLAN_MAX_EARLY)
            return err_set(b->e, ERR_USAGE, -E2BIG, "more than %d shared bind mounts",
                           PLAN_MAX_EARLY);
        build_init(b, PLAN_BIND_SOURCE, .flags = w.recursive ? PLAN_RECURSIVE : 0,
                   .ref = {build_str(b, source)});
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

static bool covered_later(const struct build *b, size_t i, const char *path) {
    const struct rt_spec *s = b->spec;
    char other[4096];
    while (++i < s->n_mounts) {
        if (mount_place(b, s->mounts[i].destination, other, sizeof(other)) == 0 &&
            strcmp(path, other) == 0 && !strlist_has(&s->mounts[i].options, "remount"))
            return true;
    }
    return false;
}

int build_mounts_done(struct build *b) {
    for (size_t i = 0; i < b->spec->n_mounts; i++) {
        char path[4096];
        struct mount_words w;
        const struct rt_mount *m = &b->spec->mounts[i];
        int r = mount_words_parse(m, b->a, &w, b->e);
        if (r < 0)
            return r;
        if (!read_only_later(m, &w) || mount_place(b, m->destination, path, sizeof(path)) < 0 ||
            covered_later(b, i, path))
            continue;
        build_init(b, PLAN_ATTR, .ref = {build_str(b, path)}, .num = {MOUNT_ATTR_RDONLY});
    }
    return 0;
}
