/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, cgroups, and the root file system: from recipe to "/". */
#include "machine/container/apply.h"

#include "base/io.h"
#include "base/path.h"
#include "machine/container/bind.h"
#include "machine/container/birth.h"
#include "sys/cgroup.h"
#include "sys/mount.h"
#include "sys/ns.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

int apply_join_ns(struct apply *a, const struct plan_step *s) {
    const char *path = apply_str(a, s, 0);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : ns_enter(fd, s->num[0]);
    return r < 0 ? birth_join_failed(a->plan, s, r, a->e) : 0;
}

/* The offsets of a time namespace can be set until somebody is in it: so it is made for children,
 * written, and entered. */
int apply_time_ns(struct apply *a, const struct plan_step *s) {
    const char *offsets = apply_str(a, s, 0);
    int r = ns_unshare(CLONE_NEWTIME);
    if (r < 0)
        return err_sysn(a->e, r, "cannot make a time namespace%s",
                        r == -EINVAL ? ": this kernel has none" : "");
    if (offsets) {
        /* the file of a process that may not be looked at belongs to the host's root */
        prctl(PR_SET_DUMPABLE, 1);
        r = apply_write_proc(a, "self/timens_offsets", offsets);
        prctl(PR_SET_DUMPABLE, 0);
    }
    if (r < 0)
        return err_sysn(a->e, r, "cannot set linux.timeOffsets%s",
                        r == -ERANGE ? ": the clock would leave its range" : "");
    AUTO_FD int fd = openat(a->proc, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    r = fd < 0 ? -errno : ns_enter(fd, CLONE_NEWTIME);
    return r < 0 ? err_sysn(a->e, r, "cannot enter the time namespace") : 0;
}

int apply_join_cgroup(struct apply *a, const struct plan_step *s) {
    const char *dir = apply_str(a, s, 0);
    int r = cgroup_join_v1(dir);
    return r < 0 ? apply_failed(a, r, "enter the cgroup", dir) : 0;
}

int apply_join_box(struct apply *a, const struct plan_step *s) {
    int r = ns_join_process(a->box, s->num[0]);
    if (r == -EINVAL && (s->num[0] & CLONE_NEWUSER)) /* born in it */
        r = ns_join_process(a->box, s->num[0] & ~(uint64_t)CLONE_NEWUSER);
    if (r == -ESRCH)
        return err_set(a->e, ERR_CONFLICT, r, "the container has stopped");
    return r < 0 ? err_sysn(a->e, r, "cannot enter the container's namespaces") : 0;
}

int apply_unshare(struct apply *a, const struct plan_step *s) {
    int r = ns_unshare(s->num[0]);
    return r < 0 ? err_sysn(a->e, r, "cannot make a namespace") : 0;
}

int apply_root_ids(struct apply *a, const struct plan_step *s) {
    /* a user namespace without setgroups (a single mapped id) has no groups to drop */
    if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
        return err_sys(a->e, "cannot drop groups");
    if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
        return err_sys(a->e, "cannot become root of the user namespace: does its map hold id 0?");
    return apply_die_with_starter(a);
}

int apply_propagation(struct apply *a, const struct plan_step *s) {
    int r = ns_at_root();
    if (r == 0)
        return err_set(
            a->e, ERR_UNAVAILABLE, -EXDEV,
            "hako was started in a chroot: the box could reach what lies above it; start "
            "hako outside of it, or make it a root with pivot_root(8)");
    if (r > 0)
        r = mount_propagation((unsigned long)s->num[0]);
    return r < 0 ? err_sysn(a->e, r, "cannot part the box's mounts from the host's") : 0;
}

/* --- root --------------------------------------------------------------------------------------
 */

/* Attach a detached root on the host directory `at`, in our own mount namespace. */
static int root_attach(struct apply *a, int mnt, const char *at) {
    AUTO_FD int target = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0) {
        int r = err_sys(a->e, "cannot open %s", at);
        close(mnt);
        return r;
    }
    int r = mount_put(mnt, target);
    if (r < 0) {
        close(mnt);
        return apply_failed(a, r, "attach the root on", at);
    }
    a->root = mnt;
    return 0;
}

/* "lowerdir+" takes one layer each, without escapes and without the page's limit on length. */
static int overlay_layers(struct apply *a, int fs, const struct plan_step *s) {
    uint32_t n;
    const uint32_t *lower = plan_list(a->plan, s->ref[0], &n);
    for (uint32_t i = 0; i < n; i++) {
        int r = mount_fs_set(fs, "lowerdir+", plan_str(a->plan, lower[i]));
        if (r < 0)
            return r;
    }
    return n ? 0 : -EINVAL;
}

