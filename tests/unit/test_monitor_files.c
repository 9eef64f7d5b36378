/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in a container's directory: bundle, lock, exit.json. */
#include "monitor_box.h"

struct dir {
    char path[64];
    int fd;
};

static struct dir dir_new(void) {
    struct dir d = {.path = "/tmp/hako-test-files-XXXXXX"};

    assert_non_null(mkdtemp(d.path));
    d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(d.fd >= 0);
    return d;
}

static void dir_free(struct dir *d) {
    close(d->fd);
    path_remove_tree(AT_FDCWD, d->path);
}

static struct mon_settings settings(void) {
    struct mon_settings s = {.tty = 1, .stop_signal = 15, .log_max_bytes = 12345};
    str_copy(s.id, sizeof(s.id), "0123abc");
    str_copy(s.isolation, sizeof(s.isolation), "fake");
    str_copy(s.name, sizeof(s.name), "box");
    str_copy(s.lease, sizeof(s.lease), "leases/10.0.0.2");
    str_copy(s.volumes, sizeof(s.volumes), "one,two");
    return s;
}

static void test_bundle_round_trip(void **state) {
    struct dir d = dir_new();
    struct mon_settings s = settings();
    struct mon_bundle b;
    struct err e = {0};

    assert_int_equal(bundle_write(d.fd, &s, "plan!", 5, "network", 7, &e), 0);
    assert_int_equal(bundle_open(d.fd, &b, &e), 0);
    assert_memory_equal(b.settings, &s, sizeof(s));
    assert_int_equal(b.plan_len, 5);
    assert_memory_equal(b.plan, "plan!", 5);
    assert_int_equal(b.net_len, 7);
    assert_memory_equal(b.net, "network", 7);
    assert_int_equal((uintptr_t)b.plan % 16, 0);
    assert_int_equal((uintptr_t)b.net % 16, 0);
    bundle_close(&b);
    /* again, shorter, and without a network */
    assert_int_equal(bundle_write(d.fd, &s, "p", 1, NULL, 0, &e), 0);
    assert_int_equal(bundle_open(d.fd, &b, &e), 0);
    assert_null(b.net);
    assert_int_equal(b.net_len, 0);
    bundle_close(&b);
    dir_free(&d);
}

static void test_bundle_refuses_paths(void **state) {
    struct dir d = dir_new();
    struct err e = {0};
    struct mon_settings s;

    s = settings();
    str_copy(s.id, sizeof(s.id), "../x");
    assert_int_equal(bundle_write(d.fd, &s, "p", 1, NULL, 0, &e), -EINVAL);
    s = settings();
    str_copy(s.name, sizeof(s.name), "a/b");
    assert_int_equal(bundle_write(d.fd, &s, "p", 1, NULL, 0, &e), -EINVAL);
    s = settings();
    str_copy(s.lease, sizeof(s.lease), "leases/../../x");
    assert_int_equal(bundle_write(d.fd, &s, "p", 1, NULL, 0, &e), -EINVAL);
    s = settings();
    str_copy(s.volumes, sizeof(s.volumes), "one,..");
    assert_int_equal(bundle_write(d.fd, &s, "p", 1, NULL, 0, &e), -EINVAL);
    s = settings();
    memset(s.id, 'a', sizeof(s.id));
    assert_int_equal(bundle_write(d.fd, &s, "p", 1, NULL, 0, &e), -EINVAL);
    dir_free(&d);
}

