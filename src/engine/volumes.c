/* SPDX-License-Identifier: Apache-2.0 */
/* Mount requests → host paths: bind sources checked, volumes found or made. */
#include "engine/box.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "store/volume.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int volumes_bind(struct box *b, struct box_mount *m, struct err *e) {
    const struct mount_request *rq = &m->rq;
    struct stat st;
    if (stat(rq->source, &st) < 0) {
        if (errno != ENOENT)
            return err_sys(e, "mount source %s", rq->source);
        if (!rq->create_source)
            return err_set(e, ERR_USAGE, -ENOENT,
                           "invalid mount config for type \"bind\": bind source path does not "
                           "exist: %s",
                           rq->source);
        int r = b->dry ? 0 : path_mkdir_p(AT_FDCWD, rq->source, 0755);
        if (r < 0)
            return err_sysn(e, r, "mount source %s does not exist and cannot be made", rq->source);
    }
    if (rq->relabel && b->host.has_selinux)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "volume option %c: SELinux relabelling is not in this version of hako",
                       rq->relabel);
    m->source = rq->source;
    return 0;
}

/* The volumes of a --rm box live in its own directory and go with it. */
static int volumes_own(struct box *b, struct box_mount *m, size_t i, struct err *e) {
    char name[32];
    snprintf(name, sizeof(name), "volume-%zu", i);
    if (mkdirat(b->dirfd, name, 0755) < 0)
        return err_sys(e, "cannot make a volume for %s", m->rq.target);
    m->source = arena_printf(b->a, "%s/%s", b->path, name);
    m->anonymous = m->copyup = true;
    return m->source ? 0 : err_oom(e);
}

/* The name of an anonymous volume, written down before there is one: if the container never comes
 * to be, whoever clears its directory away knows what to take along (remove_new_volumes). */
static int volumes_announce(struct box *b, size_t i, char name[65], struct err *e) {
    uint8_t raw[32];
    char link[32];
    int r = io_random(raw, sizeof(raw));
    if (r < 0)
        return err_sysn(e, r, "cannot draw a volume's name");
    str_hex(raw, sizeof(raw), name);
    snprintf(link, sizeof(link), "volume-%zu", i);
    return symlinkat(name, b->dirfd, link) < 0 ? err_sys(e, "cannot note the volume %s", name) : 0;
}

/* A part of a volume: links in it are followed now, and stay in it. What other boxes make of the
 * volume afterwards is not followed when it is mounted. */
static int volumes_part(struct box *b, struct box_mount *m, const struct volume *v, struct err *e) {
    char proc[40], path[4096];
    AUTO_FD int root = open(v->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, "volume %s", v->name);
    AUTO_FD int fd = path_open_in_root(root, m->rq.subpath, O_PATH, 0);
    if (fd < 0)
        return err_sysn(e, fd, "volume-subpath %s of volume %s", m->rq.subpath, v->name);
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(proc, path, sizeof(path) - 1);
    if (n < 0 || (size_t)n >= sizeof(path) - 1)
        return err_sysn(e, n < 0 ? -errno : -ENAMETOOLONG, "volume-subpath %s", m->rq.subpath);
    path[n] = 0;
    m->straight = true;
    m->source = arena_strdup(b->a, path);
    return m->source ? 0 : err_oom(e);
}

