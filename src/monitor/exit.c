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
static int exit_unlink_ours(struct monitor *m, int dirfd, const char *name) {
    char target[256];
    ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

    if (n < 0)
        return errno == ENOENT ? 0 : -errno;
    target[n] = '\0';
    if (str_eq(target, m->bundle.settings->id) && unlinkat(dirfd, name, 0) < 0)
        return -errno;
    return 0;
}

static int exit_open_dir(struct monitor *m, const char *path) {
    return openat(m->dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Each anonymous volume, under the name that it has while it is removed. */
static void exit_each_volume(struct monitor *m, int tmp,
                             void (*fn)(int volumes, const char *name, int tmp, const char *rm)) {
    const char *p = m->bundle.settings->volumes;
    AUTO_FD int volumes = *p ? exit_open_dir(m, BUNDLE_VOLUMES) : -1;

    while (*p) {
        char rm[80] = "rm-";
        size_t n = strcspn(p, ",");
        if (n < sizeof(rm) - 3) {
            memcpy(rm + 3, p, n);
            rm[3 + n] = '\0';
            fn(volumes, rm + 3, tmp, rm);
        }
        p += n + (p[n] == ',');
    }
}

static void exit_move_volume(int volumes, const char *name, int tmp, const char *rm) {
    renameat(volumes, name, tmp, rm);
}

static void exit_remove_volume(int volumes, const char *name, int tmp, const char *rm) {
    path_remove_tree(tmp, rm);
}

/* Volumes, name and at last the directory go, so that whoever finds us killed in between finds the
 * directory and finishes the work. The shared lock on tmp/ tells others that it is in hand; it goes
 * with the descriptor. Returns it, or -errno. */
static int exit_vanish(struct monitor *m) {
    const char *id = m->bundle.settings->id;
    char to[80];
    AUTO_FD int containers = exit_open_dir(m, BUNDLE_CONTAINERS);
    AUTO_FD int names = exit_open_dir(m, BUNDLE_NAMES);
    AUTO_FD int tmp = exit_open_dir(m, BUNDLE_TMP);

    if (containers < 0 || names < 0 || tmp < 0 || flock(tmp, LOCK_SH) < 0)
        return -errno;
    exit_each_volume(m, tmp, exit_move_volume);
    int r = m->bundle.settings->name[0] ? exit_unlink_ours(m, names, m->bundle.settings->name) : 0;
    if (r < 0)
        return r;
    snprintf(to, sizeof(to), "rm-%s", id);
    if (renameat(containers, id, tmp, to) < 0 && errno != ENOENT)
        return -errno;
    return TAKE_FD(tmp);
}

void exit_record(struct monitor *m) {
    const struct mon_settings *s = m->bundle.settings; /* NULL: the bundle is unreadable */

    if (m->recorded)
        return;
    m->recorded = true;
    m->tmp_fd = s && s->auto_remove ? exit_vanish(m) : -1;
    if (m->tmp_fd < 0)
        mon_write_exit(m->dirfd, &m->exit);
}

/* The directory last: as long as it is there, a sweep finishes the work. */
static void exit_remove(struct monitor *m) {
    const struct mon_settings *s = m->bundle.settings;
    AUTO_FD int net = s->lease[0] ? exit_open_dir(m, BUNDLE_NET) : -1;
    char dir[80];

    if (s->lease[0] && (net < 0 || exit_unlink_ours(m, net, s->lease) < 0))
        return;
    exit_each_volume(m, m->tmp_fd, exit_remove_volume);
    snprintf(dir, sizeof(dir), "rm-%s", s->id);
    path_remove_tree(m->tmp_fd, dir);
}

/* Ports: 20 us, and a following command may want them at once. */
void exit_release(struct monitor *m) {
    struct err ignored = {0};

    if (m->forwarder > 0)
        forward_stop(m->forwarder, &m->forwarder_fd);
    m->forwarder = 0;
    if (m->net_tried && net_detach_begin(m->bundle.net, m->bundle.net_len, m->host_netns,
                                         &m->filter_fd, &ignored) == 0)
        m->net_tried = false;
    while (m->nlisteners > 0)
        close(m->listeners[--m->nlisteners]);
}

/* What the kernel holds for the box. False: something resists; the next command tries again. */
static bool exit_undo(struct monitor *m) {
    struct err ignored = {0};
    int r = m->machine.ops ? machine_end(&m->machine, &ignored) : 0;

    if (m->net_tried && net_detach(m->bundle.net, m->bundle.net_len, m->host_netns, &ignored) < 0)
        return false;
    return r == 0;
}

void exit_clean(struct monitor *m) {
    const struct mon_settings *s = m->bundle.settings;

    if (m->cleaned)
        return;
    m->cleaned = true;
    bool undone = exit_undo(m);
    if (m->tmp_fd > 0 && undone)
        exit_remove(m);
    else if (m->tmp_fd <= 0 && m->listen_fd >= 0)
        unlinkat(m->dirfd, MON_CTL_SOCK, 0);
    fd_close(&m->tmp_fd);
    /* The text stays where a sweep has to look: something is left, or a --rm box is still there. */
    if (undone && s && !s->auto_remove && m->lock_fd >= 0)
        (void)!ftruncate(m->lock_fd, 0);
    fd_close(&m->lock_fd); /* last: from here on nothing of the container is left */
}
