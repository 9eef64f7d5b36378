/* SPDX-License-Identifier: Apache-2.0 */
/* A second task in a running box. */
#include "machine_box.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

static char base[64];

struct running {
    struct box b;
    int out;
};

#define EXEC_SKIP_UNLESS_ROOT()                                                                    \
    do {                                                                                           \
        if (geteuid() != 0) {                                                                      \
            print_message("skipped: real boxes of this file need root\n");                         \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

static int setup(void **state) {
    struct running *r = calloc(1, sizeof(*r));
    *state = r;
    if (geteuid() != 0)
        return 0;
    if (box_new(&r->b, base) < 0)
        return -1;
    box_command(&r->b, "echo secret > /etc/in-box; exec sleep 1000");
    if (box_start(&r->b, &r->out) < 0) {
        print_error("%s\n", r->b.e.msg);
        return -1;
    }
    char path[64], comm[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", r->b.m.pid);
    for (int i = 0; i < 10000 && strcmp(comm, "sleep") != 0; i++) {
        poll(NULL, 0, 1); /* until the shell has become what the tests look for */
        io_read_line(AT_FDCWD, path, comm, sizeof(comm));
    }
    return 0;
}

static int teardown(void **state) {
    struct running *r = *state;
    if (geteuid() == 0) {
        close(r->out);
        box_end(&r->b);
    }
    free(r);
    return 0;
}

static int group_setup(void **state) {
    char lower[100];
    str_copy(base, sizeof(base), "/tmp/hako-test-XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(lower, sizeof(lower), "%s/lower", base);
    return box_make_root(lower);
}

static int group_teardown(void **state) {
    box_remove_cgroup_parents();
    return path_remove_tree(AT_FDCWD, base);
}

/* Start; output to *fd (the terminal's master when p->terminal). 0 or negative errno. */
static int exec_begin(struct box *b, struct rt_process *p, struct machine_exec *x, int *fd) {
    void *bytes;
    size_t len;
    struct plan plan;
    int pipes[2];
    int r = plan_build_exec(&b->spec, p, &b->host, b->a, &bytes, &len, &b->e);
    if (r == 0)
        r = plan_open(bytes, len, &plan, &b->e);
    if (r < 0 || pipe2(pipes, O_CLOEXEC) < 0)
        return r < 0 ? r : -errno;
    struct machine_stdio io = {.fd = {-1, pipes[1], pipes[1]}, .terminal = p->terminal};
    r = b->m.ops->exec(&b->m, &plan, &io, x, &b->e);
    close(pipes[1]);
    if (r < 0 || p->terminal) {
        close(pipes[0]);
        *fd = r < 0 ? -1 : x->console;
    } else {
        *fd = pipes[0];
    }
    return r;
}

static int exec_end(struct machine_exec *x) {
    int status;
    struct pollfd p = {.fd = x->exit_fd, .events = POLLIN};
    if (poll(&p, 1, 20000) != 1 || waitpid(x->pid, &status, 0) != x->pid)
        return -ETIMEDOUT;
    close(x->exit_fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int exec_run(struct box *b, struct rt_process *p, const char *script) {
    struct machine_exec x;
    int fd;
    if (script) {
        struct strlist l = box_words(b->a, "/bin/sh -c");
        strlist_add(b->a, &l, script);
        p->args = l;
    }
    int r = exec_begin(b, p, &x, &fd);
    if (r < 0)
        return r;
    box_read(fd, b->out, sizeof(b->out));
    return exec_end(&x);
}

static struct rt_process like_the_box(const struct box *b) {
    return b->spec.process;
}

static void sees_the_box(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    assert_int_equal(exec_run(b, &p,
                              "hostname; cat /etc/in-box; cat /proc/1/comm; pwd; umask; "
                              "ls /proc/self/fd; exit 9"),
                     9);
    assert_string_equal(b->out, "boxhost\nsecret\nsleep\n/\n0022\n0\n1\n2\n3\n");
}

static void is_as_confined_as_the_box(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    assert_int_equal(
        exec_run(b, &p,
                 "grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status; "
                 "for n in cgroup ipc mnt net pid uts; do "
                 "test $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) || echo $n; done; "
                 "cat /proc/self/cgroup > /tmp/a; cat /proc/1/cgroup > /tmp/b; "
                 "grep -v -F -f /tmp/a /tmp/b"),
        1);
    assert_string_equal(b->out,
                        "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\n");
}

static void as_another_user_elsewhere(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    p.user = (struct rt_user){.uid = 1000, .gid = 1000};
    p.cwd = arena_strdup(b->a, "/tmp");
    p.env = box_words(b->a, "PATH=/bin A=b");
    assert_int_equal(
        exec_run(b, &p, "id -u; pwd; echo $A; cat /proc/1/environ 2>/dev/null | wc -c"), 0);
    assert_string_equal(b->out, "1000\n/tmp\nb\n0\n");
}

static void command_not_found(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    p.args = box_words(b->a, "nope");
    assert_int_equal(exec_run(b, &p, NULL), -ENOENT);
    assert_int_equal(b->e.kind, ERR_CMD_NOT_FOUND);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* nothing left but the box */
}

static void terminal(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    p.terminal = true;
    p.console_width = 70;
    p.console_height = 20;
    assert_int_equal(exec_run(b, &p, "stty size; tty; echo > /dev/tty; exit 3"), 3);
    assert_string_equal(b->out, "20 70\r\n/dev/pts/0\r\n\r\n");
}

static void many_at_once(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    struct machine_exec x[8];
    int fd[8];
    p.args = box_words(b->a, "sleep 0.05");
    for (size_t i = 0; i < ARRAY_SIZE(x); i++)
        assert_int_equal(exec_begin(b, &p, &x[i], &fd[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
        assert_int_equal(exec_end(&x[i]), 0);
        close(fd[i]);
    }
}

static void dies_with_the_box(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    struct machine_exec x;
    int fd;
    p.args = box_words(b->a, "sleep 1000");
    assert_int_equal(exec_begin(b, &p, &x, &fd), 0);
    assert_int_equal(b->m.ops->signal(&b->m, SIGKILL, false, &b->e), 0);
    assert_int_equal(exec_end(&x), 137);
    close(fd);
}

static void into_a_dead_box(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    assert_int_equal(b->m.ops->signal(&b->m, SIGKILL, false, &b->e), 0);
    assert_int_equal(box_wait(b), 137);
    p.args = box_words(b->a, "true");
    assert_true(exec_run(b, &p, NULL) < 0);
    assert_int_equal(b->e.kind, ERR_CONFLICT);
}

/* As `--pid container:`: born in the other's namespace, ended without it. */
static void another_box_in_its_pid_namespace(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct box other;
    int fd = -1;
    assert_int_equal(box_new(&other, base), 0);
    other.spec.namespaces[0].path = arena_printf(b->a, "/proc/%d/ns/pid", b->m.pid);
    box_command(&other, "cat /proc/1/comm; sleep 1000 & echo; sleep 1000");
    if (box_start(&other, &fd) < 0)
        fail_msg("%s", other.e.msg);
    assert_int_equal(io_read_full(fd, b->out, 7), 7);
    assert_memory_equal(b->out, "sleep\n\n", 7);
    box_end(&other);
    box_read(fd, b->out, sizeof(b->out)); /* all its writers are gone */
    struct rt_process p = like_the_box(b);
    assert_int_equal(exec_run(b, &p, "cat /proc/[0-9]*/stat | grep '(sleep)' | grep -vc ' Z '"), 0);
    assert_string_equal(b->out, "1\n"); /* the first box's own; zombies are its business */
}

/* Nobody has collected the execs when the machine is ended: it must not wait for ever. */
static void ended_with_execs_running(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct rt_process p = like_the_box(b);
    struct machine_exec x[3];
    int fd[3];
    p.args = box_words(b->a, "sleep 1000");
    for (size_t i = 0; i < ARRAY_SIZE(x); i++)
        assert_int_equal(exec_begin(b, &p, &x[i], &fd[i]), 0);
    int64_t before = now_mono_ns();
    assert_int_equal(machine_end(&b->m, &b->e), 0);
    assert_true(now_mono_ns() - before < 5000000000);
    for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
        close(fd[i]);
        close(x[i].exit_fd);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_paused_box_can_be_killed(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct cgroup_set set;
    plan_cgroups(&b->plan, &set);
    if (!set.v2 && !set.ctl[CG_FREEZER]) {
        print_message("skipped: no freezer here\n");
        skip();
    }
    assert_int_equal(b->m.ops->freeze(&b->m, true, &b->e), 0);
    int64_t before = now_mono_ns();
    assert_int_equal(machine_end(&b->m, &b->e), 0);
    assert_true(now_mono_ns() - before < 5000000000);
}

static void paused_and_counted(void **state) {
    EXEC_SKIP_UNLESS_ROOT();
    struct box *b = &((struct running *)*state)->b;
    struct machine_stats s;
    struct cgroup_set set;
    plan_cgroups(&b->plan, &set);
    if (!set.v2 && !set.ctl[CG_FREEZER]) {
        print_message("skipped: no freezer here\n");
        skip();
    }
    assert_int_equal(b->m.ops->freeze(&b->m, true, &b->e), 0);
    assert_int_equal(b->m.ops->freeze(&b->m, false, &b->e), 0);
    assert_int_equal(b->m.ops->stats(&b->m, &s, &b->e), 0);
    if (set.ctl[CG_PIDS])
        assert_int_equal(s.pids, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(sees_the_box),
        T(is_as_confined_as_the_box),
        T(as_another_user_elsewhere),
        T(command_not_found),
        T(terminal),
        T(many_at_once),
        T(another_box_in_its_pid_namespace),
        T(dies_with_the_box),
        T(into_a_dead_box),
        T(paused_and_counted),
        T(ended_with_execs_running),
        T(a_paused_box_can_be_killed),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
