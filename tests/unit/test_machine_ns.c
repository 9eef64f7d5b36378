/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: new ones, others' and none; time; ids mapped on binds; roots that are not pivoted. */
#include "machine_group.h"

#include "machine/container/apply.h"

#include <sys/syscall.h>

/* --- helpers -----------------------------------------------------------------------------------
 */

static void use_namespaces(struct box *b, const char *list) {
    struct strlist l = box_words(b->a, list);
    b->spec.namespaces = arena_array(b->a, l.n, struct rt_namespace);
    b->spec.n_namespaces = l.n;
    for (size_t i = 0; i < l.n; i++) {
        char *path = strchr(l.v[i], '=');
        if (path)
            *path++ = 0;
        b->spec.namespaces[i].path = path;
        for (int ns = 0; ns < RT_NS_COUNT; ns++) {
            if (strcmp(rt_ns_name((enum rt_ns)ns), l.v[i]) == 0)
                b->spec.namespaces[i].type = (enum rt_ns)ns;
        }
    }
}

static void map_users(struct box *b) {
    static struct rt_idmap map = {0, 100000, 65536};
    b->spec.uid_mappings = b->spec.gid_mappings = (struct rt_idmaps){&map, 1};
    /* the layers' owner is not mapped: a directory of ours is */
    b->root = (struct root_recipe){.kind = ROOT_DIR, .dir = arena_printf(b->a, "%s/lower", base)};
}

/* A process that sits in new namespaces until its end of the pipe is closed. */
struct sitter {
    pid_t pid;
    int hold;
};

static void sit(struct sitter *s, int flags) {
    int hold[2], ready[2];
    char c, path[64];
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    s->pid = fork();
    if (s->pid == 0) {
        close(hold[1]);
        bool ok = unshare(flags) == 0;
        (void)!write(ready[1], ok ? "y" : "n", 1);
        (void)!read(hold[0], &c, 1);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    if (flags & CLONE_NEWUSER) {
        snprintf(path, sizeof(path), "/proc/%d/uid_map", s->pid);
        assert_int_equal(io_write_kernel(AT_FDCWD, path, "0 100000 65536"), 0);
        snprintf(path, sizeof(path), "/proc/%d/gid_map", s->pid);
        assert_int_equal(io_write_kernel(AT_FDCWD, path, "0 100000 65536"), 0);
    }
    close(hold[0]);
    close(ready[0]);
    close(ready[1]);
    s->hold = hold[1];
}

static void get_up(struct sitter *s) {
    close(s->hold);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* What readlink says of a namespace of the sitter. */
static char *ns_of_sitter(struct box *b, const struct sitter *s, const char *name) {
    char path[64], text[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/ns/%s", s->pid, name);
    assert_true(readlink(path, text, sizeof(text) - 1) > 0);
    return arena_printf(b->a, "%s\n", text);
}

static char *file_in(struct box *b, const char *dir, const char *name, uid_t uid) {
    char *path = arena_printf(b->a, "%s/%s", dir, name);
    assert_int_equal(io_replace_file(AT_FDCWD, path, "x", 1, 0644, false), 0);
    assert_int_equal(chown(path, uid, uid), 0);
    return path;
}

/* --- time --------------------------------------------------------------------------------------
 */

static void time_has_an_offset(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct rt_timens off[] = {{(char *)"boottime", 200000000, 0}, {(char *)"monotonic", 1, 5}};
    use_namespaces(b, "pid mount ipc uts network time");
    b->spec.time_offsets = off;
    b->spec.n_time_offsets = 2;
    expect(b,
           "read up rest </proc/uptime; [ ${up%.*} -gt 200000000 ] && echo later;"
           "cat /proc/self/timens_offsets | { read a s n; echo $s $n; }",
           0, "later\n1 5\n");
}

static void time_in_a_user_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct rt_timens off[] = {{(char *)"boottime", 200000000, 0}};
    use_namespaces(b, "pid mount ipc uts network user time");
    map_users(b);
    b->spec.time_offsets = off;
    b->spec.n_time_offsets = 1;
    expect(b, "read up rest </proc/uptime; [ ${up%.*} -gt 200000000 ] && echo later", 0, "later\n");
}

static void time_before_the_beginning_is_refused(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct rt_timens off[] = {{(char *)"boottime", -4000000000, 0}};
    use_namespaces(b, "pid mount ipc uts network time");
    b->spec.time_offsets = off;
    b->spec.n_time_offsets = 1;
    expect(b, "true", -ERANGE, NULL);
    assert_non_null(strstr(b->e.msg, "linux.timeOffsets"));
}

/* --- joining -----------------------------------------------------------------------------------
 */

static void joins_all_of_a_user_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct sitter s;
    sit(&s, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
    use_namespaces(b, arena_printf(b->a,
                                   "network=/proc/%d/ns/net pid user=/proc/%d/ns/user "
                                   "ipc=/proc/%d/ns/ipc uts=/proc/%d/ns/uts mount",
                                   s.pid, s.pid, s.pid, s.pid));
    map_users(b);
    b->spec.uid_mappings = b->spec.gid_mappings = (struct rt_idmaps){0};
    b->spec.hostname = NULL;
    expect(b, "readlink /proc/self/ns/net; id -u; grep -c ' / /sys .*- sysfs' /proc/self/mountinfo",
           0, arena_printf(b->a, "%s0\n1\n", ns_of_sitter(b, &s, "net")));
    get_up(&s);
}

/* The network namespace is the host root's, the user namespace has no right to it. */
static void joins_what_the_user_namespace_does_not_own(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct sitter user, net;
    sit(&user, CLONE_NEWUSER);
    sit(&net, CLONE_NEWNET);
    use_namespaces(b, arena_printf(b->a,
                                   "user=/proc/%d/ns/user network=/proc/%d/ns/net pid uts "
                                   "ipc mount",
                                   user.pid, net.pid));
    map_users(b);
    b->spec.uid_mappings = b->spec.gid_mappings = (struct rt_idmaps){0};
    expect(
        b, "readlink /proc/self/ns/net; cat /proc/self/uid_map", 0,
        arena_printf(b->a, "%s         0     100000      65536\n", ns_of_sitter(b, &net, "net")));
    get_up(&net);
    get_up(&user);
}

static void joins_a_time_and_a_cgroup_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct sitter s;
    sit(&s, CLONE_NEWCGROUP);
    use_namespaces(b, arena_printf(b->a,
                                   "cgroup=/proc/%d/ns/cgroup time=/proc/self/ns/time pid uts ipc "
                                   "mount network",
                                   s.pid));
    expect(b, "readlink /proc/self/ns/cgroup", 0, ns_of_sitter(b, &s, "cgroup"));
    get_up(&s);
}

static void a_file_that_is_no_such_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    use_namespaces(b, "pid mount network=/proc/self/ns/uts");
    b->spec.hostname = NULL;
    expect(b, "true", -EINVAL, NULL);
    assert_non_null(strstr(b->e.msg, "cannot join the network namespace /proc/self/ns/uts"));
}

