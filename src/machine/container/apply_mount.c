/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of the box: file systems, binds, masks. */
#include "machine/container/apply.h"

#include "base/path.h"
#include "base/str.h"
#include "machine/container/bind.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool mount_kinds_differ(int mnt, int target) {
    struct stat a, b;
    return fstat(mnt, &a) == 0 && fstat(target, &b) == 0 &&
           S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode);
}

/* Put a detached mount on its target and let go of it. */
static int mount_finish(struct apply *a, int mnt, int target, const char *path) {
    int r = mount_put(mnt, target);
    fd_close(&a->dir); /* what was kept open may be covered now */
    if (r < 0 && mount_kinds_differ(mnt, target))
        return err_set(a->e, ERR_USAGE, r,
                       "cannot mount on %s: one is a directory, the other a file", path);
    return r < 0 ? apply_failed(a, r, "mount on", path) : 0;
}

/* Before the options, of which the last word counts. -1: none. */
static int mount_mode(int fs, int mode) {
    char text[16];
    snprintf(text, sizeof(text), "%o", (unsigned)mode);
    return mode < 0 ? 0 : mount_fs_set(fs, "mode", text);
}

static int mount_new(struct apply *a, const struct plan_step *s, int mode) {
    char why[128] = "";
    const char *type = apply_str(a, s, 0), *target = apply_str(a, s, 2);
    uint32_t n;
    const uint32_t *opt = plan_list(a->plan, s->ref[3], &n);
    int fs = mount_fs(type);
    if (fs < 0)
        return err_sysn(a->e, fs, "mount on %s: file system type %s", target, type);
    int r = mount_fs_set(fs, "source", apply_str(a, s, 1));
    if (r < 0)
        err_sysn(a->e, r, "mount %s on %s: cannot set its source", type, target);
    else if ((r = mount_mode(fs, mode)) < 0)
        err_sysn(a->e, r, "mount %s on %s: mode %o", type, target, (unsigned)mode);
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        r = mount_fs_option(fs, plan_str(a->plan, opt[i]));
        if (r < 0)
            err_sysn(a->e, r, "mount %s on %s: option \"%s\"", type, target,
                     plan_str(a->plan, opt[i]));
    }
    if (r < 0) {
        close(fs);
        return r;
    }
    r = mount_fs_done(fs, s->num[0], why, sizeof(why));
    return r < 0 ? err_sysn(a->e, r, "cannot mount %s on %s%s%s", type, target, why[0] ? ": " : "",
                            why)
                 : r;
}

/* --- options that fsconfig(2) does not take: longer than its 255 bytes ------------------------ */

#define MOUNT_LONG 255

static bool mount_has_long(const struct apply *a, const struct plan_step *s) {
    uint32_t n;
    const uint32_t *opt = plan_list(a->plan, s->ref[3], &n);
    for (uint32_t i = 0; i < n; i++) {
        if (strlen(plan_str(a->plan, opt[i])) > MOUNT_LONG)
            return true;
    }
    return false;
}

/* mount(2), which takes a page of them; then its root, that the rest is as with the others. */
static int mount_long(struct apply *a, const struct plan_step *s, int target, int mode) {
    char data[4096] = "", at[32];
    const char *path = apply_str(a, s, 2);
    uint32_t n;
    const uint32_t *opt = plan_list(a->plan, s->ref[3], &n);
    size_t len = mode < 0 ? 0 : (size_t)snprintf(data, sizeof(data), "mode=%o", (unsigned)mode);
    for (uint32_t i = 0; i < n; i++) {
        const char *word = plan_str(a->plan, opt[i]);
        size_t k = strlen(word);
        if (len + k + 2 > sizeof(data))
            return apply_failed(a, -E2BIG, "pass the options of the mount on", path);
        if (len)
            data[len++] = ',';
        memcpy(data + len, word, k + 1);
        len += k;
    }
    snprintf(at, sizeof(at), "/proc/self/fd/%d", target);
    if (sys_mount(apply_str(a, s, 1), at, apply_str(a, s, 0), 0, data) < 0)
        return err_sys(a->e, "cannot mount %s on %s", apply_str(a, s, 0), path);
    fd_close(&a->dir);
    AUTO_FD int mnt = apply_open_target(a, path, s->flags);
    int r = mnt < 0 ? mnt : mount_set(mnt, false, s->num[0], 0, s->num[1] & ~(uint64_t)MS_REC);
    return r < 0 ? apply_failed(a, r, "set the options of the mount on", path) : 0;
}

