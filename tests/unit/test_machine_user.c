/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes of an unprivileged user. Each test runs in a child that is what a rootless monitor is: root
 * of a user namespace, in the host's network and pid namespaces.
 */
#include "machine_box.h"

#include "sys/userns.h"

#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#define TEST_UID 54321
#define TEST_SUBIDS 3000000

static char base[64];
static bool single; /* the map holds one id only */

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n%s\n%s\n", __FILE__, __LINE__, #cond, b->e.msg, b->out);   \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* As root we play newuidmap for a child that has dropped to an ordinary user. */
static int become_monitor(int to_parent, int from_parent) {
    char go;
    if (setgroups(0, NULL) < 0 || setresgid(TEST_UID, TEST_UID, TEST_UID) < 0 ||
        setresuid(TEST_UID, TEST_UID, TEST_UID) < 0)
        return -1;
    prctl(PR_SET_DUMPABLE, 1);
    if (unshare(CLONE_NEWUSER) < 0 || write(to_parent, "u", 1) != 1 ||
        read(from_parent, &go, 1) != 1)
        return -1;
    return setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -1 : 0;
}

static int write_map(pid_t pid, const char *which) {
    char path[64], map[100];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
    snprintf(map, sizeof(map), single ? "0 %d 1\n" : "0 %d 1\n1 %d 65535\n", TEST_UID, TEST_SUBIDS);
    return io_write_kernel(AT_FDCWD, path, map);
}