static void test_bundle_cut_short(void **state) {
    struct dir d = dir_new();
    struct mon_settings s = settings();
    struct mon_bundle b;
    struct err e = {0};
    struct stat st;

    assert_int_equal(bundle_write(d.fd, &s, "plan", 4, "net", 3, &e), 0);
    assert_int_equal(fstatat(d.fd, MON_BUNDLE, &st, 0), 0);
    int fd = openat(d.fd, MON_BUNDLE, O_RDWR | O_CLOEXEC);
    for (off_t n = st.st_size - 1; n >= 0; n -= 7) {
        assert_int_equal(ftruncate(fd, n), 0);
        assert_true(bundle_open(d.fd, &b, &e) < 0);
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
    close(fd);
    dir_free(&d);
}

static void test_lock_says_who_and_since_when(void **state) {
    struct dir d = dir_new();
    struct mon_live live, w = {.monitor_pid = getpid(),
                               .pid = 4711,
                               .pid_start = 99,
                               .started_ns = INT64_C(1795201615123456789),
                               .paused = true};

    assert_int_equal(mon_probe(d.fd, &live), 0);
    assert_false(live.running || live.was_started);
    int fd = live_lock(d.fd);
    assert_true(fd >= 0);
    assert_int_equal(live_lock(d.fd), -EAGAIN);
    assert_int_equal(mon_probe(d.fd, &live), 0);
    assert_true(live.running);
    assert_false(live.was_started);
    assert_int_equal(live_write(fd, &w), 0);
    assert_int_equal(mon_probe(d.fd, &live), 0);
    assert_true(live.running && live.was_started && live.paused);
    assert_int_equal(live.monitor_pid, getpid());
    assert_int_equal(live.pid, 4711);
    assert_int_equal(live.pid_start, 99);
    assert_int_equal(live.started_ns, w.started_ns);
    w.paused = false;
    assert_int_equal(live_write(fd, &w), 0);
    assert_int_equal(mon_probe(d.fd, &live), 0);
    assert_false(live.paused);
    close(fd);
    assert_int_equal(mon_probe(d.fd, &live), 0);
    assert_false(live.running);
    assert_true(live.was_started);
    assert_int_equal(mon_wait_unlocked(d.fd), 0);
    dir_free(&d);
}

static void test_lock_text_that_is_none(void **state) {
    static const char *const bad[] = {
        "",
        "\n",
        "monitor=1\n",
        "monitor=1 pid=2 start=3 started=4 paused=\n",
        "monitor=1 pid=2 start=3 started=4 paused=0",
        "monitor=-1 pid=2 start=3 started=4 paused=0\n",
        "monitor=99999999999 pid=2 start=3 started=4 paused=0\n",
        "monitor=1 pid=2 start=3 started=99999999999999999999 paused=0\n"};
    struct mon_live live = {.pid = 77};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(live_parse(bad[i], strlen(bad[i]), &live), -EINVAL);
    assert_int_equal(live.pid, 77);
}

static void test_pid_start(void **state) {
    assert_true(live_pid_start(getpid()) > 0);
    assert_int_equal(live_pid_start(getpid()), live_pid_start(getpid()));
    assert_int_equal(live_pid_start(0), 0);
    assert_int_equal(live_pid_start(INT32_MAX), 0);
}

static void test_exit_round_trip(void **state) {
    struct dir d = dir_new();
    struct mon_exit x, w = {.code = 137,
                            .oom_killed = true,
                            .started_ns = INT64_C(1795201615123456789),
                            .finished_ns = INT64_C(1795201616000000000)};

    assert_int_equal(mon_read_exit(d.fd, &x), -ENOENT);
    /* two bytes per byte at worst, in an error that is as long as can be */
    memset(w.error, '"', sizeof(w.error) - 1);
    assert_int_equal(mon_write_exit(d.fd, &w), 0);
    assert_int_equal(mon_read_exit(d.fd, &x), 0);
    assert_int_equal(x.code, 137);
    assert_true(x.oom_killed);
    assert_int_equal(x.started_ns, w.started_ns);
    assert_int_equal(x.finished_ns, w.finished_ns);
    assert_string_equal(x.error, w.error);
    w = (struct mon_exit){.finished_ns = 1};
    assert_int_equal(mon_write_exit(d.fd, &w), 0);
    assert_int_equal(mon_read_exit(d.fd, &x), 0);
    assert_int_equal(x.started_ns, 0);
    assert_int_equal(io_replace_file(d.fd, MON_EXIT, "{", 1, 0600, false), 0);
    assert_int_equal(mon_read_exit(d.fd, &x), -EBADMSG);
    dir_free(&d);
}

static void test_protocol_check(void **state) {
    struct mon_msg m = {.word = MON_ATTACH, .flags = MON_F_STDIN | MON_F_STDERR};

    assert_int_equal(protocol_check(&m, sizeof(m), 2), 0);
    assert_int_equal(protocol_check(&m, sizeof(m), 1), -EPROTO);
    assert_int_equal(protocol_check(&m, sizeof(m) + 1, 2), -EPROTO);
    m = (struct mon_msg){.word = MON_EXEC, .len = MON_MAX_MSG};
    assert_int_equal(protocol_check(&m, sizeof(m) + MON_MAX_MSG, 0), 0);
    m.len++;
    assert_int_equal(protocol_check(&m, sizeof(m) + m.len, 0), -EPROTO);
    m = (struct mon_msg){.word = MON_LISTENER};
    assert_int_equal(protocol_check(&m, sizeof(m), 0), -EPROTO);
    assert_int_equal(protocol_check(&m, sizeof(m), 8), 0);
    m = (struct mon_msg){.word = MON_ERROR, .len = 3};
    assert_int_equal(protocol_check(&m, sizeof(m) + 3, 0), -EPROTO);
}

static void test_nobody_listens(void **state) {
    struct dir d = dir_new();
    struct err e = {0};
    int sock = -7;

    assert_int_equal(mon_connect(d.fd, &sock, &e), -ESRCH);
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_int_equal(sock, -7);
    dir_free(&d);
}

static void test_recv_deadline_and_death(void **state) {
    struct mon_msg m;
    struct err e = {0};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(mon_recv(pair[0], &m, NULL, 0, NULL, NULL, now_mono_ns() + 30000000, &e),
                     -ETIMEDOUT);
    close(pair[1]);
    assert_int_equal(mon_recv(pair[0], &m, NULL, 0, NULL, NULL, 0, &e), -ECONNRESET);
    assert_int_equal(mon_send(pair[0], &(struct mon_msg){.word = MON_WAIT}, NULL, NULL, 0, &e),
                     -ECONNRESET);
    close(pair[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_round_trip),
        cmocka_unit_test(test_bundle_refuses_paths),
        cmocka_unit_test(test_bundle_cut_short),
        cmocka_unit_test(test_lock_says_who_and_since_when),
        cmocka_unit_test(test_lock_text_that_is_none),
        cmocka_unit_test(test_pid_start),
        cmocka_unit_test(test_exit_round_trip),
        cmocka_unit_test(test_protocol_check),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_recv_deadline_and_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
