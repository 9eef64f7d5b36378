/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_box.h"
#include "sys/syscalls.h"

static void pipe_of(int p[2]) {
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
}

static void test_exit_codes(void **state) {
    static const struct {
        const char *script;
        int code;
    } cases[] = {{"exit 0", 0}, {"exit 7", 7}, {"kill -9 $$", 137}, {"kill -15 $$", 143}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct box b = box_new();
        struct mon_exit x;
        struct mon_live live;
        box_spawn(&b, cases[i].script);
        box_attach(b.sock, -1, -1, -1);
        box_go(&b);
        assert_int_equal(box_exited(b.sock), cases[i].code);
        assert_int_equal(mon_read_exit(b.dirfd, &x), 0);
        assert_int_equal(x.code, cases[i].code);
        assert_true(x.finished_ns >= x.started_ns && x.started_ns > 0);
        /* no moment of being neither running nor startable */
        assert_int_equal(mon_probe(b.dirfd, &live), 0);
        assert_false(live.running);
        assert_false(live.was_started); /* all taken down: nothing for a sweep */
        box_free(&b);
    }
}

/* Two readers at once, so that neither pipe stops the other. */
static void slurp_both(int a, int b, struct str *sa, struct str *sb) {
    struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    struct str *to[2] = {sa, sb};
    char buf[8192];

    while (p[0].fd >= 0 || p[1].fd >= 0) {
        assert_true(poll(p, 2, 20000) > 0);
        for (int i = 0; i < 2; i++) {
            if (p[i].fd < 0 || !p[i].revents)
                continue;
            ssize_t n = read(p[i].fd, buf, sizeof(buf));
            assert_true(n >= 0);
            if (n > 0) {
                assert_int_equal(str_addn(to[i], buf, (size_t)n), 0);
                continue;
            }
            close(p[i].fd);
            p[i].fd = -1;
        }
    }
}

struct log_sum {
    struct str text[2];
};

static int sum_piece(void *data, const struct log_piece *p) {
    struct log_sum *s = data;
    return str_addn(&s->text[p->stream - 1], p->text, p->len);
}

static void test_output_is_exact(void **state) {
    static const char script[] =
        "head -c 1000000 \"$F\" & head -c 900000 \"$F\" >&2; wait; printf end";
    struct box b = box_new();
    char path[PATH_MAX], cmd[PATH_MAX + 256];
    AUTO_STR struct str out = STR_INIT(0), err = STR_INIT(0);
    unsigned char *noise = malloc(1000000);
    int po[2], pe[2];

    assert_non_null(noise);
    assert_int_equal(io_random(noise, 1000000), 0);
    snprintf(path, sizeof(path), "%s/noise", b.root);
    assert_int_equal(io_replace_file(AT_FDCWD, path, noise, 1000000, 0600, false), 0);
    snprintf(cmd, sizeof(cmd), "F=%s; %s", path, script);
    pipe_of(po);
    pipe_of(pe);
    box_spawn(&b, cmd);
    box_attach(b.sock, -1, po[1], pe[1]);
    box_go(&b);
    slurp_both(po[0], pe[0], &out, &err);
    assert_int_equal(box_exited(b.sock), 0);
    assert_int_equal(out.len, 1000003);
    assert_memory_equal(out.s, noise, 1000000);
    assert_string_equal(out.s + 1000000, "end");
    assert_int_equal(err.len, 900000);
    assert_memory_equal(err.s, noise, 900000);

    /* and the log has the same bytes */
    struct log_sum sum = {{STR_INIT(0), STR_INIT(0)}};
    struct log_query q = {.tail = -1};
    struct err e = {0};
    assert_int_equal(log_read(b.dirfd, &q, sum_piece, &sum, &e), 0);
    assert_int_equal(sum.text[0].len, out.len);
    assert_memory_equal(sum.text[0].s, out.s, out.len);
    assert_int_equal(sum.text[1].len, err.len);
    assert_memory_equal(sum.text[1].s, err.s, err.len);
    str_free(&sum.text[0]);
    str_free(&sum.text[1]);
    free(noise);
    box_free(&b);
}

