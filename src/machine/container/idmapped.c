/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/birth.h"

#include "machine/container/bind.h"
#include "sys/idmap.h"
#include "sys/mount.h"

#include <fcntl.h>

/* The namespace whose mapping is wanted. */
static int mapping(const struct plan *p, const struct plan_step *s, struct err *e) {
    const char *uid = plan_str(p, s->ref[1]), *gid = plan_str(p, s->ref[2]);
    const char *ns = plan_str(p, s->ref[3]);
    if (ns) {
        int fd = open(ns, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? err_sys(e, "cannot open the user namespace %s", ns) : fd;
    }
    int fd = uid && gid ? idmap_userns(uid, gid) : -EINVAL;
    return fd < 0 ? err_sysn(e, fd, "cannot make the mapping of the mount of %s",
                             plan_str(p, s->ref[0]))
                  : fd;
}

static int refused(const char *source, int code, struct err *e) {
    switch (code) {
    case -EPERM:
        return err_set(e, ERR_DENIED, code,
                       "cannot map the ids of %s: its file system belongs to the host (root of the "
                       "host may), or is id-mapped already",
                       source);
    case -EINVAL:
        return err_set(e, ERR_UNAVAILABLE, -ENOTSUP,
                       "cannot map the ids of %s: its file system (or one beneath it, with ridmap) "
                       "does not support id-mapped mounts",
                       source);
    default:
        return err_sysn(e, code, "cannot map the ids of %s", source);
    }
}

int idmapped_map(int mnt, bool all, int ns, const char *source, struct err *e) {
    int r = mount_map_ids(mnt, all, ns);
    return r < 0 ? refused(source, r, e) : 0;
}

int idmapped_source(const struct plan *p, const struct plan_step *s, struct err *e) {
    const char *source = plan_str(p, s->ref[0]);
    if (s->flags & PLAN_IN_ROOT)
        return mapping(p, s, e);
    AUTO_FD int mnt = bind_source(source, s->flags, e);
    if (mnt < 0)
        return mnt;
    AUTO_FD int ns = mapping(p, s, e);
    if (ns < 0)
        return ns;
    int r = idmapped_map(mnt, s->flags & PLAN_MAP_ALL, ns, source, e);
    return r < 0 ? r : TAKE_FD(mnt);
}
