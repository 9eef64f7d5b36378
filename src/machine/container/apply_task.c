/* SPDX-License-Identifier: Apache-2.0 */
/* What the task is: names, limits, user, rights. */
#include "machine/container/apply.h"

#include "base/io.h"
#include "base/path.h"
#include "machine/container/sync.h"
#include "sys/caps.h"
#include "sys/lsm.h"
#include "sys/mount.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int apply_hostname(struct apply *a, const struct plan_step *s) {
    const char *name = apply_str(a, s, 0);
    return sethostname(name, strlen(name)) < 0 ? apply_failed(a, -errno, "set the host name", name)
                                               : 0;
}

int apply_domainname(struct apply *a, const struct plan_step *s) {
    const char *name = apply_str(a, s, 0);
    return setdomainname(name, strlen(name)) < 0
               ? apply_failed(a, -errno, "set the domain name", name)
               : 0;
}

int apply_sysctl(struct apply *a, const struct plan_step *s) {
    const char *key = apply_str(a, s, 0), *value = apply_str(a, s, 1);
    AUTO_FD int dir = openat(a->proc, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || mount_magic(dir) != MOUNT_MAGIC_PROC)
        return err_set(a->e, ERR_DENIED, -ENOENT, "/proc/sys of the host is not a procfs");
    AUTO_FD int fd = path_open_beneath(dir, key, O_WRONLY, 0);
    if (fd == -ENOENT)
        return err_set(a->e, ERR_USAGE, fd, "sysctl %s: this kernel has no such setting", key);
    int r = fd < 0 ? fd : io_write_all(fd, value, strlen(value));
    return r < 0 ? err_sysn(a->e, r, "cannot set sysctl %s to \"%s\"", key, value) : 0;
}

int apply_oom_score(struct apply *a, const struct plan_step *s) {
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)(int64_t)s->num[0]);
    int r = apply_write_proc(a, "self/oom_score_adj", text);
    if ((r == -EACCES || r == -EPERM) && (s->flags & PLAN_CLAMP))
        return 0; /* only a privileged one may go below its own: keep that */
    return r < 0 ? err_sysn(a->e, r, "cannot set oom_score_adj to %s", text) : 0;
}

int apply_rlimit(struct apply *a, const struct plan_step *s) {
    struct rlimit now, l = {(rlim_t)s->num[1], (rlim_t)s->num[2]};
    if (setrlimit((__typeof__(RLIMIT_CORE))s->num[0], &l) == 0)
        return 0;
    int code = -errno;
    if (code == -EPERM && (s->flags & PLAN_CLAMP) &&
        getrlimit((__typeof__(RLIMIT_CORE))s->num[0], &now) == 0) {
        l.rlim_max = MIN_OF(l.rlim_max, now.rlim_max);
        l.rlim_cur = MIN_OF(l.rlim_cur, l.rlim_max);
        if (setrlimit((__typeof__(RLIMIT_CORE))s->num[0], &l) == 0)
            return 0;
    }
    return err_sysn(a->e, code, "cannot set the limit %s to %llu:%llu", apply_str(a, s, 0),
                    (unsigned long long)s->num[1], (unsigned long long)s->num[2]);
}

int apply_keyring(struct apply *a, const struct plan_step *s) {
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, apply_str(a, s, 0)) >= 0)
        return 0;
    /* no keyrings in this kernel, or the user's quota of keys is used up by other boxes: then an
     * anonymous parent's keyring would do no harm that the filter does not already prevent */
    if (errno == ENOSYS ||
        ((s->flags & PLAN_CLAMP) && (errno == EDQUOT || errno == EPERM || errno == EACCES)))
        return 0;
    return err_sys(a->e, "unable to join session keyring");
}

int apply_personality(struct apply *a, const struct plan_step *s) {
    return personality((unsigned long)s->num[0]) < 0 ? err_sys(a->e, "cannot set the personality")
                                                     : 0;
}

int apply_scheduler(struct apply *a, const struct plan_step *s) {
    uint32_t len;
    const void *attr = plan_blob(a->plan, s->ref[0], &len);
    return syscall(SYS_sched_setattr, 0, attr, 0) < 0
               ? err_sys(a->e, "cannot set the scheduling policy")
               : 0;
}

int apply_io_priority(struct apply *a, const struct plan_step *s) {
    return syscall(SYS_ioprio_set, 1, 0, (int)s->num[0]) < 0
               ? err_sys(a->e, "cannot set the I/O priority")
               : 0;
}

int apply_apparmor(struct apply *a, const struct plan_step *s) {
    int r = lsm_apparmor_exec(a->proc, apply_str(a, s, 0));
    return r < 0 ? apply_failed(a, r, "use the AppArmor profile", apply_str(a, s, 0)) : 0;
}

int apply_selinux(struct apply *a, const struct plan_step *s) {
    int r = lsm_selinux_exec(a->proc, apply_str(a, s, 0));
    return r < 0 ? apply_failed(a, r, "use the SELinux label", apply_str(a, s, 0)) : 0;
}

/* --- working directory -------------------------------------------------------------------------
 */

/* "/" is the box's root by now, so that no path can lead out; the check catches a descriptor of
 * the host that someone named by /proc/self/fd (CVE-2024-21626). */
static int cwd_check(struct apply *a, const char *path) {
    char buf[4096];
    long n = syscall(SYS_getcwd, buf, sizeof(buf));
    if (n > 0 && buf[0] == '/')
        return 0;
    if (n < 0 && errno == ERANGE)
        return 0;
    return err_set(a->e, ERR_DENIED, -EPERM, "working directory %s is outside of the box: refused",
                   path);
}

