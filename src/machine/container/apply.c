/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/apply.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "machine/container/sync.h"
#include "sys/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static apply_fn apply_park;

/* PLAN_EXEC is not here: it ends the section. */
static apply_fn *const apply_steps[PLAN_OP_COUNT] = {
    [PLAN_JOIN_NS] = apply_join_ns,
    [PLAN_JOIN_CGROUP] = apply_join_cgroup,
    [PLAN_JOIN_BOX] = apply_join_box,
    [PLAN_UNSHARE] = apply_unshare,
    [PLAN_TIME_NS] = apply_time_ns,
    [PLAN_ROOT_IDS] = apply_root_ids,
    [PLAN_BIND_SOURCE] = apply_bind_source,
    [PLAN_PROPAGATION] = apply_propagation,
    [PLAN_ROOT_OVERLAY] = apply_root_overlay,
    [PLAN_ROOT_DIR] = apply_root_dir,
    [PLAN_MOUNT] = apply_mount,
    [PLAN_BIND] = apply_bind,
    [PLAN_ATTR] = apply_attr,
    [PLAN_SYMLINK] = apply_symlink,
    [PLAN_NODE] = apply_node,
    [PLAN_NODE_BIND] = apply_node_bind,
    [PLAN_CONSOLE] = apply_console,
    [PLAN_MASK] = apply_mask,
    [PLAN_READONLY] = apply_readonly,
    [PLAN_ROOT_ATTR] = apply_root_attr,
    [PLAN_PIVOT] = apply_pivot,
    [PLAN_BOX_ROOT] = apply_box_root,
    [PLAN_CHROOT] = apply_chroot,
    [PLAN_HOSTNAME] = apply_hostname,
    [PLAN_DOMAINNAME] = apply_domainname,
    [PLAN_SYSCTL] = apply_sysctl,
    [PLAN_OOM_SCORE] = apply_oom_score,
    [PLAN_RLIMIT] = apply_rlimit,
    [PLAN_KEYRING] = apply_keyring,
    [PLAN_PERSONALITY] = apply_personality,
    [PLAN_SCHEDULER] = apply_scheduler,
    [PLAN_IO_PRIORITY] = apply_io_priority,
    [PLAN_APPARMOR] = apply_apparmor,
    [PLAN_SELINUX] = apply_selinux,
    [PLAN_CWD] = apply_cwd,
    [PLAN_CAPS_BOUND] = apply_caps_bound,
    [PLAN_GROUPS] = apply_groups,
    [PLAN_USER] = apply_user,
    [PLAN_UMASK] = apply_umask,
    [PLAN_AFFINITY] = apply_affinity,
    [PLAN_MEMORY_POLICY] = apply_memory_policy,
    [PLAN_STATE] = apply_state,
    [PLAN_ASK_HOOKS] = apply_ask_hooks,
    [PLAN_HOOK] = apply_hook,
    [PLAN_PARK] = apply_park,
    [PLAN_NO_NEW_PRIVS] = apply_no_new_privs,
    [PLAN_SECCOMP] = apply_seccomp,
    [PLAN_CAPS] = apply_caps,
};

int apply_failed(struct apply *a, int code, const char *what, const char *path) {
    return err_sysn(a->e, code, "cannot %s %s", what, path);
}

/* --- shared ------------------------------------------------------------------------------------
 */

