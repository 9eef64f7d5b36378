/* SPDX-License-Identifier: Apache-2.0 */
/* Real boxes over a busybox root, as root. */
#include "machine_group.h"

#include <signal.h>

/* --- the basics --------------------------------------------------------------------------------
 */

static void exit_code_comes_back(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect(box(state), "exit 42", 42, "");
    assert_int_equal(box(state)->m.state, MACHINE_STOPPED);
}

static void death_by_signal_is_128_and_more(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    box(state)->host.init = true;
    expect(box(state), "kill -9 $$", 137, "");
}

static void names_and_ids_are_its_own(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect(box(state), "hostname; echo $$; id -u; pwd; ls /proc | grep -c '^[0-9]'", 0,
           "boxhost\n1\n0\n/\n3\n"); /* sh, ls, grep */
}

static void standard_mounts_are_there(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    expect(b, "cat /proc/self/mountinfo", 0, NULL);
    static const char *const want[] = {" / / rw",    " /proc ",         " /dev ",
                                       " /dev/pts ", " /sys ro,",       " /dev/mqueue ",
                                       " /dev/shm ", " /sys/fs/cgroup "};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        assert_non_null(strstr(b->out, want[i]));
    assert_null(strstr(b->out, "/home")); /* nothing of the host's */
}

static void devices_are_the_real_ones(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect(box(state),
           "cd /dev; for d in null zero full random urandom tty; do stat -c '%n %t:%T %a %F' $d; "
           "done; for l in fd stdin ptmx; do readlink $l; done; head -c 3 zero | wc -c",
           0,
           "null 1:3 666 character special file\nzero 1:5 666 character special file\n"
           "full 1:7 666 character special file\nrandom 1:8 666 character special file\n"
           "urandom 1:9 666 character special file\ntty 5:0 666 character special file\n"
           "/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n3\n");
}

static void no_descriptor_of_the_monitor_leaks(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    /* 3 is the directory that ls itself reads */
    expect(box(state), "ls /proc/self/fd", 0, "0\n1\n2\n3\n");
}

static void masked_and_read_only_paths(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    expect(b,
           "cat /proc/keys | wc -c; ls /sys/firmware | wc -l; stat -c %t:%T /proc/timer_list; "
           "(echo 1 > /proc/sys/kernel/panic) 2>/dev/null || echo ro; "
           "(echo b > /proc/sysrq-trigger) 2>/dev/null || echo ro; "
           "touch /sys/x 2>/dev/null || echo ro; touch /sys/firmware/x 2>/dev/null || echo ro",
           0, "0\n0\n1:3\nro\nro\nro\nro\n");
}

static void writes_go_to_the_upper_layer(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    char path[300];
    struct stat st;
    expect(b, "echo x > /etc/new; umask; stat -c %a /etc/new", 0, "0022\n644\n");
    snprintf(path, sizeof(path), "%s/etc/new", b->root.upper);
    assert_int_equal(stat(path, &st), 0);
    snprintf(path, sizeof(path), "%s/lower/etc/new", base);
    assert_int_equal(stat(path, &st), -1);
}

static void read_only_root(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    box(state)->spec.root_readonly = true;
    expect(box(state), "touch /x 2>/dev/null || echo ro; touch /dev/shm/x && echo rw", 0,
           "ro\nrw\n");
}

/* --- rights ------------------------------------------------------------------------------------
 */

static void capabilities_filter_and_user(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    static uint32_t groups[] = {7, 8};
    b->spec.process.user = (struct rt_user){
        .uid = 1000, .gid = 1001, .additional_gids = groups, .n_additional_gids = 2};
    expect(b,
           "id -u; id -g; id -G; grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs):' /proc/self/status",
           0,
           "1000\n1001\n1001 7 8\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n"
           "NoNewPrivs:\t0\nSeccomp:\t2\n");
}

static void no_new_privileges(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    box(state)->spec.process.no_new_privileges = true;
    expect(box(state), "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status", 0,
           "NoNewPrivs:\t1\nSeccomp:\t2\n");
}

static void capabilities_are_never_more_than_ours(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct caps now;
    char want[64];
    uint64_t all = caps_mask(63);
    assert_int_equal(caps_current(&now), 0);
    b->spec.process.caps = box_caps(all, 0);
    snprintf(want, sizeof(want), "CapEff:\t%016llx\n",
             (unsigned long long)(now.permitted & now.bounding));
    expect(b, "grep CapEff /proc/self/status", 0, want);
}

static void ambient_capability_of_a_user(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    uint64_t c = CAPS_BIT(10); /* NET_BIND_SERVICE */
    b->spec.process.user.uid = 1000;
    b->spec.process.caps = box_caps(c, c);
    expect(b, "grep -E 'Cap(Eff|Amb)' /proc/self/status", 0,
           "CapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n");
}

static void filter_refuses(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect(box(state), "mount -t tmpfs t /tmp 2>/dev/null || echo refused", 0, "refused\n");
}

