/* SPDX-License-Identifier: Apache-2.0 */
/* Removal: rename first, so that it is all gone at once; the tree follows. */
#include "engine/container.h"

#include "base/path.h"
#include "base/str.h"
#include "store/volume.h"
#include "sys/userns.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

struct remove_job {
    int dirfd;
    const char *name;
};

static int remove_job_run(void *data, struct err *e) {
    struct remove_job *j = data;
    int r = path_remove_tree(j->dirfd, j->name);
    return r < 0 ? err_sysn(e, r, "cannot remove %s", j->name) : 0;
}

int remove_tree(hako_engine *g, int dirfd, const char *name, struct err *e) {
    int r = path_remove_tree(dirfd, name);
    if ((r == -EACCES || r == -EPERM) && g->rootless) {
        struct userns_maps maps;
        struct remove_job job = {dirfd, name};
        r = userns_maps_read(&maps, e);
        return r < 0 ? r : userns_run(&maps, remove_job_run, &job, e);
    }
    return r < 0 ? err_sysn(e, r, "cannot remove %s", name) : 0;
}

/* Only when it still points at us: the name may have been given to another since. */
static int remove_name(hako_engine *g, const char *name, const char *id) {
    char target[66] = {0};
    ssize_t n = readlinkat(g->namesfd, name, target, sizeof(target) - 1);
    if (n == 64 && strcmp(target, id) == 0 && unlinkat(g->namesfd, name, 0) < 0)
        return -errno;
    return n < 0 && errno != ENOENT ? -errno : 0;
}

int remove_volumes(hako_engine *g, const struct record *rec, struct err *e) {
    for (size_t i = 0; i < rec->n_mounts; i++) {
        const struct record_mount *m = &rec->mounts[i];
        int r = m->anonymous && m->name ? volume_remove(g->datafd, m->name, NULL, NULL, e) : 0;
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

void remove_new_volumes(hako_engine *g, int dirfd) {
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        fd_close(&fd);
        return;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        char name[80];
        struct err ignored = {0};
        ssize_t n = str_starts(d->d_name, "volume-")
                        ? readlinkat(dirfd, d->d_name, name, sizeof(name) - 1)
                        : -1;
        if (n != VOLUME_NAME_LEN)
            continue;
        name[n] = 0;
        volume_remove(g->datafd, name, NULL, NULL, &ignored);
    }
    closedir(dir);
}

/* The directory itself goes last: while it is in tmp/, somebody finishes what fails here. */
static int remove_rest(hako_engine *g, const struct record *rec, const char *tmp, bool volumes,
                       struct err *e) {
    int r = remove_name(g, rec->name, rec->id);
    if (r == 0 && rec->lease && unlinkat(g->netfd, rec->lease, 0) < 0 && errno != ENOENT)
        r = -errno;
    if (r < 0)
        return err_sysn(e, r, "cannot free the name and address of container %s", rec->name);
    if (volumes)
        r = remove_volumes(g, rec, e);
    return r < 0 ? r : remove_tree(g, g->tmpfd, tmp, e);
}

int container_destroy(hako_engine *g, const struct record *rec, bool volumes, struct err *e) {
    char tmp[80];
    snprintf(tmp, sizeof(tmp), "rm-%s%s", rec->id, volumes ? REMOVE_WITH_VOLUMES : "");
    if (flock(g->tmpfd, LOCK_SH) < 0)
        return err_sys(e, "cannot lock %s/tmp", g->data);
    int r = 0;
    if (renameat(g->containersfd, rec->id, g->tmpfd, tmp) < 0 && errno != ENOENT)
        r = err_sys(e, "cannot remove container %.12s", rec->id);
    if (r == 0)
        r = remove_rest(g, rec, tmp, volumes, e);
    flock(g->tmpfd, LOCK_UN);
    return r;
}

int hako_container_remove(hako_container *c, bool force, bool volumes, hako_error *he) {
    struct err *e = as_err(he);
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    bool running = st.status == HAKO_RUNNING || st.status == HAKO_PAUSED;
    if (running && !force)
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "cannot remove container \"%s\": container is running: stop the container "
                       "before removing or force remove",
                       c->rec.name);
    r = running ? talk_kill(c, e) : 0;
    return r < 0 ? r : container_destroy(c->g, &c->rec, volumes || c->rec.auto_remove, e);
}