/* `path` was found to end in a link that leads nowhere: where it leads. */
static int apply_follow(int parent, const char *dir, const char *name, char *path, size_t size) {
    char target[4096];
    ssize_t n = readlinkat(parent, name, target, sizeof(target) - 1);
    if (n < 0)
        return errno == EINVAL ? -EEXIST : -errno;
    target[n] = 0;
    int len = target[0] == '/' ? snprintf(path, size, "%s", target)
                               : snprintf(path, size, "%s/%s", dir, target);
    return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

/* An empty file at `path`, which is rewritten when it is a link. -EEXIST: it was. */
static int apply_make_file_at(int root, char *path, size_t size) {
    char dir[4096];
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    size_t cut = n;
    while (cut > 0 && path[cut - 1] != '/')
        cut--;
    if (cut == n || n >= sizeof(dir))
        return cut == n ? -EINVAL : -ENAMETOOLONG;
    memcpy(dir, path, n);
    dir[n] = 0;
    const char *name = dir + cut;
    char saved = dir[cut];
    dir[cut] = 0;
    AUTO_FD int parent = path_mkdir_in_root(root, cut ? dir : "/", 0755);
    dir[cut] = saved;
    if (parent < 0)
        return parent;
    int fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    int code = -errno;
    if (code != -EEXIST)
        return code;
    char link[256]; /* the name, ended; the directory, too */
    if (!str_copy(link, sizeof(link), name))
        return -ENAMETOOLONG;
    dir[cut] = 0;
    code = apply_follow(parent, dir, link, path, size);
    return code < 0 ? code : -EEXIST;
}

static int apply_make_file(int root, const char *where) {
    char path[4096];
    if (!str_copy(path, sizeof(path), where))
        return -ENAMETOOLONG;
    int r = -EEXIST;
    for (int links = 0; r == -EEXIST && links < 16; links++) {
        AUTO_FD int fd = links ? path_open_in_root(root, path, O_PATH, 0) : -1;
        r = fd >= 0 ? 0 : apply_make_file_at(root, path, sizeof(path));
    }
    return r;
}

int apply_open_target(struct apply *a, const char *path, uint32_t flags) {
    return flags & PLAN_NOFOLLOW ? path_open_beneath(a->root, path + strspn(path, "/"), O_PATH, 0)
                                 : path_open_in_root(a->root, path, O_PATH, 0);
}

int apply_target(struct apply *a, const char *path, bool dir, uint32_t flags) {
    AUTO_FD int fd = apply_open_target(a, path, flags);
    if (fd == -ENOENT) {
        int made = dir ? path_mkdir_in_root(a->root, path, 0755) : apply_make_file(a->root, path);
        if (made < 0)
            return apply_failed(a, made, "make the mount point", path);
        if (dir)
            close(made);
        fd = apply_open_target(a, path, flags);
    }
    if (fd < 0 && (flags & PLAN_NOFOLLOW) && (fd == -ELOOP || fd == -EXDEV))
        return err_set(a->e, ERR_DENIED, -ELOOP,
                       "the image has a symbolic link on the way to %s, which must be mounted on "
                       "ordinary directory: refused",
                       path);
    if (fd < 0)
        return apply_failed(a, fd, "open the mount point", path);
    if (!(flags & PLAN_IN_PROC) && mount_magic(fd) == MOUNT_MAGIC_PROC)
        return err_set(a->e, ERR_DENIED, -EPERM, "%s lies in /proc: mounts there are refused",
                       path);
    return TAKE_FD(fd);
}

int apply_dir(struct apply *a, uint32_t ref) {
    if (a->dir >= 0 && a->dir_ref == ref)
        return a->dir;
    fd_close(&a->dir);
    const char *path = plan_str(a->plan, ref);
    int fd = path_mkdir_in_root(a->root, path, 0755);
    if (fd < 0)
        return apply_failed(a, fd, "make the directory", path);
    a->dir_ref = ref;
    return a->dir = fd;
}

int apply_write_proc(struct apply *a, const char *path, const char *value) {
    /* "self" is a magic of the host's procfs itself: nothing can be mounted over it from here */
    int r = io_write_kernel(a->proc, path, value);
    return r;
}

int apply_die_with_starter(struct apply *a) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_sys(a->e, "cannot tie the box to its monitor");
    return 0; /* died before this? then the handshake sees its end closed */
}

int apply_part_from_starter(struct apply *a) {
    return prctl(PR_SET_PDEATHSIG, 0) < 0 ? err_sys(a->e, "cannot part the box from its starter")
                                          : 0;
}