static void rlimits_oom_score_and_sysctl(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    static struct rt_rlimit limits[] = {{(char *)(uintptr_t) "RLIMIT_NOFILE", 100, 200}};
    static struct rt_kv sysctl[] = {
        {(char *)(uintptr_t) "net.ipv4.ip_unprivileged_port_start", (char *)(uintptr_t) "80"},
        {(char *)(uintptr_t) "kernel.msgmax", (char *)(uintptr_t) "4097"}};
    b->spec.process.rlimits = limits;
    b->spec.process.n_rlimits = 1;
    b->spec.process.has_oom_score_adj = true;
    b->spec.process.oom_score_adj = 500;
    b->spec.sysctl = sysctl;
    b->spec.n_sysctl = 2;
    expect(b,
           "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj "
           "/proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax",
           0, "100\n200\n500\n80\n4097\n");
}

static void sysctl_of_the_host_is_refused(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    static struct rt_kv sysctl[] = {{(char *)(uintptr_t) "kernel.panic", (char *)(uintptr_t) "1"}};
    box(state)->spec.sysctl = sysctl;
    box(state)->spec.n_sysctl = 1;
    expect(box(state), "true", -EINVAL, NULL);
    assert_non_null(strstr(box(state)->e.msg, "kernel.panic"));
}

/* --- the command -------------------------------------------------------------------------------
 */

static void expect_failure(struct box *b, const char *command, enum err_kind kind,
                           const char *words) {
    b->spec.process.args = box_words(b->a, command);
    int r = box_run(b, NULL);
    assert_true(r < 0);
    assert_int_equal(b->e.kind, kind);
    if (!strstr(b->e.msg, words))
        print_error("%s\n", b->e.msg);
    assert_non_null(strstr(b->e.msg, words));
}

static void command_not_found(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect_failure(box(state), "no-such", ERR_CMD_NOT_FOUND,
                   "exec: \"no-such\": executable file not found in $PATH");
    assert_int_equal(err_exit_code(&box(state)->e), 127);
}

static void command_path_not_found(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect_failure(box(state), "/bin/no-such", ERR_CMD_NOT_FOUND,
                   "exec: \"/bin/no-such\": stat /bin/no-such: no such file or directory");
}

static void command_not_executable(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect_failure(box(state), "/etc/passwd", ERR_CMD_NOT_EXEC,
                   "exec: \"/etc/passwd\": permission denied");
    assert_int_equal(err_exit_code(&box(state)->e), 126);
}

static void command_is_a_directory(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    expect_failure(box(state), "/etc", ERR_CMD_NOT_EXEC, "exec: \"/etc\": is a directory");
}

static void missing_working_directory_is_made(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    box(state)->spec.process.cwd = arena_strdup(box(state)->a, "/a/b");
    expect(box(state), "pwd; stat -c '%a %u' .", 0, "/a/b\n755 0\n");
}

static void working_directory_cannot_be_a_host_descriptor(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    /* CVE-2024-21626: every descriptor number that may still be open in init */
    for (int fd = 3; fd < 16; fd++) {
        struct box b;
        assert_int_equal(box_new(&b, base), 0);
        b.spec.process.cwd = arena_printf(b.a, "/proc/self/fd/%d", fd);
        int r = box_run(&b, "ls -a /proc/self/cwd/../../../.. | grep -c hako-test || true");
        if (r == 0)
            assert_string_equal(b.out, "0\n");
        box_end(&b);
    }
}

/* --- ends --------------------------------------------------------------------------------------
 */

/* No sync at the end; the mark of the overlay does not hinder a second run. */
static void throwaway_box_runs_twice(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct err e = {0};
    b->root.throwaway = true;
    expect(b, "echo x > /kept; grep -c volatile /proc/self/mountinfo", 0, "1\n");
    assert_int_equal(machine_end(&b->m, &e), 0);
    machine_init(&b->m, &machine_container_ops);
    expect(b, "cat /kept", 0, "x\n");
}

static void end_kills_what_runs(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    int fd = -1;
    struct err e = {0};
    box_command(b, "trap '' TERM; (sleep 1000 &); sleep 1000");
    assert_int_equal(box_start(b, &fd), 0);
    pid_t pid = b->m.pid;
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(machine_end(&b->m, &e), 0);
    assert_int_equal(kill(pid, 0), -1);
    box_read(fd, b->out, sizeof(b->out)); /* every writer is gone: this ends */
    assert_int_equal(machine_end(&b->m, &e), 0);
}

static void box_without_pid_namespace_is_killed_by_cgroup(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    int fd = -1;
    struct err e = {0};
    struct cgroup_set set;
    b->spec.namespaces++; /* the first is pid */
    b->spec.n_namespaces--;
    box_command(b, "(sleep 1000 &); exec sleep 1000");
    assert_int_equal(box_start(b, &fd), 0);
    plan_cgroups(&b->plan, &set);
    if (!set.v2 && !set.ctl[CG_PIDS]) {
        print_message("skipped: no cgroup here\n");
        skip();
    }
    assert_true(cgroup_populated(&set));
    assert_int_equal(machine_end(&b->m, &e), 0);
    assert_false(cgroup_populated(&set));
    box_read(fd, b->out, sizeof(b->out));
}