/* --- mount namespaces of others ----------------------------------------------------------------
 */

static void bundle_root(struct box *b) {
    char *dir = arena_printf(b->a, "%s/bundle", b->dir);
    assert_int_equal(mkdir(dir, 0755), 0);
    AUTO_FD int from = open(arena_printf(b->a, "%s/lower", base), O_RDONLY | O_DIRECTORY);
    AUTO_FD int to = open(dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(copyup_tree(from, to, &b->e), 0);
    b->root = (struct root_recipe){.kind = ROOT_DIR, .dir = dir};
    b->spec.n_mounts = 0;
    b->spec.masked_paths = b->spec.readonly_paths = (struct strlist){0};
}

static void without_a_mount_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    bundle_root(b);
    use_namespaces(b, "pid uts ipc network");
    expect(b, "ls -d /bin/busybox /lower /usr 2>/dev/null; echo x >/made", 0, "/bin/busybox\n");
    assert_int_equal(access(arena_printf(b->a, "%s/made", b->root.dir), F_OK), 0);
}

static void in_a_mount_namespace_of_others(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct sitter s;
    bundle_root(b);
    sit(&s, CLONE_NEWNS);
    use_namespaces(b, arena_printf(b->a, "pid uts ipc network mount=/proc/%d/ns/mnt", s.pid));
    box_mount(b, "/proc", "proc", "proc", "");
    char *want = ns_of_sitter(b, &s, "mnt");
    /* shared with ours: what is mounted there would come here */
    expect(b, "readlink /proc/self/ns/mnt", 0, want);
    char proc[300];
    snprintf(proc, sizeof(proc), "%s/proc", b->root.dir);
    umount2(proc, MNT_DETACH);
    get_up(&s);
}

