/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes, links and the terminal. */
#include "machine/container/apply.h"

#include "base/path.h"
#include "machine/container/bind.h"
#include "machine/container/sync.h"
#include "sys/mount.h"
#include "sys/tty.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int apply_symlink(struct apply *a, const struct plan_step *s) {
    int dir = apply_dir(a, s->ref[0]);
    if (dir < 0)
        return dir;
    if (symlinkat(apply_str(a, s, 2), dir, apply_str(a, s, 1)) < 0 && errno != EEXIST)
        return apply_failed(a, -errno, "make the link", apply_str(a, s, 1));
    return 0;
}

int apply_node(struct apply *a, const struct plan_step *s) {
    const char *name = apply_str(a, s, 1);
    mode_t mode = (mode_t)s->num[0];
    dev_t dev = (dev_t)s->num[1];
    struct stat st;
    int dir = apply_dir(a, s->ref[0]);
    if (dir < 0)
        return dir;
    if (mknodat(dir, name, mode, dev) < 0) {
        int code = -errno;
        /* an image without a /dev of ours: what stands there must be the very device */
        if (code != -EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            ((st.st_mode ^ mode) & S_IFMT) || st.st_rdev != dev)
            return apply_failed(a, code, "make the device", name);
    }
    if ((s->num[2] || s->num[3]) &&
        fchownat(dir, name, (uid_t)s->num[2], (gid_t)s->num[3], AT_SYMLINK_NOFOLLOW) < 0)
        return apply_failed(a, -errno, "give away the device", name);
    return 0;
}

/* The place of a bound device: an empty file, or what stands there and is of its kind. */
static int node_place(struct apply *a, int dir, const char *name) {
    struct stat st;
    int made = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (made < 0 && errno != EEXIST)
        return apply_failed(a, -errno, "make the place of the device", name);
    if (made >= 0)
        close(made);
    AUTO_FD int target = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (target < 0 || fstat(target, &st) < 0)
        return apply_failed(a, -errno, "open the place of the device", name);
    if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(a->e, ERR_DENIED, -EEXIST,
                       "device %s: something else stands in its place in the box", name);
    return TAKE_FD(target);
}

static int node_of_host(struct apply *a, const struct plan_step *s) {
    const char *host = apply_str(a, s, 2);
    dev_t dev = (dev_t)s->num[1];
    struct stat st;
    AUTO_FD int mnt = mount_bind(AT_FDCWD, host, false);
    if (mnt < 0)
        return apply_failed(a, mnt, "bind the device", host);
    if (fstat(mnt, &st) < 0 || ((st.st_mode ^ s->num[0]) & S_IFMT) || st.st_rdev != dev)
        return err_set(a->e, ERR_USAGE, -ENODEV,
                       "device %s: in a user namespace the host's own node is given, and the "
                       "host's %s is not device %u:%u",
                       apply_str(a, s, 1), host, major(dev), minor(dev));
    return TAKE_FD(mnt);
}

/* In a user namespace nodes cannot be made: one of the host, or made by the starter, is bound over
 * an empty file. */
int apply_node_bind(struct apply *a, const struct plan_step *s) {
    const char *name = apply_str(a, s, 1);
    int dir = apply_dir(a, s->ref[0]);
    if (dir < 0)
        return dir;
    AUTO_FD int mnt = s->flags & PLAN_GIVEN ? source_ask(a, s) : node_of_host(a, s);
    if (mnt < 0)
        return mnt;
    AUTO_FD int target = node_place(a, dir, name);
    if (target < 0)
        return target;
    int r = mount_put(mnt, target);
    return r < 0 ? apply_failed(a, r, "bind the device", name) : 0;
}

/* --- terminal ----------------------------------------------------------------------------------
 */

static int console_open(struct apply *a, int *master, int *slave) {
    AUTO_FD int pts = a->root >= 0 ? path_open_in_root(a->root, "/dev/pts", O_PATH | O_DIRECTORY, 0)
                                   : open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (a->root < 0 && pts < 0)
        pts = -errno;
    if (pts < 0 || mount_magic(pts) != MOUNT_MAGIC_DEVPTS)
        return err_set(a->e, ERR_UNAVAILABLE, -ENODEV,
                       "the box has no devpts on /dev/pts: a terminal needs one");
    int r = tty_open_pty(pts, "ptmx", master, slave);
    return r < 0 ? err_sysn(a->e, r, "cannot open a terminal in the box") : 0;
}

/* init only: the terminal is /dev/console too. */
static int console_bind(struct apply *a, int slave) {
    AUTO_FD int mnt = mount_bind(slave, "", false);
    if (mnt < 0)
        return apply_failed(a, mnt, "bind", "/dev/console");
    /* a link of the image's would lead the terminal to a file of its choice */
    AUTO_FD int target = apply_target(a, "/dev/console", false, PLAN_NOFOLLOW);
    if (target < 0)
        return target;
    int r = mount_put(mnt, target);
    return r < 0 ? apply_failed(a, r, "mount on", "/dev/console") : 0;
}

int apply_console(struct apply *a, const struct plan_step *s) {
    AUTO_FD int master = -1;
    AUTO_FD int slave = -1;
    int r = console_open(a, &master, &slave);
    if (r < 0)
        return r;
    if (fchown(slave, (uid_t)s->num[0], (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
        return err_sys(a->e, "cannot give the terminal to its user");
    if (s->num[1] && s->num[2])
        tty_set_size(slave, (uint16_t)s->num[2], (uint16_t)s->num[1]);
    if (a->root >= 0 && (r = console_bind(a, slave)) < 0)
        return r;
    r = tty_make_controlling(slave);
    if (r < 0)
        return err_sysn(a->e, r, "cannot make the terminal the controlling one");
    for (int i = 0; i < 3; i++) {
        if (dup2(slave, i) < 0)
            return err_sys(a->e, "cannot pass the terminal");
    }
    r = sync_say(a->sock, SYNC_CONSOLE, master);
    return r < 0 ? err_sysn(a->e, r, "cannot hand out the terminal") : 0;
}
