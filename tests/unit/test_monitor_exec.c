/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_box.h"

#include <sys/mman.h>

static void pipe_of(int p[2]) {
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
}

/* EXEC with these container ends (-1 = none), closed here. */
static void exec_send(int sock, const char *script, uint32_t flags, int in, int out, int err) {
    int all[3] = {in, out, err}, fds[4];
    struct mon_msg m = {.word = MON_EXEC, .flags = flags};
    struct err e = {0};
    AUTO_ARENA struct arena *a = arena_new();
    struct box_plan plan = box_plan(a, "/bin/sh", script, true, flags & MON_F_TTY);
    size_t n = 0;

    for (unsigned i = 0; i < 3; i++)
        if (all[i] >= 0) {
            m.flags |= (uint32_t)MON_F_STDIN << i;
            fds[n++] = all[i];
        }
    if (flags & MON_F_MEMFD) {
        AUTO_FD int raw = memfd_create("plan", MFD_CLOEXEC);
        assert_int_equal(io_write_all(raw, plan.p, plan.len), 0);
        fds[n++] = io_sealed_copy(raw, "plan");
    } else
        m.len = (uint32_t)plan.len;
    assert_int_equal(mon_send(sock, &m, plan.p, fds, n, &e), 0);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

static void sleeping_box(struct box *b) {
    *b = box_new();
    box_spawn(b, "sleep 1000");
    box_go(b);
}

static void end_box(struct box *b) {
    box_send(b->sock, (struct mon_msg){.word = MON_WAIT}, NULL, 0);
    box_send(b->sock, (struct mon_msg){.word = MON_SIGNAL, .arg = SIGKILL}, NULL, 0);
    box_recv(b->sock, MON_OK);
    assert_int_equal(box_exited(b->sock), 137);
    box_free(b);
}

static void test_exec_runs_and_reports(void **state) {
    struct box b;
    AUTO_STR struct str out = STR_INIT(0), err = STR_INIT(0);
    int pi[2], po[2], pe[2];

    sleeping_box(&b);
    pipe_of(pi);
    pipe_of(po);
    pipe_of(pe);
    int sock = box_connect(&b);
    exec_send(sock, "cat; echo oops >&2; exit 9", 0, pi[0], po[1], pe[1]);
    assert_true(box_recv(sock, MON_EXEC_STARTED).arg > 0);
    assert_int_equal(io_write_all(pi[1], "hello", 5), 0);
    close(pi[1]);
    box_slurp(po[0], &out);
    box_slurp(pe[0], &err);
    assert_int_equal(box_recv(sock, MON_EXEC_EXITED).arg, 9);
    assert_string_equal(str_c(&out), "hello");
    assert_string_equal(str_c(&err), "oops\n");
    close(sock);
    end_box(&b);
}

static void test_exec_plan_in_a_memfd(void **state) {
    struct box b;
    AUTO_STR struct str out = STR_INIT(0);
    int po[2];

    sleeping_box(&b);
    pipe_of(po);
    int sock = box_connect(&b);
    exec_send(sock, "echo from memory", MON_F_MEMFD, -1, po[1], -1);
    box_recv(sock, MON_EXEC_STARTED);
    box_slurp(po[0], &out);
    assert_string_equal(str_c(&out), "from memory\n");
    assert_int_equal(box_recv(sock, MON_EXEC_EXITED).arg, 0);
    close(sock);
    end_box(&b);
}

static void test_exec_refuses_unsealed_plan(void **state) {
    struct box b;
    struct err e = {0};
    struct mon_msg m = {.word = MON_EXEC, .flags = MON_F_MEMFD};

    sleeping_box(&b);
    int sock = box_connect(&b);
    int fd = memfd_create("plan", MFD_CLOEXEC);
    assert_int_equal(io_write_all(fd, "a plan", 6), 0);
    box_send(sock, m, &fd, 1);
    close(fd);
    assert_int_equal(mon_recv(sock, &m, NULL, 0, NULL, NULL, 0, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "sealed"));
    close(sock);
    end_box(&b);
}

static void test_exec_with_terminal(void **state) {
    struct box b;
    struct mon_msg m;
    struct err e = {0};
    int fds[8];
    size_t n = 0;
    char buf[256] = "";

    sleeping_box(&b);
    int sock = box_connect(&b);
    exec_send(sock, "tty -s && stty -echo && read x && echo \"got $x\"", MON_F_TTY, -1, -1, -1);
    assert_int_equal(mon_recv(sock, &m, NULL, 0, fds, &n, 0, &e), 0);
    assert_int_equal(m.word, MON_EXEC_STARTED);
    assert_int_equal(n, 1);
    assert_int_equal(io_write_all(fds[0], "it\n", 3), 0);
    assert_int_equal(box_recv(sock, MON_EXEC_EXITED).arg, 0);
    size_t got = 0;
    ssize_t k;
    while ((k = read(fds[0], buf + got, sizeof(buf) - 1 - got)) > 0)
        got += (size_t)k;
    assert_non_null(strstr(buf, "got it\r\n"));
    close(fds[0]);
    close(sock);
    end_box(&b);
}

static void test_many_execs_then_a_clear_refusal(void **state) {
    struct box b;
    struct mon_msg m;
    struct err e = {0};
    int gate[2], started = 0, r;

    sleeping_box(&b);
    pipe_of(gate);
    int sock = box_connect(&b);
    for (;;) {
        exec_send(sock, "read x", 0, dup(gate[0]), -1, -1);
        r = mon_recv(sock, &m, NULL, 0, NULL, NULL, 0, &e);
        if (r < 0)
            break;
        assert_int_equal(m.word, MON_EXEC_STARTED);
        started++;
        assert_true(started < 1000);
    }
    assert_true(started >= 32);
    assert_int_equal(e.kind, ERR_CONFLICT);
    close(gate[0]);
    close(gate[1]); /* all of them see EOF */
    for (int i = 0; i < started; i++)
        assert_int_equal(box_recv(sock, MON_EXEC_EXITED).arg, 1);
    /* and there is room again */
    exec_send(sock, "exit 2", 0, -1, -1, -1);
    box_recv(sock, MON_EXEC_STARTED);
    assert_int_equal(box_recv(sock, MON_EXEC_EXITED).arg, 2);
    close(sock);
    end_box(&b);
}

static void test_exec_outlives_its_client(void **state) {
    struct box b;
    int po[2];
    char byte;

    sleeping_box(&b);
    pipe_of(po);
    int sock = box_connect(&b);
    exec_send(sock, "sleep 0.2; echo x", 0, -1, po[1], -1);
    box_recv(sock, MON_EXEC_STARTED);
    close(sock);
    assert_int_equal(read(po[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(po[0]);
    end_box(&b);
}

static void test_exec_is_told_when_the_box_dies(void **state) {
    struct box b;

    sleeping_box(&b);
    int sock = box_connect(&b);
    exec_send(sock, "sleep 1000", 0, -1, -1, -1);
    struct mon_msg m = box_recv(sock, MON_EXEC_STARTED);
    end_box(&b);
    assert_int_equal(box_recv(sock, MON_EXEC_EXITED).arg, 137);
    close(sock);
    (void)kill(m.arg, SIGKILL); /* the fake machine does not take it along */
}

static void test_freeze(void **state) {
    struct box b;
    struct mon_live live;

    sleeping_box(&b);
    box_send(b.sock, (struct mon_msg){.word = MON_FREEZE, .arg = 1}, NULL, 0);
    box_recv(b.sock, MON_OK);
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    assert_true(live.paused);
    box_send(b.sock, (struct mon_msg){.word = MON_FREEZE, .arg = 0}, NULL, 0);
    box_recv(b.sock, MON_OK);
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    assert_false(live.paused);
    end_box(&b);
}

/* --- packets that are no messages ------------------------------------------------------------ */

static void test_garbage_closes_the_connection(void **state) {
    static const struct mon_msg bad[] = {
        {.word = 0},
        {.word = 9999},
        {.word = MON_STARTED},
        {.word = MON_SIGNAL, .len = 5},
        {.word = MON_ATTACH, .flags = MON_F_STDIN},
    };
    struct box b;
    char byte;

    sleeping_box(&b);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int sock = box_connect(&b);
        assert_true(send(sock, &bad[i], sizeof(bad[i]), MSG_NOSIGNAL) > 0);
        assert_int_equal(recv(sock, &byte, 1, 0), 0);
        close(sock);
    }
    int sock = box_connect(&b);
    assert_true(send(sock, "x", 1, MSG_NOSIGNAL) == 1);
    assert_int_equal(recv(sock, &byte, 1, 0), 0);
    close(sock);
    /* descriptors that do not belong are closed, not kept */
    int p[2];
    pipe_of(p);
    sock = box_connect(&b);
    box_send(sock, (struct mon_msg){.word = MON_WAIT}, &p[1], 1);
    close(p[1]);
    assert_int_equal(read(p[0], &byte, 1), 0);
    close(p[0]);
    close(sock);
    end_box(&b);
}

static void test_too_many_connections(void **state) {
    struct box b;
    int socks[100];
    struct mon_msg m;
    struct err e = {0};

    sleeping_box(&b);
    for (size_t i = 0; i < ARRAY_SIZE(socks); i++)
        socks[i] = box_connect(&b);
    assert_int_equal(mon_recv(socks[99], &m, NULL, 0, NULL, NULL, 0, &e), -EUSERS);
    assert_int_equal(e.kind, ERR_CONFLICT);
    for (size_t i = 0; i < ARRAY_SIZE(socks); i++)
        close(socks[i]);
    int sock = box_connect(&b);
    box_send(sock, (struct mon_msg){.word = MON_SIGNAL, .arg = 0}, NULL, 0);
    box_recv(sock, MON_OK);
    close(sock);
    end_box(&b);
}

/* Words in any order, from many clients that come, go and do not read: the monitor lives. */
static void test_random_words(void **state) {
    static const uint32_t words[] = {MON_BOOT,   MON_GO,     MON_START, MON_ATTACH,   MON_ATTACH,
                                     MON_DETACH, MON_SIGNAL, MON_EXEC,  MON_LISTENER, MON_RESIZE,
                                     MON_WAIT,   MON_FREEZE, MON_ERROR};
    struct box b = box_new();
    int socks[20];
    uint64_t seed, x;

    assert_int_equal(io_random(&seed, sizeof(seed)), 0);
    print_message("seed %llu\n", (unsigned long long)seed);
    x = seed | 1;
    b.settings.open_stdin = 1;
    b.settings.log_max_bytes = 100000;
    box_spawn(&b, "while :; do echo out; echo err >&2; read -r line || sleep 0.01; done");
    box_go(&b);
    for (size_t i = 0; i < ARRAY_SIZE(socks); i++)
        socks[i] = box_connect(&b);
    for (int i = 0; i < 5000; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t r = (uint32_t)(x >> 33);
        int *sock = &socks[r % ARRAY_SIZE(socks)], fds[16], p[2];
        struct mon_msg m = {.word = words[(r >> 5) % ARRAY_SIZE(words)],
                            .flags = (r >> 9) & 0x1ff & ~(uint32_t)MON_F_ALL,
                            .arg = (int)(r & 1)};
        size_t n = 0;
        size_t want = protocol_fds(&m) < 0 ? r % 3 : (size_t)protocol_fds(&m);
        if (m.word == MON_SIGNAL)
            m.arg = 0;
        for (; n + 1 < want + 1 && n < 8; n += 2) {
            pipe_of(p);
            fds[n] = r & 4 ? p[0] : p[1];
            fds[n + 1] = r & 4 ? p[1] : p[0];
        }
        protocol_send(*sock, &m, NULL, fds, MIN_OF(want, n), MSG_DONTWAIT);
        while (n > 0)
            close(fds[--n]);
        if (r % 7 == 0) {
            close(*sock);
            *sock = box_connect(&b);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(socks); i++)
        close(socks[i]);
    int sock = box_connect(&b);
    box_send(sock, (struct mon_msg){.word = MON_FREEZE, .arg = 0}, NULL, 0);
    box_recv(sock, MON_OK);
    close(sock);
    end_box(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec_runs_and_reports),
        cmocka_unit_test(test_exec_plan_in_a_memfd),
        cmocka_unit_test(test_exec_refuses_unsealed_plan),
        cmocka_unit_test(test_exec_with_terminal),
        cmocka_unit_test(test_many_execs_then_a_clear_refusal),
        cmocka_unit_test(test_exec_outlives_its_client),
        cmocka_unit_test(test_exec_is_told_when_the_box_dies),
        cmocka_unit_test(test_freeze),
        cmocka_unit_test(test_garbage_closes_the_connection),
        cmocka_unit_test(test_too_many_connections),
        cmocka_unit_test(test_random_words),
    };
    signal(SIGPIPE, SIG_IGN); /* banned-ok: a test's main */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