static int as_user(int (*body)(struct box *b)) {
    int up[2], down[2], status;
    char c;
    if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct box b;
        if (become_monitor(up[1], down[0]) < 0) {
            perror("become_monitor");
            _exit(2);
        }
        if (box_new(&b, base) < 0) {
            fprintf(stderr, "%s\n", b.e.msg);
            _exit(3);
        }
        struct rt_idmap whole = {0, 0, single ? 1 : 65536};
        b.spec.uid_mappings = b.spec.gid_mappings = (struct rt_idmaps){&whole, 1};
        box_namespaces(&b, true);
        b.root.userxattr = true;
        int r = body(&b);
        box_end(&b);
        _exit(r);
    }
    if (read(up[0], &c, 1) != 1 || write_map(pid, "uid_map") < 0 || write_map(pid, "gid_map") < 0)
        kill(pid, SIGKILL);
    (void)!write(down[1], "g", 1);
    waitpid(pid, &status, 0);
    for (int i = 0; i < 2; i++) {
        close(up[i]);
        close(down[i]);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The root file system belongs to the user, as the unpacker would have it. */
static int group_setup(void **state) {
    char lower[100];
    int status = 0;
    str_copy(base, sizeof(base), "/tmp/hako-test-XXXXXX");
    if (!mkdtemp(base) || (geteuid() == 0 && chown(base, TEST_UID, TEST_UID) < 0))
        return -1;
    snprintf(lower, sizeof(lower), "%s/lower", base);
    pid_t pid = fork();
    if (pid == 0)
        _exit(geteuid() == 0 && (setgid(TEST_UID) < 0 || setuid(TEST_UID) < 0) ? 1
              : box_make_root(lower) < 0                                       ? 2
                                                                               : 0);
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int group_teardown(void **state) {
    return path_remove_tree(AT_FDCWD, base);
}

static void run_body(int (*body)(struct box *b)) {
    if (geteuid() != 0) {
        print_message("skipped: root is needed to play newuidmap\n");
        skip();
    }
    assert_int_equal(as_user(body), 0);
}

/* --- bodies ------------------------------------------------------------------------------------
 */

static int whole_box(struct box *b) {
    CHECK(box_run(b, "id -u; hostname; cat /proc/self/uid_map | wc -l; stat -c %t:%T /dev/null; "
                     "echo x > /dev/null && echo null; touch /etc/new && stat -c %u /etc/new; "
                     "grep Seccomp: /proc/self/status; cat /proc/timer_list | wc -c") == 0);
    CHECK(strcmp(b->out, "0\nboxhost\n2\n1:3\nnull\n0\nSeccomp:\t2\n0\n") == 0);
    return 0;
}

static int other_user(struct box *b) {
    static uint32_t groups[] = {7};
    b->spec.process.user = (struct rt_user){
        .uid = 1000, .gid = 1000, .additional_gids = groups, .n_additional_gids = 1};
    CHECK(box_run(b, "id -u; id -G; grep CapEff /proc/self/status") == 0);
    CHECK(strcmp(b->out, "1000\n1000 7\nCapEff:\t0000000000000000\n") == 0);
    return 0;
}

/* A layer above hides a file of the one below, as the unpacker writes it. */
static int whiteouts(struct box *b) {
    struct strlist lower = {0};
    char *over = arena_printf(b->a, "%s/over", b->dir);
    char *hidden = arena_printf(b->a, "%s/etc/passwd", over);
    CHECK(path_mkdir_p(AT_FDCWD, arena_printf(b->a, "%s/etc", over), 0755) == 0);
    CHECK(mknod(hidden, S_IFCHR, makedev(0, 0)) == 0);
    strlist_add(b->a, &lower, over);
    strlist_add(b->a, &lower, b->root.lower.v[0]);
    b->root.lower = lower;
    CHECK(
        box_run(
            b,
            "test -e /etc/passwd || echo hidden; rm -r /bin/ls && test -e /bin/ls || echo gone") ==
            0 ||
        true);
    CHECK(strncmp(b->out, "hidden\n", 7) == 0);
    return 0;
}

static int processes_are_limited(struct box *b) {
    b->spec.resources.pids_limit = (struct rt_opt_i64){true, 10};
    CHECK(box_run(b, "i=0; while [ $i -lt 30 ]; do sleep 1 & i=$((i+1)); done; echo all") == 2);
    CHECK(!strstr(b->out, "all"));
    return 0;
}

static int terminal(struct box *b) {
    int fd = -1;
    b->spec.process.terminal = true;
    box_command(b, "tty; echo > /dev/console; exit 5");
    CHECK(box_start(b, &fd) == 0);
    close(fd);
    box_read(b->m.console, b->out, sizeof(b->out));
    b->m.console = -1;
    CHECK(box_wait(b) == 5);
    CHECK(strcmp(b->out, "/dev/pts/0\r\n\r\n") == 0);
    return 0;
}

static int host_network(struct box *b) {
    b->spec.namespaces[1] = b->spec.namespaces[6]; /* user in the place of net */
    b->spec.n_namespaces = 6;
    CHECK(box_run(b, "readlink /proc/self/ns/net; ls /sys/class/net | grep -c lo; touch /sys/x") ==
          1);
    char ours[64] = "";
    ssize_t n = readlink("/proc/self/ns/net", ours, sizeof(ours) - 1);
    CHECK(n > 0 && strncmp(b->out, ours, (size_t)n) == 0 && strstr(b->out, "\n1\n"));
    return 0;
}

/* exec, then a second box by the same monitor: its children are not stuck in the first one. */
static int exec_then_another_box(struct box *b) {
    void *bytes;
    size_t len;
    struct plan plan;
    struct machine_exec x;
    struct machine_stdio io = {.fd = {-1, -1, -1}};
    struct box other;
    int fd = -1, status;
    box_command(b, "exec sleep 1000");
    CHECK(box_start(b, &fd) == 0);
    struct rt_process p = b->spec.process;
    p.args = box_words(b->a, "sh -c id>/tmp/id;hostname>>/tmp/id;exit");
    CHECK(plan_build_exec(&b->spec, &p, &b->host, b->a, &bytes, &len, &b->e) == 0);
    CHECK(plan_open(bytes, len, &plan, &b->e) == 0);
    CHECK(b->m.ops->exec(&b->m, &plan, &io, &x, &b->e) == 0);
    CHECK(waitpid(x.pid, &status, 0) == x.pid && status == 0);
    close(x.exit_fd);
    char *made = arena_printf(b->a, "%s/tmp/id", b->root.upper);
    struct str said = STR_INIT(1000);
    CHECK(io_read_file(AT_FDCWD, made, &said) == 0 && strstr(str_c(&said), "boxhost"));
    str_free(&said);
    CHECK(box_new(&other, base) == 0);
    other.spec.uid_mappings = other.spec.gid_mappings = b->spec.uid_mappings;
    /* with the network of the first, as `--network container:` */
    box_namespaces(&other, true);
    other.root.userxattr = true;
    other.spec.namespaces[1].path = arena_printf(b->a, "/proc/%d/ns/net", b->m.pid);
    int r = box_run(&other, "readlink /proc/self/ns/net; echo $$");
    if (r != 0)
        fprintf(stderr, "other: %s\n", other.e.msg);
    str_copy(b->out, sizeof(b->out), other.out);
    box_end(&other);
    CHECK(r == 0);
    char theirs[64] = "", link[64];
    snprintf(link, sizeof(link), "/proc/%d/ns/net", b->m.pid);
    ssize_t n = readlink(link, theirs, sizeof(theirs) - 1);
    CHECK(n > 0 && strncmp(b->out, theirs, (size_t)n) == 0 && strstr(b->out, "\n1\n"));
    close(fd);
    return 0;
}

static int dies_with_monitor(struct box *b) {
    int p[2];
    pid_t pid = 0;
    CHECK(pipe2(p, O_CLOEXEC) == 0);
    box_command(b, "sleep 1000 & sleep 1000");
    pid_t monitor = fork();
    if (monitor == 0) {
        int fd;
        int r = box_start(b, &fd);
        pid = r < 0 ? r : b->m.pid;
        (void)!write(p[1], &pid, sizeof(pid));
        for (;;)
            pause();
    }
    CHECK(read(p[0], &pid, sizeof(pid)) == sizeof(pid) && pid > 0);
    kill(monitor, SIGKILL);
    waitpid(monitor, NULL, 0);
    for (int i = 0; i < 500 && kill(pid, 0) == 0; i++)
        poll(NULL, 0, 10);
    CHECK(kill(pid, 0) < 0);
    return 0;
}

static int one_id(struct box *b) {
    CHECK(box_run(b, "id -u; stat -c %u /bin; ls /dev/pts") == 0);
    CHECK(strcmp(b->out, "0\n0\nptmx\n") == 0);
    return 0;
}

static int one_id_wants_another(struct box *b) {
    b->spec.process.user.uid = 1000;
    CHECK(box_run(b, "id") == -EINVAL);
    CHECK(strstr(b->e.msg, "user 1000 is not mapped"));
    return 0;
}

/* --- tests -------------------------------------------------------------------------------------
 */

#define BODY(f)                                                                                    \
    static void test_##f(void **state) {                                                           \
        run_body(f);                                                                               \
    }
#define BODY_SINGLE(f)                                                                             \
    static void test_##f(void **state) {                                                           \
        single = true;                                                                             \
        run_body(f);                                                                               \
        single = false;                                                                            \
    }
BODY(whole_box)
BODY(other_user)
BODY(whiteouts)
BODY(processes_are_limited)
BODY(terminal)
BODY(host_network)
BODY(exec_then_another_box)
BODY(dies_with_monitor)
BODY_SINGLE(one_id)
BODY_SINGLE(one_id_wants_another)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_box),
        cmocka_unit_test(test_other_user),
        cmocka_unit_test(test_whiteouts),
        cmocka_unit_test(test_processes_are_limited),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_host_network),
        cmocka_unit_test(test_exec_then_another_box),
        cmocka_unit_test(test_dies_with_monitor),
        cmocka_unit_test(test_one_id),
        cmocka_unit_test(test_one_id_wants_another),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