static void test_stdin_reaches_the_box(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int pi[2], po[2];

    b.settings.open_stdin = b.settings.stdin_once = 1;
    pipe_of(pi);
    pipe_of(po);
    box_spawn(&b, "cat; echo over");
    box_attach(b.sock, pi[0], po[1], -1);
    box_go(&b);
    for (int i = 0; i < 1000; i++) {
        char line[32];
        int n = snprintf(line, sizeof(line), "line %d\n", i);
        assert_int_equal(io_write_all(pi[1], line, (size_t)n), 0);
    }
    close(pi[1]);
    box_slurp(po[0], &out);
    assert_int_equal(box_exited(b.sock), 0);
    assert_true(str_starts(str_c(&out), "line 0\nline 1\n"));
    assert_true(str_ends(str_c(&out), "line 999\nover\n"));
    box_free(&b);
}

/* A plain file as stdin cannot be watched by epoll; nor can /dev/null. */
static void test_stdin_from_file(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    char path[PATH_MAX];
    char *text = malloc(500000);
    int po[2];

    assert_non_null(text);
    memset(text, 'x', 500000);
    snprintf(path, sizeof(path), "%s/in", b.root);
    assert_int_equal(io_replace_file(AT_FDCWD, path, text, 500000, 0600, false), 0);
    b.settings.open_stdin = b.settings.stdin_once = 1;
    pipe_of(po);
    box_spawn(&b, "wc -c");
    box_attach(b.sock, open(path, O_RDONLY | O_CLOEXEC), po[1], -1);
    box_go(&b);
    box_slurp(po[0], &out);
    assert_int_equal(box_exited(b.sock), 0);
    assert_string_equal(str_c(&out), "500000\n");
    free(text);
    box_free(&b);
}

static void test_stdin_from_null(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int po[2];

    b.settings.open_stdin = b.settings.stdin_once = 1;
    pipe_of(po);
    box_spawn(&b, "wc -c");
    box_attach(b.sock, open("/dev/null", O_RDONLY | O_CLOEXEC), po[1], -1);
    box_go(&b);
    box_slurp(po[0], &out);
    assert_int_equal(box_exited(b.sock), 0);
    assert_string_equal(str_c(&out), "0\n");
    box_free(&b);
}

static void test_rm_leaves_nothing(void **state) {
    struct box b = box_new();
    char path[PATH_MAX];

    b.settings.auto_remove = 1;
    str_copy(b.settings.lease, sizeof(b.settings.lease), "leases/10.0.0.2");
    str_copy(b.settings.volumes, sizeof(b.settings.volumes), "v1,v2");
    snprintf(path, sizeof(path), "%s/net/leases/10.0.0.2", b.root);
    assert_int_equal(symlink(BOX_ID, path), 0);
    snprintf(path, sizeof(path), "%s/volumes/v2", b.root);
    assert_int_equal(mkdir(path, 0700), 0);
    box_spawn(&b, "echo hello");
    box_attach(b.sock, -1, -1, -1);
    box_go(&b);
    assert_int_equal(box_exited(b.sock), 0);
    /* seen from the moment the client knows */
    assert_false(box_has(&b, "containers/" BOX_ID));
    assert_false(box_has(&b, "names/box"));
    assert_int_equal(mon_wait_unlocked(b.dirfd), 0);
    char byte;
    assert_int_equal(read(b.sock, &byte, 1), 0); /* the process has gone, too */
    assert_false(box_has(&b, "tmp/rm-" BOX_ID));
    assert_false(box_has(&b, "net/leases/10.0.0.2"));
    assert_false(box_has(&b, "volumes/v2"));
    box_free(&b);
}