/* Fill a new mount from what the image has at its place. */
static int mount_copyup(struct apply *a, int mnt, const char *target) {
    AUTO_FD int from = path_open_in_root(a->root, target, O_RDONLY | O_DIRECTORY, 0);
    if (from < 0)
        return from == -ENOENT || from == -ENOTDIR ? 0 : apply_failed(a, from, "read", target);
    AUTO_FD int to = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        return to == -1 && errno == ENOTDIR ? 0
                                            : err_sys(a->e, "cannot open the volume of %s", target);
    int r = copyup_is_empty(to);
    if (r < 0)
        return apply_failed(a, r, "read the volume of", target);
    if (r == 1 && copyup_tree(from, to, a->e) < 0)
        return err_wrap(a->e, "cannot fill the volume of %s", target);
    return 0;
}

/* Of the directory that is there, not of one that is made for the mount. */
static int mount_mode_below(struct apply *a, const struct plan_step *s) {
    struct stat st;
    if (!(s->flags & PLAN_MODE_BELOW))
        return -1;
    AUTO_FD int there = apply_open_target(a, apply_str(a, s, 2), s->flags);
    return there >= 0 && fstat(there, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

int apply_mount(struct apply *a, const struct plan_step *s) {
    const char *path = apply_str(a, s, 2);
    int mode = mount_mode_below(a, s);
    AUTO_FD int target = apply_target(a, path, true, s->flags);
    if (target < 0)
        return target;
    if (mount_has_long(a, s))
        return mount_long(a, s, target, mode);
    AUTO_FD int mnt = mount_new(a, s, mode);
    if (mnt < 0)
        return mnt;
    int r = s->flags & PLAN_COPYUP ? mount_copyup(a, mnt, path) : 0;
    if (r == 0 && s->num[1])
        r = mount_set(mnt, false, 0, 0, s->num[1] & ~(uint64_t)MS_REC);
    return r < 0 ? r : mount_finish(a, mnt, target, path);
}

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#define BIND_LOCKABLE (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* The attributes of the mount itself. What a user namespace may not take away stays, unless it was
 * asked for by name. */
static int bind_own(int mnt, const struct plan_step *s) {
    uint64_t set = s->num[0], clear = s->num[1];
    if (s->flags & PLAN_WHOLE) {
        clear |= MOUNT_ATTR_NOSYMFOLLOW & ~(set | s->num[2]);
        uint64_t more = BIND_LOCKABLE & ~(set | s->num[2]);
        int r = mount_set(mnt, false, set, clear | more, 0);
        if (r != -EPERM)
            return r;
    }
    return set | clear ? mount_set(mnt, false, set, clear, 0) : 0;
}

static int bind_attributes(int mnt, const struct plan_step *s) {
    int r = 0;
    if (s->num[2] | s->num[3])
        r = mount_set(mnt, true, s->num[2], s->num[3], 0);
    if (r == 0)
        r = bind_own(mnt, s);
    if (r == 0 && s->num[4])
        r = mount_set(mnt, s->num[4] & MS_REC, 0, 0, s->num[4] & ~(uint64_t)MS_REC);
    return r;
}

/* Boxes write beneath this source: a link that one of them put there since it was looked up could
 * name any place of the host. */
static int bind_straight(const char *source, bool recursive) {
    AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    AUTO_FD int fd = path_open_beneath(root, source + strspn(source, "/"), O_PATH, 0);
    return fd < 0 ? fd : mount_bind(fd, "", recursive);
}

int bind_source(const char *source, uint32_t flags, struct err *e) {
    bool recursive = flags & PLAN_RECURSIVE;
    int mnt = flags & PLAN_STRAIGHT      ? bind_straight(source, recursive)
              : flags & PLAN_SOURCE_LINK ? mount_bind_link(AT_FDCWD, source, recursive)
                                         : mount_bind(AT_FDCWD, source, recursive);
    if (mnt == -ENOENT)
        return err_set(e, ERR_USAGE, mnt, "bind source path does not exist: %s", source);
    if (mnt == -EINVAL && !recursive)
        return err_set(e, ERR_DENIED, mnt,
                       "cannot bind %s without the mounts beneath it: a user namespace may not "
                       "uncover what they hide (use rbind)",
                       source);
    return mnt < 0 ? err_sysn(e, mnt, "cannot bind %s", source) : mnt;
}

/* Taken before PROPAGATION parts us from the host, a bind stays shared with it. */
int apply_bind_source(struct apply *a, const struct plan_step *s) {
    if (a->n_early >= PLAN_MAX_EARLY)
        return err_set(a->e, ERR_CORRUPT, -E2BIG, "too many shared binds");
    bool asked = false;
    int mnt = source_take(a, s, &asked);
    if (mnt < 0)
        return mnt;
    a->early[a->n_early++] = mnt;
    return 0;
}

/* Mounts are listed in the order they were made: one that was taken early is made again, where the
 * kernel copies what is not attached (6.15); before, they are listed as they were attached. */
static int bind_anew(int mnt, uint32_t flags) {
    int again = mount_bind(mnt, "", flags & PLAN_RECURSIVE);
    if (again < 0)
        return mnt;
    close(mnt);
    return again;
}

/* From the root, with what is mounted in it by now; its links lead nowhere else. `ns`: with the ids
 * mapped; -1 = as they are. */
static int bind_inside(struct apply *a, const struct plan_step *s, int ns) {
    const char *source = apply_str(a, s, 0);
    int flags = O_PATH | (s->flags & PLAN_SOURCE_LINK ? O_NOFOLLOW : 0);
    AUTO_FD int at = path_open_in_root(a->root, source, flags, 0);
    AUTO_FD int mnt = at < 0 ? at : mount_bind(at, "", s->flags & PLAN_RECURSIVE);
    if (mnt < 0)
        return err_sysn(a->e, mnt, "cannot bind %s of the root file system", source);
    int r = ns < 0 ? 0 : idmapped_map(mnt, s->flags & PLAN_MAP_ALL, ns, source, a->e);
    return r < 0 ? r : TAKE_FD(mnt);
}

static int bind_mapped(struct apply *a, const struct plan_step *s) {
    AUTO_FD int fd = a->used_mapped < PLAN_MAX_MAPPED ? a->mapped[a->used_mapped++] : -1;
    if (fd < 0)
        return err_set(a->e, ERR_CORRUPT, -EINVAL, "a mapped bind has no source");
    return s->flags & PLAN_IN_ROOT ? bind_inside(a, s, fd) : bind_anew(TAKE_FD(fd), s->flags);
}

/* Taken already, by birth or BIND_SOURCE, or taken now. */
static int bind_get(struct apply *a, const struct plan_step *s) {
    if (s->flags & PLAN_MAPPED)
        return bind_mapped(a, s);
    if (s->flags & PLAN_IN_ROOT)
        return bind_inside(a, s, -1);
    if ((s->flags & PLAN_EARLY) && a->used_early < a->n_early)
        return bind_anew(a->early[a->used_early++], s->flags);
    bool asked = false;
    return source_take(a, s, &asked);
}

/* 1: the source is a symlink, and the box has the same one now. */
static int bind_copy_link(struct apply *a, const char *source, const char *path) {
    char target[4096], dir[4096];
    ssize_t n = readlink(source, target, sizeof(target) - 1);
    if (n < 0)
        return 0;
    target[n] = 0;
    if (!str_copy(dir, sizeof(dir), path))
        return apply_failed(a, -ENAMETOOLONG, "make the link", path);
    char *slash = strrchr(dir, '/');
    *slash = 0;
    AUTO_FD int parent = path_mkdir_in_root(a->root, slash == dir ? "/" : dir, 0755);
    if (parent < 0)
        return apply_failed(a, parent, "make the link", path);
    if (symlinkat(target, parent, slash + 1) == 0)
        return 1;
    char there[4096];
    int code = -errno;
    n = readlinkat(parent, slash + 1, there, sizeof(there) - 1);
    there[n < 0 ? 0 : n] = 0;
    return code == -EEXIST && strcmp(there, target) == 0
               ? 1
               : apply_failed(a, code, "make the link", path);
}

/* Only another procfs is let take the place of /proc: else what is written there, for the box's
 * protection, would go to files of the box's choice. */
static int bind_on_proc(struct apply *a, int mnt, const char *path) {
    if (strcmp(path, "/proc") != 0 || mount_magic(mnt) == MOUNT_MAGIC_PROC)
        return 0;
    return err_set(a->e, ERR_DENIED, -EPERM,
                   "mount /proc: mounts inside /proc are refused, and on it all but a procfs");
}

int apply_bind(struct apply *a, const struct plan_step *s) {
    const char *source = apply_str(a, s, 0), *path = apply_str(a, s, 1);
    struct stat st;
    int r = s->flags & PLAN_COPY_LINK ? bind_copy_link(a, source, path) : 0;
    if (r != 0)
        return r < 0 ? r : 0;
    AUTO_FD int mnt = bind_get(a, s);
    if (mnt < 0)
        return mnt;
    if (fstat(mnt, &st) < 0)
        return err_sys(a->e, "cannot look at %s", source);
    r = bind_on_proc(a, mnt, path);
    if (r < 0)
        return r;
    AUTO_FD int target = apply_target(a, path, S_ISDIR(st.st_mode), s->flags);
    if (target < 0)
        return target;
    r = s->flags & PLAN_COPYUP ? mount_copyup(a, mnt, path) : 0;
    if (r < 0)
        return r;
    r = bind_attributes(mnt, s);
    if (r < 0)
        return err_sysn(a->e, r, "cannot set the options of the mount of %s on %s%s", source, path,
                        r == -EPERM ? " (the host's mount forbids it: ask for less)" : "");
    return mount_finish(a, mnt, target, path);
}

static int attr_reconfigure(struct apply *a, int target, const struct plan_step *s) {
    uint32_t n;
    const uint32_t *opt = plan_list(a->plan, s->ref[1], &n);
    if (n == 0)
        return 0;
    int fs = mount_fs_pick(target);
    int r = fs < 0 ? fs : 0;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = mount_fs_option(fs, plan_str(a->plan, opt[i]));
    if (r == 0)
        return mount_fs_redone(fs);
    fd_close(&fs);
    return r;
}

int apply_attr(struct apply *a, const struct plan_step *s) {
    const char *path = apply_str(a, s, 0);
    AUTO_FD int fd = path_open_in_root(a->root, path, O_PATH, 0);
    int r = fd < 0 ? fd : attr_reconfigure(a, fd, s);
    if (r == 0)
        r = bind_attributes(fd, s);
    return r < 0 ? err_sysn(a->e, r, "cannot set the mount options of %s%s", path,
                            r == -EINVAL  ? " (nothing is mounted there, or it has no such option)"
                            : r == -EPERM ? " (the host's mount forbids it: ask for less)"
                                          : "")
                 : 0;
}

/* --- masks -------------------------------------------------------------------------------------
 */

/* The first one is put where it belongs, the others are copies of it: only an attached mount can
 * be copied (before 6.15). */
static int mask_dir(struct apply *a) {
    if (a->empty >= 0)
        return mount_bind(a->empty, "", false);
    int fs = mount_fs("tmpfs");
    if (fs < 0)
        return fs;
    int mnt = mount_fs_done(
        fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, NULL, 0);
    if (mnt >= 0)
        a->empty = fcntl(mnt, F_DUPFD_CLOEXEC, 3);
    return mnt;
}

int apply_mask(struct apply *a, const struct plan_step *s) {
    const char *path = apply_str(a, s, 0);
    struct stat st;
    AUTO_FD int target = path_open_in_root(a->root, path, O_PATH, 0);
    if (target == -ENOENT || target == -ENOTDIR)
        return 0;
    if (target < 0 || fstat(target, &st) < 0)
        return apply_failed(a, target < 0 ? target : -errno, "mask", path);
    AUTO_FD int mnt = S_ISDIR(st.st_mode) ? mask_dir(a) : mount_bind(a->null, "", false);
    int r = mnt < 0 ? mnt : 0;
    /* the null device is the host's own: its mode and owner are not the box's to change */
    if (r == 0 && !S_ISDIR(st.st_mode))
        r = mount_set(mnt, false, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, 0);
    if (r == 0)
        r = mount_put(mnt, target);
    return r < 0 ? apply_failed(a, r, "mask", path) : 0;
}

int apply_readonly(struct apply *a, const struct plan_step *s) {
    const char *path = apply_str(a, s, 0);
    AUTO_FD int target = path_open_in_root(a->root, path, O_PATH, 0);
    if (target == -ENOENT || target == -ENOTDIR)
        return 0;
    AUTO_FD int mnt = target < 0 ? target : mount_bind(target, "", true);
    int r = mnt;
    if (mnt >= 0)
        r = mount_set(mnt, true, MOUNT_ATTR_RDONLY, 0, 0);
    if (r == 0)
        r = mount_put(mnt, target);
    return r < 0 ? apply_failed(a, r, "make read-only", path) : 0;
}