int apply_cwd(struct apply *a, const struct plan_step *s) {
    const char *path = apply_str(a, s, 0);
    bool second = s->flags & PLAN_SECOND_TRY;
    if (s->flags & PLAN_MAKE) {
        AUTO_FD UNUSED int made = path_mkdir_in_root(a->root, path, 0755);
        return 0; /* whether it can be entered is seen later */
    }
    if (second && !a->cwd_again)
        return 0;
    int r = chdir(path) < 0 ? -errno : 0;
    if (r == -ENOENT && !(a->plan->h->flags & PLAN_F_EXEC)) { /* docker: run makes it */
        AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        AUTO_FD int fd = path_mkdir_in_root(root, path, 0755);
        r = fd < 0 ? fd : fchdir(fd) < 0 ? -errno : 0;
    }
    if ((r == -EACCES || r == -EPERM) && !second) {
        a->cwd_again = true; /* root of a user namespace may not, the user may */
        return 0;
    }
    if (r < 0)
        return err_set(a->e, ERR_CMD_NOT_EXEC, r, "cannot enter working directory %s: %s", path,
                       strerror(-r));
    return cwd_check(a, path);
}

/* --- user --------------------------------------------------------------------------------------
 */

int apply_caps_bound(struct apply *a, const struct plan_step *s) {
    int r = caps_bound(s->num[0]);
    return r < 0 ? err_sysn(a->e, r, "cannot drop capabilities") : 0;
}

int apply_groups(struct apply *a, const struct plan_step *s) {
    uint32_t len;
    const void *gids = plan_blob(a->plan, s->ref[0], &len);
    size_t n = len / sizeof(gid_t);
    if (syscall(SYS_setgroups, n, gids) == 0)
        return 0;
    if (errno == EPERM && n == 0)
        return 0; /* a single mapped id: there were never groups to drop */
    if (errno == EPERM || errno == EINVAL)
        return err_set(a->e, ERR_DENIED, -errno,
                       "cannot take additional groups: the user namespace does not map them (give "
                       "the user ranges in /etc/subuid and /etc/subgid)");
    return err_sys(a->e, "cannot set additional groups");
}

/* Pipes and sockets given by the starter belong to it: a user of the box that reopens /dev/stdout
 * must own them. Files are left alone: they are the caller's. */
static void user_owns_stdio(uid_t uid) {
    struct stat st;
    for (int i = 0; i < 3; i++) {
        if (fstat(i, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_uid != uid)
            (void)!fchown(i, uid, (gid_t)-1);
    }
}

int apply_user(struct apply *a, const struct plan_step *s) {
    uid_t uid = (uid_t)s->num[0];
    gid_t gid = (gid_t)s->num[1];
    struct caps c;
    if (uid == (uid_t)-1 || gid == (gid_t)-1) /* "as it is" to the kernel: root */
        return err_set(a->e, ERR_USAGE, -EINVAL, "user %u:%u: %u is no id", uid, gid, UINT32_MAX);
    if (uid != 0) {
        user_owns_stdio(uid);
        if (prctl(PR_SET_KEEPCAPS, 1) < 0)
            return err_sys(a->e, "cannot keep capabilities");
    }
    if (syscall(SYS_setresgid, gid, gid, gid) < 0)
        return errno == EINVAL
                   ? err_set(a->e, ERR_USAGE, -EINVAL,
                             "group %u is not mapped in the box's user namespace: give the "
                             "user running it more ids in /etc/subgid",
                             gid)
                   : err_sys(a->e, "cannot become group %u", gid);
    if (syscall(SYS_setresuid, uid, uid, uid) < 0)
        return errno == EINVAL
                   ? err_set(a->e, ERR_USAGE, -EINVAL,
                             "user %u is not mapped in the box's user namespace: give the "
                             "user running it more ids in /etc/subuid",
                             uid)
                   : err_sys(a->e, "cannot become user %u", uid);
    if (uid != 0 && caps_current(&c) == 0) {
        c.effective = c.permitted; /* CAPS comes last and takes away what is too much */
        caps_set(&c);
    }
    return apply_die_with_starter(a);
}

int apply_umask(struct apply *a, const struct plan_step *s) {
    umask(s->num[0] == UINT64_MAX ? a->umask : (mode_t)s->num[0]);
    return 0;
}

int apply_no_new_privs(struct apply *a, const struct plan_step *s) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_sys(a->e, "cannot set no_new_privs")
                                                      : 0;
}

int apply_seccomp(struct apply *a, const struct plan_step *s) {
    uint32_t len;
    const void *bpf = plan_blob(a->plan, s->ref[0], &len);
    if (!s->ref[1])
        apply_close_rest(a); /* the filter may forbid it */
    int r = seccomp_install(bpf, len, (uint32_t)s->num[0]);
    if (r < 0)
        return err_sysn(a->e, r, "cannot load the system call filter");
    if (!s->ref[1])
        return 0;
    int fd = r; /* of its listener: only the starter may send it on */
    r = sync_say_listener(a->sock, (uint32_t)fd);
    if (r < 0 || !sync_expect(a->sock, SYNC_GO_ON))
        _exit(125);
    close(fd);
    return 0;
}

int apply_caps(struct apply *a, const struct plan_step *s) {
    struct caps c = {.effective = s->num[0],
                     .permitted = s->num[1],
                     .inheritable = s->num[2],
                     .ambient = s->num[3]};
    int r = caps_set(&c);
    return r < 0 ? err_sysn(a->e, r, "cannot set capabilities") : 0;
}