/* What cannot be executed is told, recorded, and leaves nothing running. */
static void test_start_failure(void **state) {
    for (uint32_t rm = 0; rm < 2; rm++) {
        struct box b = box_new();
        struct err e = {0};
        struct mon_msg m;
        struct mon_exit x;
        char byte;

        b.settings.auto_remove = rm;
        b.shell = "/no/such/shell";
        box_spawn(&b, "echo never");
        box_attach(b.sock, -1, -1, -1);
        box_send(b.sock, (struct mon_msg){.word = MON_GO, .flags = MON_F_START}, NULL, 0);
        box_recv(b.sock, MON_CREATED);
        assert_int_equal(mon_recv(b.sock, &m, NULL, 0, NULL, NULL, 0, &e), -ENOENT);
        assert_int_equal(e.kind, ERR_CMD_NOT_FOUND);
        assert_non_null(strstr(e.msg, "/no/such/shell"));
        /* all is undone by the time we hear of it */
        struct mon_live live;
        assert_int_equal(mon_probe(b.dirfd, &live), 0);
        assert_false(live.running);
        assert_int_equal(read(b.sock, &byte, 1), 0);
        assert_int_equal(box_has(&b, "containers/" BOX_ID), !rm);
        assert_int_equal(box_has(&b, "names/box"), !rm);
        if (!rm) {
            assert_int_equal(mon_read_exit(b.dirfd, &x), 0);
            assert_int_equal(x.code, 127);
            assert_string_equal(x.error, e.msg);
            assert_int_equal(x.started_ns, 0);
        }
        box_free(&b);
    }
}

static void test_unknown_isolation(void **state) {
    struct box b = box_new();
    struct err e = {0};
    struct mon_msg m;

    str_copy(b.settings.isolation, sizeof(b.settings.isolation), "jail");
    box_spawn(&b, "echo never");
    assert_int_equal(mon_recv(b.sock, &m, NULL, 0, NULL, NULL, 0, &e), -ENOSYS);
    assert_non_null(strstr(e.msg, "jail"));
    /* on record, so that nobody takes it for a crash */
    struct mon_exit x;
    assert_int_equal(mon_read_exit(b.dirfd, &x), 0);
    assert_int_equal(x.code, 125);
    box_free(&b);
}

static void test_damaged_bundle(void **state) {
    struct box b = box_new();
    struct err e = {0};
    struct mon_msg m;
    struct mon_exit x;
    AUTO_FD int program = box_monitor_program();
    struct mon_spawn s = {.monitor_fd = program,
                          .dirfd = b.dirfd,
                          .userns_fd = -1,
                          .host_netns = -1,
                          .holder_conn = -1};

    assert_int_equal(io_replace_file(b.dirfd, MON_BUNDLE, "short", 5, 0600, false), 0);
    assert_int_equal(mon_spawn(&s, &b.sock, &e), 0);
    assert_int_equal(mon_recv(b.sock, &m, NULL, 0, NULL, NULL, 0, &e), -EINVAL);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_int_equal(mon_read_exit(b.dirfd, &x), 0);
    assert_int_equal(x.code, 125);
    box_free(&b);
}

/* kill -9 at any moment of a --rm box: whatever stands can be told apart and is swept. */
static void test_kill_at_any_moment(void **state) {
    for (int round = 0; round < 60; round++) {
        struct box b = box_new();
        struct mon_live live = {0};
        uint16_t delay;

        b.settings.auto_remove = 1;
        box_spawn(&b, ":");
        box_send(b.sock, (struct mon_msg){.word = MON_GO, .flags = MON_F_START}, NULL, 0);
        assert_int_equal(io_random(&delay, sizeof(delay)), 0);
        struct timespec ts = {.tv_nsec = delay % 4000 * 1000};
        ppoll(NULL, 0, &ts, NULL);
        assert_int_equal(mon_probe(b.dirfd, &live), 0);
        if (live.running && live.was_started)
            kill(live.monitor_pid, SIGKILL);
        assert_int_equal(mon_wait_unlocked(b.dirfd), 0);
        bool box = box_has(&b, "containers/" BOX_ID), name = box_has(&b, "names/box");
        assert_true(box || !name); /* a name without its box would stay for ever */
        if (box) {
            assert_false(box_has(&b, "containers/" BOX_ID "/exit.json"));
            assert_false(box_has(&b, "tmp/rm-" BOX_ID));
        }
        fd_close(&b.sock);
        box_free(&b);
    }
}

static void test_created_then_started_by_another(void **state) {
    struct box b = box_new();
    struct mon_live live;

    box_spawn(&b, "sleep 0.1; exit 3");
    box_send(b.sock, (struct mon_msg){.word = MON_GO}, NULL, 0);
    box_recv(b.sock, MON_CREATED);
    fd_close(&b.sock);
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    assert_true(live.running && live.was_started && live.pid > 0 && live.pid_start > 0);
    assert_int_equal(live.started_ns, 0);
    int sock = box_connect(&b);
    box_send(sock, (struct mon_msg){.word = MON_START}, NULL, 0);
    assert_int_equal(box_recv(sock, MON_STARTED).arg, live.pid);
    box_send(sock, (struct mon_msg){.word = MON_WAIT}, NULL, 0);
    assert_int_equal(box_exited(sock), 3);
    close(sock);
    box_free(&b);
}