/* The monitor is killed: the box goes with it, and a sweep takes the rest. */
static void box_dies_with_its_monitor(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    int p[2];
    struct err e = {0};
    struct {
        pid_t pid;
        uint64_t start;
    } live = {0};
    b->spec.process.user.uid = 1000; /* a change of user clears the signal: it must be set again */
    box_command(b, "sleep 1000 & sleep 1000");
    assert_int_equal(pipe(p), 0);
    assert_int_equal(box_plan(b), 0);
    pid_t monitor = fork();
    if (monitor == 0) {
        int fd;
        if (box_start(b, &fd) < 0)
            _exit(1);
        live.pid = b->m.pid;
        /* field 22 */
        char line[512], path[64], *s;
        snprintf(path, sizeof(path), "/proc/%d/stat", live.pid);
        io_read_line(AT_FDCWD, path, line, sizeof(line));
        s = strrchr(line, ')');
        for (int i = 2; i < 22; i++)
            s = strchr(s, ' ') + 1;
        live.start = strtoull(s, NULL, 10);
        (void)!write(p[1], &live, sizeof(live));
        for (;;)
            pause();
    }
    assert_int_equal(read(p[0], &live, sizeof(live)), sizeof(live));
    close(p[0]);
    close(p[1]);
    assert_int_equal(kill(live.pid, 0), 0);
    kill(monitor, SIGKILL);
    waitpid(monitor, NULL, 0);
    for (int i = 0; i < 500 && kill(live.pid, 0) == 0; i++)
        poll(NULL, 0, 10);
    assert_int_equal(kill(live.pid, 0), -1);
    assert_int_equal(machine_sweep(&b->plan, live.pid, live.start, &e), 0);
    assert_int_equal(machine_sweep(&b->plan, live.pid, live.start, &e), 0);
    struct cgroup_set set;
    plan_cgroups(&b->plan, &set);
    if (set.ctl[CG_PIDS])
        assert_int_equal(access(set.ctl[CG_PIDS], F_OK), -1);
}

static void init_reaps_and_forwards(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    int fd = -1;
    char buf[8];
    b->host.init = true;
    box_command(
        b, "trap 'echo got; exit 7' TERM; (sleep 0.01 &); echo $$; while :; do sleep 0.02; done");
    assert_int_equal(box_start(b, &fd), 0);
    assert_int_equal(read(fd, buf, 2), 2);
    assert_memory_equal(buf, "2\n", 2);
    assert_int_equal(b->m.ops->signal(&b->m, SIGTERM, false, &b->e), 0);
    assert_int_equal(box_wait(b), 7);
    box_read(fd, b->out, sizeof(b->out));
    assert_string_equal(b->out, "got\n");
}

static void terminal_of_its_own(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    int fd = -1;
    b->spec.process.terminal = true;
    b->spec.process.console_width = 91;
    b->spec.process.console_height = 33;
    b->spec.process.user.uid = 1000;
    box_command(
        b, "tty; stty size; test -c /dev/console && echo console; echo > /dev/tty && stat -c %u "
           "$(tty)");
    assert_int_equal(box_start(b, &fd), 0);
    close(fd);
    assert_true(b->m.console >= 0);
    box_read(b->m.console, b->out, sizeof(b->out)); /* EIO at the end */
    b->m.console = -1;
    assert_int_equal(box_wait(b), 0);
    assert_string_equal(b->out, "/dev/pts/0\r\n33 91\r\nconsole\r\n\r\n1000\r\n");
}

static void limits_by_cgroup(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    bool v2;
    const struct cgroup_hierarchy *h = cgroup_layout_find(&b->layout, CG_PIDS, &v2);
    if (!h || !h->writable) {
        print_message("skipped: no pids controller here\n");
        skip();
    }
    b->spec.resources.pids_limit = (struct rt_opt_i64){true, 5};
    expect(b, "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done 2>/dev/null; echo not reached; wait",
           2, NULL);
    assert_null(strstr(b->out, "not reached"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(exit_code_comes_back),
        T(death_by_signal_is_128_and_more),
        T(names_and_ids_are_its_own),
        T(standard_mounts_are_there),
        T(devices_are_the_real_ones),
        T(no_descriptor_of_the_monitor_leaks),
        T(masked_and_read_only_paths),
        T(writes_go_to_the_upper_layer),
        T(read_only_root),
        T(capabilities_filter_and_user),
        T(no_new_privileges),
        T(capabilities_are_never_more_than_ours),
        T(ambient_capability_of_a_user),
        T(filter_refuses),
        T(rlimits_oom_score_and_sysctl),
        T(sysctl_of_the_host_is_refused),
        T(command_not_found),
        T(command_path_not_found),
        T(command_not_executable),
        T(command_is_a_directory),
        T(missing_working_directory_is_made),
        T(working_directory_cannot_be_a_host_descriptor),
        T(throwaway_box_runs_twice),
        T(end_kills_what_runs),
        T(box_without_pid_namespace_is_killed_by_cgroup),
        T(box_dies_with_its_monitor),
        T(init_reaps_and_forwards),
        T(terminal_of_its_own),
        T(limits_by_cgroup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