/* Before 6.7: one string. Layers by /proc/self/fd: short, and free of ":" and "\". */
static int overlay_layers_old(struct apply *a, int fs, const struct plan_step *s) {
    char text[4096];
    size_t at = 0;
    uint32_t n;
    const uint32_t *lower = plan_list(a->plan, s->ref[0], &n);
    for (uint32_t i = 0; i < n; i++) {
        int fd = open(plan_str(a->plan, lower[i]), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return -errno;
        int w = snprintf(text + at, sizeof(text) - at, "%s/proc/self/fd/%d", i ? ":" : "", fd);
        if (w < 0 || (size_t)w >= sizeof(text) - at)
            return -E2BIG;
        at += (size_t)w;
    }
    return n ? mount_fs_set(fs, "lowerdir", text) : -EINVAL;
}

static int overlay_configure(struct apply *a, int fs, const struct plan_step *s, bool old) {
    const char *upper = apply_str(a, s, 1), *work = apply_str(a, s, 2);
    int r = mount_fs_set(fs, "source", "overlay");
    if (r == 0)
        r = old ? overlay_layers_old(a, fs, s) : overlay_layers(a, fs, s);
    if (r == 0 && upper)
        r = mount_fs_set(fs, "upperdir", upper);
    if (r == 0 && upper && work)
        r = mount_fs_set(fs, "workdir", work);
    if (r == 0 && (s->num[0] & PLAN_OVL_USERXATTR))
        r = mount_fs_option(fs, "userxattr");
    if (r == 0 && (s->num[0] & PLAN_OVL_VOLATILE))
        r = mount_fs_option(fs, "volatile");
    return r;
}

/* A volatile overlay leaves a mark, so that it is not used again after a crash of the host, which
 * may have lost parts of it. A throwaway box is not kept that long; it may be started twice,
 * though. */
static void overlay_unmark(const char *work) {
    AUTO_FD int dir = open(work, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0 && unlinkat(dir, "work/incompat/volatile/dirty", 0) == 0)
        unlinkat(dir, "work/incompat/volatile", AT_REMOVEDIR);
}

/* The mount, not attached yet, or -errno. `why` says what the kernel said. */
static int overlay_mount(struct apply *a, const struct plan_step *s, bool old, char why[128]) {
    int fs = mount_fs("overlay");
    int r = fs < 0 ? fs : overlay_configure(a, fs, s, old);
    if (r == 0)
        return mount_fs_done(fs, 0, why, 128);
    if (fs >= 0)
        close(fs);
    return r;
}

int apply_root_overlay(struct apply *a, const struct plan_step *s) {
    char why[128] = "";
    uint32_t n;
    const uint32_t *lower = plan_list(a->plan, s->ref[0], &n);
    if ((s->num[0] & PLAN_OVL_VOLATILE) && s->ref[2])
        overlay_unmark(apply_str(a, s, 2));
    int mnt = overlay_mount(a, s, false, why);
    /* 6.7 refuses an unknown key at once; before 6.5 any key is taken and only the mount fails. */
    if (mnt == -EINVAL && n)
        mnt = overlay_mount(a, s, true, why);
    if (mnt < 0)
        return err_sysn(a->e, mnt, "cannot mount the root file system (overlay of %u layers%s%s)",
                        n, why[0] ? ": " : "", why);
    /* on its own work directory: nobody else has business there */
    return root_attach(a, mnt, s->ref[2] ? apply_str(a, s, 2) : plan_str(a->plan, lower[0]));
}

int apply_root_dir(struct apply *a, const struct plan_step *s) {
    const char *dir = apply_str(a, s, 0);
    if (s->flags & PLAN_IN_PLACE) {
        int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return apply_failed(a, -errno, "use as root", dir);
        a->root = fd;
        return 0;
    }
    bool attached = false;
    int mnt = source_take(a, s, &attached);
    if (mnt < 0)
        return err_wrap(a->e, "root");
    if (!attached)
        return root_attach(a, mnt, dir);
    a->root = mnt;
    return 0;
}

int apply_root_attr(struct apply *a, const struct plan_step *s) {
    AUTO_FD int after_pivot = a->root >= 0 ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int root = a->root >= 0 ? a->root : after_pivot;
    int r = 0;
    if (s->num[0])
        r = mount_set(root, false, s->num[0], 0, 0);
    if (r == 0 && s->num[1])
        r = mount_set(root, s->num[1] & MS_REC, 0, 0, s->num[1] & ~(uint64_t)MS_REC);
    return r < 0 ? err_sysn(a->e, r, "cannot set the attributes of the root file system") : 0;
}

static void root_done(struct apply *a) {
    fd_close(&a->root);
    fd_close(&a->dir);
    fd_close(&a->empty);
}

int apply_pivot(struct apply *a, const struct plan_step *s) {
    int r = s->flags & PLAN_MOVE ? mount_move_root(a->root, a->proc) : mount_pivot(a->root);
    if (r == -EINVAL && !(s->flags & PLAN_MOVE))
        return err_sysn(a->e, r,
                        "cannot make the root file system the root (a host that runs from a "
                        "ramdisk needs --no-pivot)");
    if (r < 0)
        return err_sysn(a->e, r, "cannot make the root file system the root");
    root_done(a);
    return 0;
}

/* The mount namespace is not the box's own: its root stays as it is. */
int apply_chroot(struct apply *a, const struct plan_step *s) {
    if (fchdir(a->root) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return err_sys(a->e, "cannot make the root file system the root");
    root_done(a);
    return 0;
}

/* exec: where the box's init has its root, by the host's procfs, which knows its number. */
int apply_box_root(struct apply *a, const struct plan_step *s) {
    char path[64], text[512];
    snprintf(path, sizeof(path), "self/fdinfo/%d", a->box);
    AUTO_FD int info = openat(a->proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = info < 0 ? -errno : io_read_full(info, text, sizeof(text) - 1);
    text[n < 0 ? 0 : n] = 0;
    const char *pid = strstr(text, "\nPid:");
    long number = pid ? strtol(pid + 5, NULL, 10) : -1;
    if (number <= 0)
        return err_set(a->e, ERR_CONFLICT, -ESRCH, "the container has stopped");
    snprintf(path, sizeof(path), "%ld/root", number);
    a->root = openat(a->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return a->root < 0 ? err_sys(a->e, "cannot open the container's root") : 0;
}