static void test_second_monitor_is_refused(void **state) {
    struct box b = box_new();
    struct err e = {0};
    struct mon_msg m;
    AUTO_FD int program = box_monitor_program();
    struct mon_spawn s = {.monitor_fd = program,
                          .dirfd = b.dirfd,
                          .userns_fd = -1,
                          .host_netns = -1,
                          .holder_conn = -1};
    int second;

    box_spawn(&b, "sleep 100");
    box_go(&b);
    assert_int_equal(mon_spawn(&s, &second, &e), 0);
    assert_int_equal(mon_recv(second, &m, NULL, 0, NULL, NULL, 0, &e), -EBUSY);
    assert_int_equal(e.kind, ERR_CONFLICT);
    int po[2];
    char byte;
    pipe_of(po);
    box_send(second, (struct mon_msg){.word = MON_LISTENER}, &po[1], 1);
    close(po[1]);
    close(second);
    assert_int_equal(read(po[0], &byte, 1), 0); /* it ends, with all it held */
    close(po[0]);
    /* it has done no harm */
    box_send(b.sock, (struct mon_msg){.word = MON_WAIT}, NULL, 0);
    box_send(b.sock, (struct mon_msg){.word = MON_SIGNAL, .arg = SIGKILL}, NULL, 0);
    box_recv(b.sock, MON_OK);
    assert_int_equal(box_exited(b.sock), 137);
    box_free(&b);
}

static void test_command_leaves_before_go(void **state) {
    struct box b = box_new();
    struct mon_live live;

    struct err e = {0};
    int sock;

    box_spawn(&b, "echo never");
    while (mon_probe(b.dirfd, &live) == 0 && !live.was_started)
        poll(NULL, 0, 1); /* until it has its lock */
    fd_close(&b.sock);
    assert_int_equal(mon_wait_unlocked(b.dirfd), 0);
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    assert_false(live.running || live.was_started); /* no crash: nothing has begun */
    assert_int_equal(mon_connect(b.dirfd, &sock, &e), -ESRCH);
    assert_int_equal(e.kind, ERR_CONFLICT);
    box_free(&b);
}

/* The command is killed between its words: nobody is there to hear the answers. */
static void test_command_leaves_between_words(void **state) {
    for (int words = 0; words < 4; words++) {
        struct box b = box_new();
        struct mon_live live;
        int po[2];

        pipe_of(po);
        box_spawn(&b, "echo never");
        box_send(b.sock, (struct mon_msg){.word = MON_LISTENER}, &po[1], 1);
        for (int i = 0; i < words; i++)
            box_send(b.sock, (struct mon_msg){.word = MON_ATTACH, .flags = MON_F_STDOUT}, &po[1],
                     1);
        close(po[1]);
        fd_close(&b.sock);
        char byte;
        assert_int_equal(read(po[0], &byte, 1), 0); /* it has let go of everything */
        assert_int_equal(mon_wait_unlocked(b.dirfd), 0);
        assert_int_equal(mon_probe(b.dirfd, &live), 0);
        assert_false(live.was_started);
        close(po[0]);
        box_free(&b);
    }
}

static void test_killed_monitor_takes_the_box_along(void **state) {
    struct box b = box_new();
    struct mon_live live;
    struct mon_exit x;

    box_spawn(&b, "sleep 100");
    box_go(&b);
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    assert_true(live.running);
    assert_int_equal(kill(live.monitor_pid, SIGKILL), 0);
    assert_int_equal(mon_wait_unlocked(b.dirfd), 0);
    assert_int_equal(mon_read_exit(b.dirfd, &x), -ENOENT);
    for (int i = 0; i < 2000 && kill(live.pid, 0) == 0; i++)
        poll(NULL, 0, 5);
    assert_int_equal(kill(live.pid, 0), -1);
    /* and the same container can start again */
    close(b.sock);
    box_spawn(&b, "exit 5");
    box_attach(b.sock, -1, -1, -1);
    box_go(&b);
    assert_int_equal(box_exited(b.sock), 5);
    box_free(&b);
}

