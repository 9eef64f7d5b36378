/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

static char base_name[] = "/tmp/hako-test-path-XXXXXX";
static int base = -1;
static int root = -1; /* base/root: the tree that foreign paths may see */

static void put(int at, const char *name, const char *text) {
    AUTO_FD int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
}

static int make_tree(void **state) {
    if (!mkdtemp(base_name) || chmod(base_name, 0755) < 0)
        return -1;
    base = open(base_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (base < 0 || mkdirat(base, "root", 0755) < 0)
        return -1;
    root = openat(base, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put(base, "secret", "outside");
    put(root, "file", "inside");
    return root < 0 || mkdirat(root, "dir", 0755) < 0 || symlinkat("/file", root, "abs") < 0 ||
                   symlinkat("../../../secret", root, "up") < 0 ||
                   symlinkat("loop", root, "loop") < 0 ||
                   symlinkat("/proc/self/root", root, "magic") < 0
               ? -1
               : 0;
}

static int drop_tree(void **state) {
    fd_close(&root);
    fd_close(&base);
    return path_remove_tree(AT_FDCWD, base_name) == 0 && access(base_name, F_OK) < 0 ? 0 : -1;
}

static bool reads(int fd, const char *text) {
    char buf[32] = "";
    bool same = fd >= 0 && io_read_full(fd, buf, sizeof(buf) - 1) >= 0 && strcmp(buf, text) == 0;
    if (fd >= 0)
        close(fd);
    return same;
}

static void root_is_the_root(void **state) {
    assert_true(reads(path_open_in_root(root, "file", O_RDONLY, 0), "inside"));
    assert_true(reads(path_open_in_root(root, "/file", O_RDONLY, 0), "inside"));
    assert_true(reads(path_open_in_root(root, "../../file", O_RDONLY, 0), "inside"));
    assert_true(reads(path_open_in_root(root, "abs", O_RDONLY, 0), "inside"));
    assert_int_equal(path_open_in_root(root, "up", O_RDONLY, 0), -ENOENT);
    assert_int_equal(path_open_in_root(root, "../secret", O_RDONLY, 0), -ENOENT);
    assert_int_equal(path_open_in_root(root, "loop", O_RDONLY, 0), -ELOOP);
    AUTO_FD int fd = path_open_in_root(root, "dir/new", O_RDWR | O_CREAT | O_EXCL, 0640);
    struct stat st;
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    unlinkat(root, "dir/new", 0);
}

static void beneath_follows_nothing(void **state) {
    assert_true(reads(path_open_beneath(root, "file", O_RDONLY, 0), "inside"));
    assert_true(reads(path_open_beneath(root, ".//file", O_RDONLY, 0), "inside"));
    assert_int_equal(path_open_beneath(root, "abs", O_RDONLY, 0), -ELOOP);
    assert_int_equal(path_open_beneath(root, "up", O_RDONLY, 0), -ELOOP);
    assert_int_equal(path_open_beneath(root, "/file", O_RDONLY, 0), -EXDEV);
    assert_int_equal(path_open_beneath(root, "dir/../file", O_RDONLY, 0), -EXDEV);
    assert_int_equal(path_open_beneath(root, "..", O_RDONLY, 0), -EXDEV);
    assert_int_equal(path_open_beneath(root, "dir/..", O_RDONLY, 0), -EXDEV);
    put(root, "..x", "dots");
    assert_true(reads(path_open_beneath(root, "..x", O_RDONLY, 0), "dots"));
    unlinkat(root, "..x", 0);
}

static bool same_directory(int fd, int at, const char *path) {
    struct stat a;
    struct stat b;
    return fd >= 0 && fstat(fd, &a) == 0 && fstatat(at, path, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void mkdir_in_root(void **state) {
    static const struct {
        const char *path, *made; /* made: seen from outside */
    } cases[] = {
        {"a/b/c", "root/a/b/c"},
        {"/a/b/c", "root/a/b/c"},
        {"a/b/c/", "root/a/b/c"},
        {"//a//b//d", "root/a/b/d"},
        {"../../esc", "root/esc"},
        {"a/../a2/./x", "root/a2/x"},
        {"/", "root"},
        {"", "root"},
        {"dangling/x", "root/made/by/link/x"},
        {"rel/y", "root/dir/target/y"},
        {"escape/z", "root/tmp/hako-test-outside/z"},
    };
    assert_int_equal(symlinkat("/made/by/link", root, "dangling"), 0);
    assert_int_equal(symlinkat("dir/target", root, "rel"), 0);
    assert_int_equal(symlinkat("../../../../tmp/hako-test-outside", root, "escape"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_FD int fd = path_mkdir_in_root(root, cases[i].path, 0755);
        if (!same_directory(fd, base, cases[i].made))
            fail_msg("%s: %d", cases[i].path, fd);
    }
    assert_int_equal(access("/tmp/hako-test-outside", F_OK), -1);
    assert_int_equal(path_mkdir_in_root(root, "file/x", 0755), -ENOTDIR);
    assert_int_equal(path_mkdir_in_root(root, "file", 0755), -ENOTDIR);
    assert_int_equal(path_mkdir_in_root(root, "loop/x", 0755), -ELOOP);
    char longer[PATH_MAX + 2];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(path_mkdir_in_root(root, longer, 0755), -ENAMETOOLONG);
    assert_int_equal(path_mkdir_in_root(root, longer + PATH_MAX - 300, 0755), -ENAMETOOLONG);
}

/* Two links that each point behind the other: the count of links ends it. */
static void mkdir_ends_on_circles(void **state) {
    assert_int_equal(symlinkat("c2/x", root, "c1"), 0);
    assert_int_equal(symlinkat("c1/x", root, "c2"), 0);
    assert_int_equal(path_mkdir_in_root(root, "c1/y", 0755), -ELOOP);
}

static void mkdir_p(void **state) {
    struct stat st;
    assert_int_equal(path_mkdir_p(base, "p/q/r", 0700), 0);
    assert_int_equal(path_mkdir_p(base, "p/q/r", 0700), 0);
    assert_int_equal(fstatat(base, "p/q", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(path_mkdir_p(base, "p//q/s/", 0700), 0);
    assert_int_equal(fstatat(base, "p/q/s", &st, 0), 0);
    assert_int_equal(path_mkdir_p(base, "secret", 0700), -ENOTDIR);
    assert_int_equal(path_mkdir_p(base, "secret/x", 0700), -ENOTDIR);
    assert_int_equal(path_mkdir_p(base, "", 0700), -ENOENT);
    char abs[sizeof(base_name) + 8];
    snprintf(abs, sizeof(abs), "%s/p/abs", base_name);
    assert_int_equal(path_mkdir_p(-1, abs, 0700), 0);
    assert_int_equal(path_mkdir_p(AT_FDCWD, "/", 0700), 0);
}

static void clean(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "/"},
        {"/", "/"},
        {"//", "/"},
        {".", "/"},
        {"..", "/"},
        {"a", "/a"},
        {"/a/b/", "/a/b"},
        {"a//b", "/a/b"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/../../a", "/a"},
        {"/a/b/../..", "/"},
        {"/a/..b", "/a/..b"},
        {"/...", "/..."},
    };
    char out[16];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(path_clean(cases[i].in, out, sizeof(out)), 0);
        assert_string_equal(out, cases[i].out);
    }
    assert_int_equal(path_clean("/234567890123456", out, sizeof(out)), -ENAMETOOLONG);
    assert_int_equal(path_clean("/23456789012345", out, sizeof(out)), 0);
    assert_string_equal(out, "/23456789012345");
    assert_int_equal(path_clean("/", out, 1), -ENAMETOOLONG);
    assert_int_equal(path_clean("/", out, 2), 0);
}

static void components(void **state) {
    assert_true(path_is_component("a") && path_is_component("...") && path_is_component(" "));
    assert_false(path_is_component(NULL) || path_is_component("") || path_is_component(".") ||
                 path_is_component("..") || path_is_component("a/b") || path_is_component("/"));
}

/* --- path_remove_tree ------------------------------------------------------------------------ */

static void remove_what_is_not_there(void **state) {
    assert_int_equal(path_remove_tree(base, "nothing"), 0);
    assert_int_equal(path_remove_tree(base, "nothing/at/all"), 0);
    assert_int_equal(path_remove_tree(base, "."), -EINVAL);
    assert_int_equal(path_remove_tree(base, "root/.."), -EINVAL);
    assert_int_equal(path_remove_tree(base, "/"), -EINVAL);
    assert_int_equal(path_remove_tree(base, ""), -EINVAL);
}

static void remove_follows_no_link(void **state) {
    assert_int_equal(mkdirat(base, "keep", 0755), 0);
    put(base, "keep/f", "x");
    assert_int_equal(path_mkdir_p(base, "t/a/b", 0755), 0);
    assert_int_equal(symlinkat("../../keep", base, "t/a/link"), 0);
    assert_int_equal(symlinkat("keep", base, "t2"), 0);
    put(base, "t/a/b/f", "x");
    assert_int_equal(mkfifoat(base, "t/fifo", 0600), 0);
    assert_int_equal(path_remove_tree(base, "t2"), 0);
    assert_int_equal(path_remove_tree(base, "t/"), 0);
    assert_int_equal(faccessat(base, "t", F_OK, 0), -1);
    assert_int_equal(faccessat(base, "t2", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(faccessat(base, "keep/f", F_OK, 0), 0);
    put(base, "plain", "x");
    assert_int_equal(path_remove_tree(base, "plain"), 0);
    assert_int_equal(path_remove_tree(base, "keep"), 0);
}

static void remove_many(void **state) {
    assert_int_equal(mkdirat(base, "many", 0755), 0);
    AUTO_FD int many = openat(base, "many", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%d", i);
        if (i % 3 == 0)
            assert_int_equal(mkdirat(many, name, 0755), 0);
        else
            put(many, name, "");
    }
    assert_int_equal(path_remove_tree(base, "many"), 0);
    assert_int_equal(faccessat(base, "many", F_OK, 0), -1);
}

/* Nested far beyond PATH_MAX, with little more descriptors than the walk may use. */
static void remove_deep(void **state) {
    char name[201];
    memset(name, 'd', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    int at = dup(base);
    for (int i = 0; i < 1000; i++) {
        const char *n = i ? name : "deep";
        assert_int_equal(mkdirat(at, n, 0755), 0);
        int next = openat(at, n, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(at);
        at = next;
        if (i % 50 == 0)
            put(at, "file", "x");
    }
    struct rlimit was;
    getrlimit(RLIMIT_NOFILE, &was);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = (rlim_t)at + 40, was.rlim_max});
    close(at);
    int r = path_remove_tree(base, "deep");
    setrlimit(RLIMIT_NOFILE, &was);
    assert_int_equal(r, 0);
    assert_int_equal(faccessat(base, "deep", F_OK, 0), -1);
}

/* As a user: permissions stop root's walk nowhere, so this part runs in a child. */
static int as_user(int (*fn)(void)) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(98);
        _exit(fn());
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static int user_removes_closed_directories(void) {
    char tree[] = "/tmp/hako-test-user-XXXXXX";
    char path[64];

    if (!mkdtemp(tree))
        return 1;
    static const struct {
        const char *dir;
        mode_t mode;
    } dirs[] = {{"a", 0000}, {"b", 0300}, {"b/in", 0000}, {"c", 0400}, {"d", 0555}, {"d/in", 0100}};
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        snprintf(path, sizeof(path), "%s/%s", tree, dirs[i].dir);
        if (mkdir(path, 0755) < 0)
            return 2;
        snprintf(path, sizeof(path), "%s/%s/f", tree, dirs[i].dir);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return 3;
        close(fd);
    }
    for (size_t i = ARRAY_SIZE(dirs); i > 0; i--) { /* the inner ones first */
        snprintf(path, sizeof(path), "%s/%s", tree, dirs[i - 1].dir);
        if (chmod(path, dirs[i - 1].mode) < 0)
            return 6;
    }
    chmod(tree, 0500);
    if (path_remove_tree(AT_FDCWD, tree) != 0)
        return 4;
    return access(tree, F_OK) < 0 ? 0 : 5;
}

static void remove_closed_directories(void **state) {
    assert_int_equal(as_user(user_removes_closed_directories), 0);
}

static char foreign[64];

static int user_meets_foreign_directory(void) {
    return path_remove_tree(AT_FDCWD, foreign) == -EACCES ? 0 : 1;
}

/* What cannot go is named by the first failure, and the rest is gone. */
static void remove_goes_on_after_a_failure(void **state) {
    if (geteuid() != 0) {
        print_message("skipped: needs root to make a directory of another user\n");
        skip();
    }
    snprintf(foreign, sizeof(foreign), "%s/theirs/foreign", base_name);
    static const char *const theirs[] = {"theirs", "theirs/foreign", "theirs/foreign/a",
                                         "theirs/foreign/z"};
    assert_int_equal(path_mkdir_p(base, "theirs/foreign/mine", 0755), 0);
    put(base, "theirs/foreign/mine/f", "x");
    for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
        assert_int_equal(path_mkdir_p(base, theirs[i], 0755), 0);
        assert_int_equal(fchownat(base, theirs[i], 65534, 65534, 0), 0);
    }
    assert_int_equal(as_user(user_meets_foreign_directory), 0);
    assert_int_equal(faccessat(base, "theirs/foreign/mine/f", F_OK, 0), 0);
    assert_int_equal(faccessat(base, "theirs/foreign/a", F_OK, 0), -1);
    assert_int_equal(faccessat(base, "theirs/foreign/z", F_OK, 0), -1);
    assert_int_equal(path_remove_tree(base, "theirs"), 0);
}

/* By number: with -Isrc, sys/mount.h is the house's own header. */
static long mount_call(const char *from, const char *to, unsigned long flags) {
    return syscall(SYS_mount, from, to, NULL, flags, NULL);
}

static int mount_and_remove(void) {
    if (unshare(CLONE_NEWNS) < 0 || mount_call(NULL, "/", MS_REC | MS_PRIVATE) < 0)
        return 77;
    /* by name: the descriptor belongs to the other mount namespace */
    if (chdir(base_name) < 0 || mount_call("keep", "m/mnt", MS_BIND) < 0)
        return 77;
    if (path_remove_tree(AT_FDCWD, "m") != -EBUSY || path_remove_tree(AT_FDCWD, "m/mnt") != -EBUSY)
        return 1;
    if (access("keep/f", F_OK) < 0 || access("m/mnt/f", F_OK) < 0)
        return 2;
    return access("m/other", F_OK) < 0 ? 0 : 3;
}

/* A volume that is still mounted in the tree is never emptied, even on the same file system. */
static void remove_stops_at_mounts(void **state) {
    int status = -1;
    assert_int_equal(path_mkdir_p(base, "m/mnt", 0755), 0);
    assert_int_equal(path_mkdir_p(base, "m/other", 0755), 0);
    assert_int_equal(path_mkdir_p(base, "keep", 0755), 0);
    put(base, "keep/f", "x");
    pid_t pid = fork();
    if (pid == 0)
        _exit(mount_and_remove());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(path_remove_tree(base, "m"), 0);
    assert_int_equal(path_remove_tree(base, "keep"), 0);
    if (WEXITSTATUS(status) == 77) {
        print_message("skipped: mounting needs CAP_SYS_ADMIN\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_the_root),
        cmocka_unit_test(beneath_follows_nothing),
        cmocka_unit_test(mkdir_in_root),
        cmocka_unit_test(mkdir_ends_on_circles),
        cmocka_unit_test(mkdir_p),
        cmocka_unit_test(clean),
        cmocka_unit_test(components),
        cmocka_unit_test(remove_what_is_not_there),
        cmocka_unit_test(remove_follows_no_link),
        cmocka_unit_test(remove_many),
        cmocka_unit_test(remove_deep),
        cmocka_unit_test(remove_closed_directories),
        cmocka_unit_test(remove_goes_on_after_a_failure),
        cmocka_unit_test(remove_stops_at_mounts),
    };
    return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
