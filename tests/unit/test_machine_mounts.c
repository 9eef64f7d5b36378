/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted into a box, and where it must not go. */
#include "machine_group.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/xattr.h>

/* --- mounts ------------------------------------------------------------------------------------
 */

static void bind_mounts(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char dir[300], file[320];
    snprintf(dir, sizeof(dir), "%s/src", b->dir);
    snprintf(file, sizeof(file), "%s/file", dir);
    mkdir(dir, 0755);
    assert_int_equal(io_replace_file(AT_FDCWD, file, "data\n", 5, 0644, false), 0);
    box_mount(b, "/mnt/rw", "bind", dir, "rbind rprivate");
    box_mount(b, "/mnt/ro", "bind", dir, "rbind rprivate ro nosuid noexec");
    box_mount(b, "/deep/file.txt", "bind", file, "bind rro");
    expect(b,
           "cat /deep/file.txt; (echo x > /deep/file.txt) 2>/dev/null || echo ro; "
           "touch /mnt/ro/x 2>/dev/null || echo ro; echo new > /mnt/rw/new; "
           "grep ' /mnt/ro ' /proc/self/mountinfo | grep -c nosuid,noexec",
           0, "data\nro\nro\n1\n");
    snprintf(file, sizeof(file), "%s/new", dir);
    assert_int_equal(access(file, F_OK), 0);
}

/* The engine's users name what they add; what the host forbids on its mount stays forbidden. */
static void bind_keeps_what_the_host_set(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char dir[300];
    snprintf(dir, sizeof(dir), "%s/strict", b->dir);
    mkdir(dir, 0755);
    assert_int_equal(mount("t", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), 0);
    box_mount(b, "/mnt/x", "bind", dir, "rbind rprivate ro");
    box_mount(b, "/mnt/y", "bind", dir, "rbind rprivate rw");
    int r = box_run(b, "grep -c ' /mnt/x ro,nosuid,nodev,noexec' /proc/self/mountinfo; "
                       "grep -c ' /mnt/y rw,nosuid,nodev,noexec' /proc/self/mountinfo");
    umount2(dir, MNT_DETACH);
    assert_int_equal(r, 0);
    assert_string_equal(b->out, "1\n1\n");
}

/* rshared: what the box's side mounts... and what the host mounts later is seen by both. */
static void shared_bind(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char dir[300], sub[310], late[330];
    int fd = -1, status;
    char c;
    snprintf(dir, sizeof(dir), "%s/share", b->dir);
    snprintf(sub, sizeof(sub), "%s/sub", dir);
    snprintf(late, sizeof(late), "%s/late", sub);
    box_mount(b, "/share", "bind", dir, "rbind rshared");
    box_mount(b, "/slave", "bind", dir, "rbind rslave");
    box_mount(b, "/alone", "bind", dir, "rbind rprivate");
    box_command(b, "echo; while ! test -e /slave/sub/late; do sleep 0.01; done; "
                   "test -e /share/sub/late && test ! -e /alone/sub/late");
    pid_t host = fork(); /* plays the host in a mount namespace that goes with it */
    if (host == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mkdir(dir, 0755) < 0 || mount("t", dir, "tmpfs", 0, NULL) < 0 ||
            mount(NULL, dir, NULL, MS_SHARED, NULL) < 0 || mkdir(sub, 0755) < 0)
            _exit(100);
        if (box_start(b, &fd) < 0 || read(fd, &c, 1) != 1) {
            print_error("%s\n", b->e.msg);
            _exit(101);
        }
        if (mount("t", sub, "tmpfs", 0, NULL) < 0 || mkdir(late, 0755) < 0)
            _exit(102);
        int r = box_wait(b);
        machine_end(&b->m, &b->e);
        _exit(r < 0 ? 103 : r);
    }
    assert_int_equal(waitpid(host, &status, 0), host);
    assert_int_equal(status, 0);
}

static void bind_source_missing(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    box_mount(box(state), "/x", "bind", "/no/such/source", "rbind");
    expect(box(state), "true", -ENOENT, NULL);
    assert_non_null(strstr(box(state)->e.msg, "bind source path does not exist: /no/such/source"));
}

/* The image says /target → / or → ../../..: the mount stays inside. */
static void mount_target_through_a_symlink_stays_inside(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char link[300], made[300];
    snprintf(link, sizeof(link), "%s/target", b->root.upper);
    assert_int_equal(symlink("../../../../../../..", link), 0);
    box_mount(b, "/target/hako-inside", "tmpfs", "tmpfs", "size=1m");
    expect(b, "grep -c ' /hako-inside ' /proc/self/mountinfo", 0, "1\n");
    snprintf(made, sizeof(made), "%s/hako-inside", b->root.upper);
    assert_int_equal(access(made, F_OK), 0);
    assert_int_equal(access("/hako-inside", F_OK), -1);
}

