/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/userns.h"

#include "base/str.h"
#include "sys/host.h"
#include "sys/lsm.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <cmocka.h>

static void parses_subid_files(void **state) {
    static const char text[] = "# comment\nbob:1:2\nann:100000:65536\n\nnonsense\n1000:300000:10\n"
                               "anna:5:5\n";
    struct userns_map m;
    struct err e = {0};
    char buf[200];

    assert_int_equal(userns_map_parse(text, "ann", 1000, &m, &e), 0);
    assert_int_equal(userns_map_text(&m, buf, sizeof(buf)), 40);
    assert_string_equal(buf, "0 1000 1\n1 100000 65536\n65537 300000 10\n");
    assert_int_equal(userns_map_span(&m), 65547);
    assert_int_equal(userns_map_parse(text, NULL, 77, &m, &e), 0);
    assert_int_equal(m.n, 1);
    assert_int_equal(userns_map_parse("", "ann", 5, &m, &e), 0);
    assert_int_equal(userns_map_span(&m), 1);
    assert_int_equal(userns_map_text(&m, buf, 4), -ENOSPC);
}

static void refuses_broken_own_lines(void **state) {
    static const char *const bad[] = {
        "ann:1\n", "ann:x:5\n", "ann:5:0\n", "ann:4294967295:2\n", "ann:1:99999999999\n",
        "ann::\n", "ann:-1:5\n"};
    struct userns_map m = {.n = 9};
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(userns_map_parse(bad[i], "ann", 1000, &m, &e), -EINVAL);
        assert_int_equal(m.n, 9);
    }
    char many[1024] = "";
    for (int i = 0; i < USERNS_MAX_RANGES + 4; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "ann:%d:10\n", 1000 * (i + 1));
    assert_int_equal(userns_map_parse(many, "ann", 1000, &m, &e), 0);
    assert_int_equal(m.n, USERNS_MAX_RANGES);
}

static void span_stops_at_a_gap(void **state) {
    struct userns_map m = {.v = {{10, 50, 5}, {0, 1000, 1}, {1, 9, 3}}, .n = 3};

    assert_int_equal(userns_map_span(&m), 4);
}

static bool can_unshare(void) {
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

struct seen {
    uid_t uid;
    int fd; /* where to tell */
};

static int look(void *data, struct err *e) {
    struct seen *s = data;
    uid_t id[2] = {geteuid(), getegid()};
    struct stat st;

    if (write(s->fd, id, sizeof(id)) != (ssize_t)sizeof(id))
        return err_sys(e, "write");
    if (stat("/proc/self", &st) < 0)
        return err_sys(e, "stat");
    return 0;
}

static int fails(void *data, struct err *e) {
    return err_set(e, ERR_NO_SPACE, -ENOSPC, "no room for %s", (const char *)data);
}

static int fails_silently(void *data, struct err *e) {
    return -EIO;
}

static int dies(void *data, struct err *e) {
    raise(SIGKILL);
    return 0;
}

static void runs_as_root_of_a_new_one(void **state) {
    struct userns_maps m;
    struct err e = {0};
    uid_t id[2] = {9, 9};
    int p[2];
    char files[] = "files";

    if (!can_unshare()) {
        print_message("skipped: no user namespaces for us\n");
        skip();
    }
    assert_int_equal(userns_maps_read(&m, &e), 0);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    struct seen s = {.fd = p[1]};
    if (userns_run(&m, look, &s, &e) != 0)
        fail_msg("%s", e.msg);
    assert_int_equal(read(p[0], id, sizeof(id)), sizeof(id));
    assert_int_equal(id[0], 0);
    assert_int_equal(id[1], 0);
    assert_int_equal(userns_run(&m, fails, files, &e), -ENOSPC);
    assert_string_equal(e.msg, "no room for files");
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_int_equal(userns_run(&m, fails_silently, NULL, &e), -EIO);
    assert_int_equal(userns_run(&m, dies, NULL, &e), -EIO);
    close(p[0]);
    close(p[1]);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child left */
}

static void creates_one_and_enters_it(void **state) {
    struct userns_maps m;
    struct err e = {0};
    int fd, p[2];
    uid_t id[2] = {9, 9};
    struct stat ours, theirs;

    if (!can_unshare()) {
        print_message("skipped: no user namespaces for us\n");
        skip();
    }
    assert_int_equal(userns_maps_read(&m, &e), 0);
    assert_int_equal(userns_create(&m, &fd, &e), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* the descriptor alone keeps it */
    assert_int_equal(stat("/proc/self/ns/user", &ours), 0);
    assert_int_equal(fstat(fd, &theirs), 0);
    assert_true(ours.st_ino != theirs.st_ino);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    struct seen s = {.fd = p[1]};
    if (userns_run_in(fd, look, &s, &e) != 0)
        fail_msg("%s", e.msg);
    assert_int_equal(read(p[0], id, sizeof(id)), sizeof(id));
    assert_int_equal(id[0], 0);
    assert_int_equal(userns_run_in(p[0], look, &s, &e), -EINVAL);
    close(p[0]);
    close(p[1]);
    close(fd);
}

/* An ordinary user without subordinate ids and without newuidmap, played by a child. */
static void user_without_subordinate_ids(void **state) {
    int status;

    if (geteuid() != 0 || !can_unshare()) {
        print_message("skipped: needs root to play another user\n");
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct userns_maps m;
        struct err e = {0};
        struct seen s = {.fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
        if (setgid(54321) < 0 || setuid(54321) < 0 || userns_maps_read(&m, &e) != 0)
            _exit(1);
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* as after an exec: /proc/PID is ours */
        if (!m.single || !strstr(m.why_single, "54321:100000:65536") || m.uid.n != 1)
            _exit(2);
        if (userns_run(&m, look, &s, &e) != 0)
            _exit(3);
        /* two ids without the helpers: a clear word */
        m.single = false;
        m.uid.v[m.uid.n++] = (struct userns_range){1, 100000, 10};
        setenv("PATH", "/nonexistent", 1);
        if (userns_run(&m, look, &s, &e) != -ENOENT || !strstr(e.msg, "newuidmap not found") ||
            !strstr(e.msg, "uidmap"))
            _exit(4);
        /* and with them, but without the right */
        setenv("PATH", "/usr/bin:/bin", 1);
        if (access("/usr/bin/newuidmap", X_OK) == 0 &&
            (userns_run(&m, look, &s, &e) != -EPERM || !strstr(e.msg, "newuidmap failed")))
            _exit(5);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void host_facts(void **state) {
    struct host h;
    struct err e = {0};
    struct utsname u;

    assert_int_equal(host_read_info(&h, &e), 0);
    assert_int_equal(uname(&u), 0);
    assert_string_equal(h.kernel, u.release);
    assert_true(h.kernel_major >= 5);
    assert_true(h.cpus > 0 && h.memory_total > 1 << 20);
    assert_true(h.last_cap >= 37);
    assert_true(h.has_seccomp);
    assert_int_equal(h.rootless, geteuid() != 0 || userns_inside());
    if (!h.has_apparmor && !lsm_has_selinux())
        assert_true(lsm_apparmor_exec(-1, "x") < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_subid_files),
        cmocka_unit_test(refuses_broken_own_lines),
        cmocka_unit_test(span_stops_at_a_gap),
        cmocka_unit_test(runs_as_root_of_a_new_one),
        cmocka_unit_test(creates_one_and_enters_it),
        cmocka_unit_test(user_without_subordinate_ids),
        cmocka_unit_test(host_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