/* --- roots -------------------------------------------------------------------------------------
 */

static void the_root_is_moved(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    b->host.no_pivot = true;
    expect(b,
           "ls -d /lower /usr 2>/dev/null; ls -d /bin/busybox; grep ' - proc ' "
           "/proc/self/mountinfo | grep -v ' /proc'; touch /made && echo made",
           0, "/bin/busybox\nmade\n");
}

static void the_root_is_moved_in_a_user_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    use_namespaces(b, "pid mount ipc uts network user");
    map_users(b);
    b->host.no_pivot = true;
    expect(b, "ls -d /lower /usr 2>/dev/null; ls -d /bin/busybox", 0, "/bin/busybox\n");
}

static void propagation_of_the_root(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    b->spec.rootfs_propagation = (char *)"shared";
    expect(b,
           "grep ' / / ' /proc/self/mountinfo | grep -c shared:; grep ' /dev ' "
           "/proc/self/mountinfo | grep -c shared:",
           1, "1\n0\n");
}

/* --- ids mapped on binds -----------------------------------------------------------------------
 */

static void set_map(struct box *b, uint32_t inside, uint32_t outside, uint32_t n) {
    struct rt_idmap *map = arena_array(b->a, 1, struct rt_idmap);
    *map = (struct rt_idmap){inside, outside, n};
    struct rt_mount *m = &b->spec.mounts[b->spec.n_mounts - 1];
    m->uid_mappings = m->gid_mappings = (struct rt_idmaps){map, 1};
}

static char *mapped_source(struct box *b) {
    char *dir = arena_printf(b->a, "%s/src", b->dir);
    assert_int_equal(mkdir(dir, 0777), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    file_in(b, dir, "zero", 0);
    file_in(b, dir, "thousand", 1000);
    return dir;
}

static void ids_without_a_user_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char *dir = mapped_source(b);
    struct stat st;
    box_mount(b, "/m", "bind", dir, "rbind idmap");
    set_map(b, 0, 7000, 2000);
    box_mount(b, "/plain", "bind", dir, "rbind");
    expect(b, "stat -c '%u %g' /m/zero /m/thousand /plain/thousand", 0,
           "7000 7000\n8000 8000\n1000 1000\n");
    assert_int_equal(stat(arena_printf(b->a, "%s/thousand", dir), &st), 0);
    assert_int_equal(st.st_uid, 1000);
}

/* What the box makes belongs on the disk to whom the box thinks it does. */
static void ids_of_the_user_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char *dir = mapped_source(b);
    struct stat st;
    use_namespaces(b, "pid mount ipc uts network user");
    map_users(b);
    box_mount(b, "/tmp", "bind", dir, "bind idmap");
    expect(b, "stat -c '%u %g' /tmp/zero /tmp/thousand; echo x >/tmp/new; stat -c %u /tmp/new", 0,
           "0 0\n1000 1000\n0\n");
    assert_int_equal(stat(arena_printf(b->a, "%s/new", dir), &st), 0);
    assert_int_equal(st.st_uid, 0);
}

static void ids_beneath_are_mapped_with_ridmap_only(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char *dir = mapped_source(b);
    char *sub = arena_printf(b->a, "%s/sub", dir);
    assert_int_equal(mkdir(sub, 0777), 0);
    assert_int_equal(mount("t", sub, "tmpfs", 0, NULL), 0);
    file_in(b, sub, "f", 5);
    box_mount(b, "/one", "bind", dir, "rbind idmap");
    set_map(b, 0, 7000, 2000);
    box_mount(b, "/all", "bind", dir, "rbind ridmap");
    set_map(b, 0, 7000, 2000);
    int r = box_run(b, "stat -c %u /one/zero /one/sub/f /all/zero /all/sub/f");
    assert_int_equal(umount2(sub, MNT_DETACH), 0);
    assert_int_equal(r, 0);
    assert_string_equal(b->out, "7000\n5\n7000\n7005\n");
}

static void ids_of_a_joined_user_namespace(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char *dir = mapped_source(b);
    struct sitter s;
    sit(&s, CLONE_NEWUSER);
    use_namespaces(b, arena_printf(b->a, "pid mount ipc uts network user=/proc/%d/ns/user", s.pid));
    map_users(b);
    b->spec.uid_mappings = b->spec.gid_mappings = (struct rt_idmaps){0};
    box_mount(b, "/tmp", "bind", dir, "bind idmap");
    expect(b, "stat -c '%u %g' /tmp/zero /tmp/thousand", 0, "0 0\n1000 1000\n");
    get_up(&s);
}

