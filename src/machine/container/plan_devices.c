/* SPDX-License-Identifier: Apache-2.0 */
/* What every box finds in /dev, and the devices it was given. */
#include "machine/container/build.h"

#include "base/path.h"
#include "base/str.h"

#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct default_device {
    const char *name;
    unsigned major, minor;
};

static const struct default_device default_devices[] = {
    {"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
    {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const char *const default_links[][2] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"},
};

/* A /dev of ours: a tmpfs. A bound /dev is the host's and stays as it is. */
static bool own_dev(const struct build *b) {
    bool own = true;
    for (size_t i = 0; i < b->spec->n_mounts; i++) {
        const struct rt_mount *m = &b->spec->mounts[i];
        if (m->destination &&
            (strcmp(m->destination, "/dev") == 0 || strcmp(m->destination, "/dev/") == 0))
            own = !str_eq(m->type, "bind") && !strlist_has(&m->options, "bind") &&
                  !strlist_has(&m->options, "rbind");
    }
    return own;
}

/* Engines that give all devices of the host name these too. */
static bool is_default(const char *dir, const char *name) {
    if (strcmp(dir, "/dev") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++) {
        if (strcmp(default_devices[i].name, name) == 0)
            return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(default_links); i++) {
        if (strcmp(default_links[i][0], name) == 0)
            return true;
    }
    return false;
}

static void add_node(struct build *b, const char *dir, const char *name, mode_t mode, dev_t dev,
                     const struct rt_device *d) {
    build_init(b, PLAN_NODE, .ref = {build_str(b, dir), build_str(b, name)},
               .num = {mode, dev, d && d->has_uid ? d->uid : 0, d && d->has_gid ? d->gid : 0});
}

static void add_default(struct build *b, const struct default_device *d) {
    if (!b->in_userns) {
        add_node(b, "/dev", d->name, S_IFCHR | 0666, makedev(d->major, d->minor), NULL);
        return;
    }
    const char *host = arena_printf(b->a, "/dev/%s", d->name);
    build_init(b, PLAN_NODE_BIND,
               .ref = {build_str(b, "/dev"), build_str(b, d->name), build_str(b, host)},
               .num = {S_IFCHR, makedev(d->major, d->minor)});
}

static int device_mode(struct build *b, const struct rt_device *d, mode_t *ret) {
    mode_t perm = d->has_mode ? d->mode & 07777 : 0666;
    switch (d->type) {
    case 'c':
    case 'u':
        *ret = S_IFCHR | perm;
        return 0;
    case 'b':
        *ret = S_IFBLK | perm;
        return 0;
    case 'p':
        *ret = S_IFIFO | perm;
        return 0;
    default:
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.devices: %s: unknown type \"%c\"", d->path,
                       d->type);
    }
}

/* An id of the box as the host knows it. */
static bool host_id(const struct rt_idmaps *map, uint32_t id, uint32_t *ret) {
    for (size_t i = 0; i < map->n; i++) {
        if (id >= map->v[i].container_id && id - map->v[i].container_id < map->v[i].size) {
            *ret = map->v[i].host_id + (id - map->v[i].container_id);
            return true;
        }
    }
    return false;
}

/* In a user namespace the starter makes the node, where it may and the mapping is known; else the
 * host's own node of this name is the only one that can be given. */
static void add_foreign(struct build *b, const char *dir, const char *name, mode_t mode,
                        const struct rt_device *d) {
    const struct rt_spec *s = b->spec;
    uint32_t uid = 0, gid = 0;
    bool made = !b->host->rootless && (b->made & CLONE_NEWUSER) &&
                host_id(&s->uid_mappings, d->has_uid ? d->uid : 0, &uid) &&
                host_id(&s->gid_mappings, d->has_gid ? d->gid : 0, &gid);
    build_init(b, PLAN_NODE_BIND, .flags = made ? PLAN_GIVEN : 0,
               .ref = {build_str(b, dir), build_str(b, name), build_str(b, d->path)},
               .num = {mode, makedev((unsigned)d->major, (unsigned)d->minor), uid, gid});
}

static int add_device(struct build *b, const struct rt_device *d) {
    char path[4096];
    mode_t mode;
    int r = device_mode(b, d, &mode);
    if (r < 0)
        return r;
    if (!d->path || d->path[0] != '/' || path_clean(d->path, path, sizeof(path)) < 0 || !path[1])
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.devices: \"%s\" is not an absolute path",
                       d->path ? d->path : "");
    char *slash = strrchr(path, '/');
    const char *name = arena_strdup(b->a, slash + 1);
    *slash = 0;
    const char *dir = arena_strdup(b->a, path[0] ? path : "/");
    if (!name || !dir)
        return err_oom(b->e);
    if (is_default(dir, name))
        return 0;
    if (own_dev(b) && strcmp(dir, "/dev") == 0 && strcmp(name, "ptmx") == 0)
        return 0; /* devpts has it */
    if (b->in_userns && !S_ISFIFO(mode)) {
        add_foreign(b, dir, name, mode, d);
        return 0;
    }
    dev_t dev = S_ISFIFO(mode) ? 0 : makedev((unsigned)d->major, (unsigned)d->minor);
    add_node(b, dir, name, mode, dev, d);
    return 0;
}

int build_devices(struct build *b) {
    if (own_dev(b)) {
        for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++)
            add_default(b, &default_devices[i]);
        for (size_t i = 0; i < ARRAY_SIZE(default_links); i++)
            build_init(b, PLAN_SYMLINK,
                       .ref = {build_str(b, "/dev"), build_str(b, default_links[i][0]),
                               build_str(b, default_links[i][1])});
    }
    for (size_t i = 0; i < b->spec->n_devices; i++) {
        int r = add_device(b, &b->spec->devices[i]);
        if (r < 0)
            return r;
    }
    if (b->process->terminal)
        build_init(
            b, PLAN_CONSOLE,
            .num = {b->process->user.uid, b->process->console_width, b->process->console_height});
    return 0;
}