static int volumes_named(struct box *b, struct box_mount *m, size_t i, struct err *e) {
    const struct mount_request *rq = &m->rq;
    if (rq->driver && !str_eq(rq->driver, "local"))
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "volume driver \"%s\" is not in this version of hako: use local",
                       rq->driver);
    if (rq->n_driver_opts)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "volume-opt \"%s\": options of the local driver are not in this version "
                       "of hako",
                       rq->driver_opts[0].key);
    if (!rq->source && b->o->rm)
        return volumes_own(b, m, i, e);
    if (b->dry) {
        m->source = arena_printf(b->a, "%s/volumes/%s/data", b->g->data,
                                 rq->source ? rq->source : "anonymous");
        return m->source ? 0 : err_oom(e);
    }
    struct volume_want want = {.name = rq->source, .labels = rq->labels, .n_labels = rq->n_labels};
    struct volume v;
    bool created = false;
    char fresh[65];
    int r = want.name ? 0 : volumes_announce(b, i, fresh, e);
    if (!want.name) {
        want.name = fresh;
        want.anonymous = true;
    }
    if (r == 0)
        r = volume_ensure(b->g->datafd, b->g->data, &want, b->a, &v, &created, e);
    if (r < 0)
        return r;
    m->rq.source = v.name;
    m->anonymous = v.anonymous;
    m->copyup = !rq->nocopy;
    if (rq->subpath)
        return volumes_part(b, m, &v, e);
    m->source = v.path;
    return m->source ? 0 : err_oom(e);
}

/* VOLUME of the image: anonymous ones where the user mounts nothing. */
static int volumes_of_image(struct box *b, struct err *e) {
    const struct strlist *list = &b->img.config.volumes;
    for (size_t i = 0; i < list->n && i < IMG_MAX_LAYERS; i++) {
        char clean[4096];
        bool taken = false;
        if (path_clean(list->v[i], clean, sizeof(clean)) < 0 || str_eq(clean, "/"))
            return err_set(e, ERR_CORRUPT, -EINVAL, "the image's volume \"%s\" is no usable path",
                           list->v[i]);
        for (size_t k = 0; k < b->n_mounts; k++)
            taken = taken || str_eq(b->mounts[k].rq.target, clean);
        if (taken)
            continue;
        struct box_mount *m = &b->mounts[b->n_mounts++];
        *m = (struct box_mount){.rq.kind = MOUNT_VOLUME, .rq.target = arena_strdup(b->a, clean)};
        if (!m->rq.target)
            return err_oom(e);
    }
    return 0;
}

static int volumes_one(struct box *b, size_t i, struct err *e) {
    struct box_mount *m = &b->mounts[i];
    const char *target = m->rq.target;
    /* the masks of /proc are the box's walls: nothing may take their place (as runc refuses) */
    if (str_eq(target, "/proc") || str_starts(target, "/proc/"))
        return err_set(e, ERR_USAGE, -EPERM, "%s cannot be mounted: it is inside /proc", target);
    switch (m->rq.kind) {
    case MOUNT_BIND:
        return volumes_bind(b, m, e);
    case MOUNT_VOLUME:
        return volumes_named(b, m, i, e);
    case MOUNT_TMPFS:
        return 0;
    case MOUNT_IMAGE:
        break;
    }
    return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                   "mount type \"%s\" is not in this version of hako: use bind, volume or tmpfs",
                   mountopt_kind_name(m->rq.kind));
}

static int volumes_record(struct box *b, struct err *e) {
    b->rec.mounts = arena_array(b->a, b->n_mounts + 1, struct record_mount);
    if (!b->rec.mounts)
        return err_oom(e);
    for (size_t i = 0; i < b->n_mounts; i++) {
        const struct box_mount *m = &b->mounts[i];
        b->rec.mounts[i] = (struct record_mount){
            .type = arena_strdup(b->a, mountopt_kind_name(m->rq.kind)),
            .name = m->rq.kind == MOUNT_VOLUME ? m->rq.source : NULL,
            .source = arena_strdup(b->a, m->source),
            .destination = m->rq.target,
            .propagation = m->rq.propagation,
            .readonly = m->rq.readonly,
            .anonymous = m->anonymous,
        };
    }
    b->rec.n_mounts = b->n_mounts;
    return 0;
}

int box_resolve_volumes(struct box *b, struct err *e) {
    int r = volumes_of_image(b, e);
    for (size_t i = 0; r == 0 && i < b->n_mounts; i++)
        r = volumes_one(b, i, e);
    return r < 0 ? r : volumes_record(b, e);
}