static int apply_park(struct apply *a, const struct plan_step *s) {
    bool outlive = a->plan->h->flags & PLAN_F_OUTLIVE;
    int r = outlive ? apply_exec_check(a) : 0;
    apply_close_rest(a);
    if (r == 0)
        r = sync_say(a->sock, SYNC_PARKED, -1);
    if (r < 0)
        return r;
    int word = sync_await(a->sock);
    if (word != SYNC_RELEASE && !(word == SYNC_DETACH && outlive && a->io->listener > 0))
        _exit(0); /* nobody waits for us any more */
    a->released = true;
    r = outlive ? apply_part_from_starter(a) : 0;
    if (r < 0 || word == SYNC_RELEASE)
        return r;
    r = sync_accept(a->io->listener, &a->sock);
    if (r < 0)
        return err_sysn(a->e, r, "cannot wait for the start of the box");
    a->sock = r;
    return 0;
}

/* --- the run -----------------------------------------------------------------------------------
 */

/* exec: a procfs of the box's pid namespace, which shows nobody there more than its own; where
 * none may be mounted, the box's. */
static int begin_inside(struct apply *a) {
    int fs = mount_fs("proc");
    int r = fs < 0 ? fs : mount_fs_set(fs, "subset", "pid");
    if (r == 0)
        r = mount_fs_done(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, NULL, 0);
    else
        fd_close(&fs);
    a->proc = r < 0 ? open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : r;
    if (a->proc < 0 || mount_magic(a->proc) != MOUNT_MAGIC_PROC)
        return err_sysn(a->e, r, "cannot mount a procfs of the container's processes");
    a->umask = umask(0);
    return 0;
}

static int apply_begin(struct apply *a) {
    if (a->plan->h->flags & PLAN_F_BORN_INSIDE)
        return begin_inside(a);
    fd_close(&a->null);
    a->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (a->proc < 0 || mount_magic(a->proc) != MOUNT_MAGIC_PROC)
        return err_set(a->e, ERR_UNAVAILABLE, -ENOENT,
                       "/proc of the host is not a procfs: mount it");
    a->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct stat st;
    if (a->null < 0 || fstat(a->null, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != 0x103)
        return err_set(a->e, ERR_UNAVAILABLE, -ENODEV,
                       "/dev/null of the host is not the null device");
    a->umask = umask(0);
    return 0;
}

/* The given descriptors become 0, 1, 2; first out of each other's way. */
static int apply_stdio(struct apply *a) {
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = a->io->fd[i] >= 0 ? a->io->fd[i] : a->null;
        if (fd[i] < 3 && (fd[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return err_sys(a->e, "cannot pass standard input and output");
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(fd[i], i) < 0)
            return err_sys(a->e, "cannot pass standard input and output");
    }
    return 0;
}

int apply_run(struct apply *a, int *exit_code) {
    uint32_t n;
    const struct plan_step *s = plan_steps(a->plan, PLAN_INIT, &n);
    int r = apply_begin(a);
    if (r == 0)
        r = apply_die_with_starter(a);
    if (r == 0 && !a->io->terminal)
        r = apply_stdio(a);
    if (r == 0 && setsid() < 0 && errno != EPERM)
        r = err_sys(a->e, "setsid");
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        if (s[i].op == PLAN_EXEC)
            return s[i].flags & PLAN_AS_INIT ? init_main(a, apply_exec, &s[i], exit_code)
                                             : apply_exec(a, &s[i]);
        apply_fn *fn = apply_steps[s[i].op];
        r = fn ? fn(a, &s[i])
               : err_set(a->e, ERR_CORRUPT, -EINVAL, "step %s has no place in init",
                         plan_op_info[s[i].op].word);
        if (s[i].flags & PLAN_ELSE)
            i += r == 0;
        if (r < 0 && ((s[i].flags & PLAN_OPTIONAL) || ((s[i].flags & PLAN_ELSE) && r == -EPERM)))
            r = 0;
    }
    return r < 0 ? r : err_set(a->e, ERR_CORRUPT, -EINVAL, "the plan ends without a command");
}
