/* SPDX-License-Identifier: Apache-2.0 */
/* The end on disk. What a following command looks at changes first and by rename; the slow part
 * comes after the clients know. */
#include "monitor/monitor.h"

#include "base/path.h"
#include "base/str.h"
#include "net/forward.h"
#include "net/net.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

/* Only while the link still says our id: it may have been given to another since. */
static void exit_unlink_ours(struct monitor *m, int dirfd, const char *name) {
    char target[256];
    ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

    if (n < 0)
        return;
    target[n] = '\0';
    if (str_eq(target, m->bundle.settings->id))
        unlinkat(dirfd, name, 0);
}

static int exit_open_dir(struct monitor *m, const char *path) {
    return openat(m->dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Directory to tmp/rm-<id>, name away. The shared lock on tmp/ tells others that it is in hand;
 * it goes with the descriptor. Returns it, or -errno. */
static int exit_vanish(struct monitor *m) {
    const char *id = m->bundle.settings->id;
    char to[80];
    AUTO_FD int containers = exit_open_dir(m, BUNDLE_CONTAINERS);
    AUTO_FD int names = exit_open_dir(m, BUNDLE_NAMES);
    AUTO_FD int tmp = exit_open_dir(m, BUNDLE_TMP);

    if (containers < 0 || tmp < 0 || flock(tmp, LOCK_SH) < 0)
        return -errno;
    snprintf(to, sizeof(to), "rm-%s", id);
    if (renameat(containers, id, tmp, to) < 0 && errno != ENOENT)
        return -errno;
    if (names >= 0 && m->bundle.settings->name[0])
        exit_unlink_ours(m, names, m->bundle.settings->name);
    return TAKE_FD(tmp);
}

void exit_record(struct monitor *m) {
    if (m->recorded || !m->bundle.settings)
        return;
    m->recorded = true;
    m->tmp_fd = m->bundle.settings->auto_remove ? exit_vanish(m) : -1;
    if (m->tmp_fd < 0)
        mon_write_exit(m->dirfd, &m->exit);
}

static void exit_remove_volumes(struct monitor *m, int tmp) {
    AUTO_FD int volumes = exit_open_dir(m, BUNDLE_VOLUMES);
    const char *p = m->bundle.settings->volumes;

    while (volumes >= 0 && *p) {
        char name[80], to[80];
        size_t n = strcspn(p, ",");
        if (n + sizeof("rm-") <= sizeof(name)) {
            memcpy(name, p, n);
            name[n] = '\0';
            snprintf(to, sizeof(to), "rm-%.76s", name);
            if (renameat(volumes, name, tmp, to) == 0)
                path_remove_tree(tmp, to);
        }
        p += n + (p[n] == ',');
    }
}

static void exit_remove(struct monitor *m) {
    const struct mon_settings *s = m->bundle.settings;
    AUTO_FD int net = exit_open_dir(m, BUNDLE_NET);
    char dir[80];

    exit_remove_volumes(m, m->tmp_fd);
    if (net >= 0 && s->lease[0])
        exit_unlink_ours(m, net, s->lease);
    snprintf(dir, sizeof(dir), "rm-%s", s->id);
    path_remove_tree(m->tmp_fd, dir);
    fd_close(&m->tmp_fd);
}

/* Ports: 20 us, and a following command may want them at once. */
void exit_release(struct monitor *m) {
    struct err ignored = {0};

    if (m->forwarder > 0)
        forward_stop(m->forwarder, &m->forwarder_fd);
    m->forwarder = 0;
    if (m->net_tried)
        net_detach_begin(m->bundle.net, m->bundle.net_len, m->host_netns, &m->filter_fd, &ignored);
    m->net_tried = false;
    while (m->nlisteners > 0)
        close(m->listeners[--m->nlisteners]);
}

void exit_clean(struct monitor *m) {
    struct err ignored = {0};

    if (m->cleaned)
        return;
    m->cleaned = true;
    if (m->machine.ops)
        machine_end(&m->machine, &ignored);
    if (m->tmp_fd > 0)
        exit_remove(m);
    else if (m->listen_fd >= 0)
        unlinkat(m->dirfd, MON_CTL_SOCK, 0);
    fd_close(&m->lock_fd); /* last: from here on nothing of the container is left */
}
