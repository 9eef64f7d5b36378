/* SPDX-License-Identifier: Apache-2.0 */
/* --device and --privileged: host nodes → devices of the box. */
#include "engine/box.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEVICES_MAX 1024

static int devices_add(struct box *b, const char *host, const char *container, struct err *e) {
    struct stat st;
    if (stat(host, &st) < 0)
        return err_sys(e, "error gathering device information for \"%s\"", host);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, ERR_USAGE, -ENOTBLK,
                       "error gathering device information for \"%s\": not a device node", host);
    /* a user's box gets the host's node by a bind mount, and the spec's word for a device has no
     * place for another name on the host */
    if (b->host.rootless && strcmp(host, container) != 0) {
        b->mounts[b->n_mounts++] =
            (struct box_mount){.rq = {.kind = MOUNT_BIND,
                                      .source = arena_strdup(b->a, host),
                                      .target = arena_strdup(b->a, container)}};
        return b->mounts[b->n_mounts - 1].rq.target ? 0 : err_oom(e);
    }
    struct rt_device *d = &b->devices[b->n_devices++];
    *d = (struct rt_device){.path = arena_strdup(b->a, container),
                            .type = S_ISCHR(st.st_mode) ? 'c' : 'b',
                            .major = major(st.st_rdev),
                            .minor = minor(st.st_rdev),
                            .has_mode = true,
                            .mode = st.st_mode & 07777,
                            .has_uid = !b->host.rootless,
                            .has_gid = !b->host.rootless,
                            .uid = st.st_uid,
                            .gid = st.st_gid};
    return d->path ? 0 : err_oom(e);
}

/* Every node of the host's /dev, top level and one below, but what the box makes itself. */
static int devices_all(struct box *b, const char *dir, int depth, struct err *e) {
    static const char *const own[] = {"pts",  "shm",   "mqueue", "console", "ptmx",
                                      "fd",   "stdin", "stdout", "stderr",  "null",
                                      "zero", "full",  "random", "urandom", "tty"};
    DIR *d = opendir(dir);
    if (!d)
        return err_sys(e, "%s", dir);
    int r = 0;
    for (struct dirent *x; r == 0 && b->n_devices < DEVICES_MAX && (x = readdir(d));) {
        bool skip = x->d_name[0] == '.';
        for (size_t i = 0; depth == 0 && i < ARRAY_SIZE(own); i++)
            skip = skip || str_eq(x->d_name, own[i]);
        char *path = skip ? NULL : arena_printf(b->a, "%s/%s", dir, x->d_name);
        struct stat st;
        if (!path || lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth == 0)
            r = devices_all(b, path, depth + 1, e);
        else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
            r = devices_add(b, path, path, e);
    }
    closedir(d);
    return r;
}

int box_resolve_devices(struct box *b, struct err *e) {
    size_t max = b->n_device_words + (b->o->privileged ? DEVICES_MAX : 0) + 1;
    b->devices = arena_array(b->a, max, struct rt_device);
    if (!b->devices)
        return err_oom(e);
    int r = 0;
    for (size_t i = 0; r == 0 && i < b->n_device_words; i++)
        r = devices_add(b, b->device_words[i].host, b->device_words[i].container, e);
    if (r == 0 && b->o->privileged)
        r = devices_all(b, "/dev", 0, e);
    return r;
}