static void proc_behind_a_symlink_is_refused(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char path[300];
    snprintf(path, sizeof(path), "%s/proc", b->root.upper);
    assert_int_equal(symlink("/tmp", path), 0);
    expect(b, "true", -ELOOP, NULL);
    assert_int_equal(b->e.kind, ERR_DENIED);
}

static void mount_into_proc_is_refused(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char link[300];
    snprintf(link, sizeof(link), "%s/sneaky", b->root.upper);
    assert_int_equal(symlink("/proc/sys", link), 0);
    box_mount(b, "/sneaky", "tmpfs", "tmpfs", "");
    expect(b, "true", -EPERM, NULL);
    assert_non_null(strstr(b->e.msg, "/proc"));
}

static void new_volume_takes_over_the_image(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    static const char *const copyup[] = {"/data", NULL};
    char path[400], volume[300];
    struct stat st;
    snprintf(volume, sizeof(volume), "%s/volume", b->dir);
    mkdir(volume, 0755);
    snprintf(path, sizeof(path), "%s/data", b->root.upper);
    assert_int_equal(mkdir(path, 0750), 0);
    assert_int_equal(chown(path, 33, 34), 0);
    snprintf(path, sizeof(path), "%s/data/sub", b->root.upper);
    mkdir(path, 02770);
    assert_int_equal(chmod(path, 02770), 0);
    snprintf(path, sizeof(path), "%s/data/sub/f", b->root.upper);
    assert_int_equal(io_replace_file(AT_FDCWD, path, "hello\n", 6, 04711, false), 0);
    assert_int_equal(setxattr(path, "user.note", "n", 1, 0), 0);
    snprintf(path, sizeof(path), "%s/data/l", b->root.upper);
    assert_int_equal(symlink("sub/f", path), 0);
    b->host.copyup = copyup;
    box_mount(b, "/data", "bind", volume, "rbind");
    expect(b, "cat /data/l; stat -c '%a %u %g' /data /data/sub", 0, "hello\n750 33 34\n2770 0 0\n");
    snprintf(path, sizeof(path), "%s/sub/f", volume);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 04711);
    assert_int_equal(getxattr(path, "user.note", NULL, 0), 1);
}

static void used_volume_is_left_alone(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    static const char *const copyup[] = {"/etc", NULL};
    char path[400], volume[300];
    snprintf(volume, sizeof(volume), "%s/volume", b->dir);
    mkdir(volume, 0755);
    snprintf(path, sizeof(path), "%s/mine", volume);
    assert_int_equal(io_replace_file(AT_FDCWD, path, "", 0, 0644, false), 0);
    b->host.copyup = copyup;
    box_mount(b, "/etc", "bind", volume, "rbind");
    expect(b, "ls /etc", 0, "mine\n");
}

static void tmpfs_copies_up(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    box_mount(box(state), "/etc", "tmpfs", "tmpfs", "tmpcopyup mode=700");
    expect(box(state), "ls /etc; stat -f -c %T /etc", 0, "passwd\ntmpfs\n");
}

static void bundle_directory_as_root(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    b->root = (struct root_recipe){.kind = ROOT_DIR, .dir = arena_printf(b->a, "%s/lower", base)};
    b->spec.root_readonly = true;
    expect(b, "touch /x 2>/dev/null || echo ro; ls /bin/busybox", 0, "ro\n/bin/busybox\n");
}

static void many_layers(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct strlist lower = {0};
    for (int i = 99; i >= 0; i--) {
        char *dir = arena_printf(b->a, "%s/layer%d:\\with,odd=name", b->dir, i);
        char *file = arena_printf(b->a, "%s/f%d", dir, i);
        assert_int_equal(mkdir(dir, 0755), 0);
        assert_int_equal(io_replace_file(AT_FDCWD, file, "", 0, 0644, false), 0);
        strlist_add(b->a, &lower, dir);
    }
    strlist_add(b->a, &lower, b->root.lower.v[0]);
    b->root.lower = lower;
    expect(b, "ls / | grep -c ^f", 0, "100\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(bind_mounts),
        T(bind_keeps_what_the_host_set),
        T(shared_bind),
        T(bind_source_missing),
        T(mount_target_through_a_symlink_stays_inside),
        T(proc_behind_a_symlink_is_refused),
        T(mount_into_proc_is_refused),
        T(new_volume_takes_over_the_image),
        T(used_volume_is_left_alone),
        T(tmpfs_copies_up),
        T(bundle_directory_as_root),
        T(many_layers),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