static int spawn_sharing(struct box *b, int rundir) {
    AUTO_FD int program = box_monitor_program();
    struct mon_spawn s = {.monitor_fd = program,
                          .dirfd = b->dirfd,
                          .userns_fd = -1,
                          .host_netns = -1,
                          .holder_conn = -1,
                          .rundir = rundir,
                          .lasting = !b->settings.auto_remove};
    struct err e = {0};
    struct mon_live live;

    box_write_bundle(b, "sleep 1000");
    assert_int_equal(mon_spawn(&s, &b->sock, &e), 0);
    box_go(b);
    assert_int_equal(mon_probe(b->dirfd, &live), 0);
    return live.monitor_pid;
}

static struct stat program_of(int pid) {
    char path[32];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    assert_int_equal(stat(path, &st), 0);
    return st;
}

/* Until its monitor is really gone: the box's end is told before, and a dying monitor still shares.
 */
static void kill_box(struct box *b) {
    struct mon_live live;

    assert_int_equal(mon_probe(b->dirfd, &live), 0);
    struct pollfd gone = {.fd = sys_pidfd_open(live.monitor_pid), .events = POLLIN};
    assert_true(gone.fd >= 0);
    box_attach(b->sock, -1, -1, -1);
    box_send(b->sock, (struct mon_msg){.word = MON_SIGNAL, .arg = SIGKILL}, NULL, 0);
    box_recv(b->sock, MON_OK);
    assert_int_equal(box_exited(b->sock), 137);
    assert_int_equal(poll(&gone, 1, 20000), 1);
    close(gone.fd);
    box_free(b);
}

/* All monitors run one copy in memory, as long as one of the last few that had it lives. */
static void test_program_is_shared(void **state) {
    struct box a = box_new(), b = box_new(), c = box_new(), d = box_new();
    char run[] = "/tmp/hako-test-run-XXXXXX";

    assert_non_null(mkdtemp(run));
    int rundir = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat sa = program_of(spawn_sharing(&a, rundir));
    struct stat sb = program_of(spawn_sharing(&b, rundir));
    assert_int_equal(sa.st_ino, sb.st_ino);
    kill_box(&b);
    struct stat sc = program_of(spawn_sharing(&c, rundir));
    assert_int_equal(sa.st_ino, sc.st_ino);
    kill_box(&a);
    kill_box(&c);
    struct stat sd = program_of(spawn_sharing(&d, rundir));
    assert_int_not_equal(sa.st_ino, sd.st_ino);
    kill_box(&d);
    /* a link that names anything else is not believed */
    static const char *const lies[] = {"1",
                                       "x",
                                       "1,,2,",
                                       "99999999999999999999",
                                       ",",
                                       "-1",
                                       "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"};
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        unlinkat(rundir, "monitor", 0);
        assert_int_equal(symlinkat(lies[i], rundir, "monitor"), 0);
        a = box_new();
        spawn_sharing(&a, rundir);
        kill_box(&a);
    }
    close(rundir);
    path_remove_tree(AT_FDCWD, run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_output_is_exact),
        cmocka_unit_test(test_stdin_reaches_the_box),
        cmocka_unit_test(test_stdin_from_file),
        cmocka_unit_test(test_stdin_from_null),
        cmocka_unit_test(test_rm_leaves_nothing),
        cmocka_unit_test(test_start_failure),
        cmocka_unit_test(test_unknown_isolation),
        cmocka_unit_test(test_damaged_bundle),
        cmocka_unit_test(test_kill_at_any_moment),
        cmocka_unit_test(test_created_then_started_by_another),
        cmocka_unit_test(test_second_monitor_is_refused),
        cmocka_unit_test(test_command_leaves_before_go),
        cmocka_unit_test(test_command_leaves_between_words),
        cmocka_unit_test(test_killed_monitor_takes_the_box_along),
        cmocka_unit_test(test_program_is_shared),
    };
    signal(SIGPIPE, SIG_IGN); /* banned-ok: a test's main */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