static void a_file_system_without_maps(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    box_mount(b, "/m", "bind", "/sys/kernel", "bind idmap");
    set_map(b, 0, 7000, 2000);
    expect(b, "true", -ENOTSUP, NULL);
    assert_non_null(strstr(b->e.msg, "/sys/kernel"));
    assert_non_null(strstr(b->e.msg, "does not support id-mapped mounts"));
}

/* --- the other words ---------------------------------------------------------------------------
 */

static void remount_changes_what_is_there(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    box_mount(b, "/tmp", "tmpfs", "tmpfs", "size=1m");
    box_mount(b, "/tmp", "tmpfs", "tmpfs", "remount size=2m,nr_inodes=100 ro nodev");
    box_mount(b, "/", "none", "none", "bind remount nosuid");
    expect(b,
           "grep ' /tmp ' /proc/self/mountinfo | grep -c ' ro,nodev.*size=2048k,nr_inodes=100'; "
           "grep ' / / ' /proc/self/mountinfo | grep -c nosuid",
           0, "1\n1\n");
}

static void remount_of_nothing(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    box_mount(box(state), "/etc", "none", "none", "bind remount ro");
    expect(box(state), "true", -EINVAL, NULL);
    assert_non_null(strstr(box(state)->e.msg, "nothing is mounted there"));
}

static void a_symlink_is_copied(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char *link = arena_printf(b->a, "%s/link", b->dir);
    assert_int_equal(symlink("/bin/busybox", link), 0);
    box_mount(b, "/deep/copy", "bind", link, "bind copy-symlink");
    box_mount(b, "/followed", "bind", link, "bind");
    expect(b, "readlink /deep/copy; readlink /followed || echo file", 0, "/bin/busybox\nfile\n");
}

static void nothing_but_procfs_on_proc(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    b->spec.n_mounts = 0;
    box_mount(b, "/proc", "bind", b->dir, "rbind");
    expect(b, "true", -EPERM, NULL);
    assert_non_null(strstr(b->e.msg, "all but a procfs"));
}

static void the_hosts_procfs_on_proc(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    use_namespaces(b, "mount uts ipc network");
    b->spec.n_mounts = 0;
    b->spec.masked_paths = b->spec.readonly_paths = (struct strlist){0};
    box_mount(b, "/proc", "bind", "/proc", "rbind");
    expect(b, "[ -e /proc/self/status ] && echo yes", 0, "yes\n");
}

static void the_console_is_no_link(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char *dir = arena_printf(b->a, "%s/dev", b->dir);
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(mkdir(arena_printf(b->a, "%s/pts", dir), 0755), 0);
    assert_int_equal(symlink("/etc/passwd", arena_printf(b->a, "%s/console", dir)), 0);
    b->spec.mounts[1] = (struct rt_mount){.destination = (char *)"/dev",
                                          .type = (char *)"bind",
                                          .source = dir,
                                          .options = box_words(b->a, "bind")};
    b->spec.process.terminal = true;
    expect(b, "true", -ELOOP, NULL);
    assert_non_null(strstr(b->e.msg, "/dev/console"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(time_has_an_offset),
        T(time_in_a_user_namespace),
        T(time_before_the_beginning_is_refused),
        T(joins_all_of_a_user_namespace),
        T(joins_what_the_user_namespace_does_not_own),
        T(joins_a_time_and_a_cgroup_namespace),
        T(a_file_that_is_no_such_namespace),
        T(without_a_mount_namespace),
        T(in_a_mount_namespace_of_others),
        T(the_root_is_moved),
        T(the_root_is_moved_in_a_user_namespace),
        T(propagation_of_the_root),
        T(ids_without_a_user_namespace),
        T(ids_of_the_user_namespace),
        T(ids_beneath_are_mapped_with_ridmap_only),
        T(ids_of_a_joined_user_namespace),
        T(a_file_system_without_maps),
        T(remount_changes_what_is_there),
        T(remount_of_nothing),
        T(a_symlink_is_copied),
        T(nothing_but_procfs_on_proc),
        T(the_hosts_procfs_on_proc),
        T(the_console_is_no_link),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
