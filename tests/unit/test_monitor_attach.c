/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_box.h"

#include "sys/tty.h"

#include <sys/ioctl.h>

static void pipe_of(int p[2]) {
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
}

/* Read until `want` bytes are there. */
static void read_exactly(int fd, size_t want, struct str *to) {
    char buf[4096];

    while (to->len < want) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_true(poll(&p, 1, 20000) > 0);
        ssize_t n = read(fd, buf, MIN_OF(sizeof(buf), want - to->len));
        assert_true(n > 0);
        assert_int_equal(str_addn(to, buf, (size_t)n), 0);
    }
}

static bool readable(int fd, int ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

static void test_two_clients_get_the_same(void **state) {
    struct box b = box_new();
    AUTO_STR struct str one = STR_INIT(0), two = STR_INIT(0);
    int p1[2], p2[2], pi[2];

    b.settings.open_stdin = b.settings.stdin_once = 1;
    pipe_of(p1);
    pipe_of(p2);
    pipe_of(pi);
    box_spawn(&b, "cat");
    box_attach(b.sock, pi[0], p1[1], -1);
    box_go(&b);
    int sock = box_connect(&b);
    box_attach(sock, -1, p2[1], -1);
    assert_int_equal(io_write_all(pi[1], "hello\n", 6), 0);
    read_exactly(p1[0], 6, &one);
    read_exactly(p2[0], 6, &two);
    /* one leaves, the box goes on */
    box_send(sock, (struct mon_msg){.word = MON_DETACH}, NULL, 0);
    box_recv(sock, MON_OK);
    close(sock);
    assert_int_equal(io_write_all(pi[1], "again\n", 6), 0);
    close(pi[1]);
    box_slurp(p1[0], &one);
    box_slurp(p2[0], &two);
    assert_string_equal(str_c(&one), "hello\nagain\n");
    assert_string_equal(str_c(&two), "hello\n");
    assert_int_equal(box_exited(b.sock), 0);
    box_free(&b);
}

/* A client that does not read stops the box's writing, and loses nothing. */
static void test_slow_client_holds_the_box_back(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int po[2];
    char path[PATH_MAX], cmd[PATH_MAX + 128];

    snprintf(path, sizeof(path), "%s/done", b.root);
    snprintf(cmd, sizeof(cmd), "head -c 3000000 /dev/zero; : > %s", path);
    pipe_of(po);
    box_spawn(&b, cmd);
    box_attach(b.sock, -1, po[1], -1);
    box_go(&b);
    /* the pipes fill; the box stands still */
    while (!readable(po[0], 20000))
        ;
    poll(NULL, 0, 200);
    assert_false(box_has(&b, "done"));
    /* the monitor is not blocked meanwhile */
    int sock = box_connect(&b);
    box_send(sock, (struct mon_msg){.word = MON_SIGNAL, .arg = 0}, NULL, 0);
    box_recv(sock, MON_OK);
    close(sock);
    box_slurp(po[0], &out);
    assert_int_equal(out.len, 3000000);
    assert_int_equal(box_exited(b.sock), 0);
    assert_true(box_has(&b, "done"));
    box_free(&b);
}

/* The flag belongs to everybody who shares the description. */
static void test_foreign_descriptions_stay_blocking(void **state) {
    struct box b = box_new();
    int pi[2], po[2];

    b.settings.open_stdin = 1;
    pipe_of(pi);
    pipe_of(po);
    int in = dup(pi[0]), out = dup(po[1]);
    box_spawn(&b, "echo x");
    box_attach(b.sock, pi[0], po[1], -1);
    box_go(&b);
    assert_int_equal(box_exited(b.sock), 0);
    assert_false(fcntl(in, F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(out, F_GETFL) & O_NONBLOCK);
    close(in);
    close(out);
    close(pi[1]);
    close(po[0]);
    box_free(&b);
}

/* Its reader has gone: the box goes on, into the log. */
static void test_dead_reader_is_dropped(void **state) {
    struct box b = box_new();
    struct stat st;
    int po[2];

    pipe_of(po);
    box_spawn(&b, "head -c 300000 /dev/zero; echo end");
    box_attach(b.sock, -1, po[1], -1);
    close(po[0]);
    box_go(&b);
    assert_int_equal(box_exited(b.sock), 0);
    assert_int_equal(fstatat(b.dirfd, MON_LOG, &st, 0), 0);
    assert_true(st.st_size > 300000);
    box_free(&b);
}

/* The command is killed with the box's output in flight; another client takes over. */
static void test_killed_client_frees_the_box(void **state) {
    struct box b = box_new();
    int po[2];

    pipe_of(po);
    box_spawn(&b, "head -c 3000000 /dev/zero");
    box_attach(b.sock, -1, po[1], -1);
    box_go(&b);
    while (!readable(po[0], 20000))
        ;
    int sock = box_connect(&b);
    box_send(sock, (struct mon_msg){.word = MON_WAIT}, NULL, 0);
    fd_close(&b.sock); /* as the kernel does for a killed process; its pipe is still open */
    assert_int_equal(box_exited(sock), 0);
    close(po[0]);
    close(sock);
    box_free(&b);
}

/* The box is dead, a client does not read: SIGKILL lets the rest go. */
static void test_kill_abandons_stuck_client(void **state) {
    struct box b = box_new();
    int po[2];
    struct mon_live live;

    pipe_of(po);
    box_spawn(&b, "head -c 100000 /dev/zero; kill -9 $$");
    box_attach(b.sock, -1, po[1], -1);
    box_go(&b);
    int sock = box_connect(&b);
    assert_false(readable(b.sock, 300)); /* not over: bytes are owed */
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    assert_true(live.running);
    box_send(sock, (struct mon_msg){.word = MON_SIGNAL, .arg = SIGKILL}, NULL, 0);
    box_recv(sock, MON_OK);
    assert_int_equal(box_exited(b.sock), 137);
    close(po[0]);
    close(sock);
    box_free(&b);
}

/* A grandchild holds stdout open when pid 1 ends. */
static void test_grandchild_does_not_keep_the_box(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int po[2];

    pipe_of(po);
    box_spawn(&b, "(trap '' HUP; sleep 5) & echo said; exit 4");
    box_attach(b.sock, -1, po[1], -1);
    box_go(&b);
    int64_t before = now_mono_ns();
    assert_int_equal(box_exited(b.sock), 4);
    assert_true(now_mono_ns() - before < INT64_C(4000000000));
    box_slurp(po[0], &out);
    assert_string_equal(str_c(&out), "said\n");
    box_free(&b);
}

static void test_stdin_once_closes_with_the_client(void **state) {
    struct box b = box_new();
    int pi[2];

    b.settings.open_stdin = b.settings.stdin_once = 1;
    pipe_of(pi);
    box_spawn(&b, "cat > /dev/null; exit 6");
    box_attach(b.sock, pi[0], -1, -1);
    box_go(&b);
    int sock = box_connect(&b);
    box_send(sock, (struct mon_msg){.word = MON_WAIT}, NULL, 0);
    fd_close(&b.sock); /* the client dies; its stdin is still open elsewhere */
    assert_int_equal(box_exited(sock), 6);
    close(pi[1]);
    close(sock);
    box_free(&b);
}

static void test_stdin_stays_open_without_once(void **state) {
    struct box b = box_new();
    int pi[2], again[2];

    b.settings.open_stdin = 1;
    pipe_of(pi);
    pipe_of(again);
    box_spawn(&b, "read a; read b; exit $((a + b))");
    box_attach(b.sock, pi[0], -1, -1);
    box_go(&b);
    assert_int_equal(io_write_all(pi[1], "3\n", 2), 0);
    close(pi[1]);
    int sock = box_connect(&b);
    box_attach(sock, again[0], -1, -1);
    assert_int_equal(io_write_all(again[1], "4\n", 2), 0);
    assert_int_equal(box_exited(sock), 7);
    close(again[1]);
    close(sock);
    box_free(&b);
}

/* --- terminals ------------------------------------------------------------------------------- */

static void test_terminal(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int pi[2], po[2];

    b.settings.tty = b.settings.open_stdin = b.settings.stdin_once = 1;
    pipe_of(pi);
    pipe_of(po);
    box_spawn(&b, "stty -echo; stty size; read x; echo \"got $x\"; stty size; tty -s && exit 5");
    box_attach(b.sock, pi[0], po[1], -1);
    box_send(b.sock, (struct mon_msg){.word = MON_RESIZE, .cols = 101, .rows = 33}, NULL, 0);
    box_recv(b.sock, MON_OK);
    box_go(&b);
    read_exactly(po[0], strlen("33 101\r\n"), &out);
    assert_string_equal(str_c(&out), "33 101\r\n");
    box_send(b.sock, (struct mon_msg){.word = MON_RESIZE, .cols = 80, .rows = 24}, NULL, 0);
    box_recv(b.sock, MON_OK);
    assert_int_equal(io_write_all(pi[1], "word\n", 5), 0);
    close(pi[1]); /* the end of a terminal client's stdin is not the end of the terminal */
    box_slurp(po[0], &out);
    assert_true(str_ends(str_c(&out), "got word\r\n24 80\r\n"));
    assert_int_equal(box_exited(b.sock), 5);
    box_free(&b);
}

/* Output to a client's own terminal, which is opened anew for us. */
static void test_output_to_a_terminal(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int master, slave;

    assert_int_equal(tty_open_pty(AT_FDCWD, "/dev/ptmx", &master, &slave), 0);
    box_spawn(&b, "echo to the screen");
    box_attach(b.sock, -1, slave, -1);
    box_go(&b);
    read_exactly(master, strlen("to the screen\r\n"), &out);
    assert_string_equal(str_c(&out), "to the screen\r\n");
    assert_int_equal(box_exited(b.sock), 0);
    close(master);
    box_free(&b);
}

/* 1 MB through a pty: the end is complete although the slave closes at once. */
static void test_terminal_loses_nothing(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int po[2];

    b.settings.tty = 1;
    pipe_of(po);
    box_spawn(&b, "stty raw; head -c 1000000 /dev/zero | tr '\\0' x; printf END");
    box_attach(b.sock, -1, po[1], -1);
    box_go(&b);
    box_slurp(po[0], &out);
    assert_int_equal(box_exited(b.sock), 0);
    assert_int_equal(out.len, 1000003);
    assert_true(str_ends(str_c(&out), "xxxEND"));
    box_free(&b);
}

/* --- size --------------------------------------------------------------------------------------
 */

static uint64_t status_kb(int pid, const char *key) {
    char path[48];
    AUTO_STR struct str text = STR_INIT(0);
    uint64_t sum = 0;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    assert_int_equal(io_read_file(AT_FDCWD, path, &text), 0);
    const char *p = strstr(str_c(&text), key);
    assert_non_null(p);
    for (p += strlen(key); *p && *p != '\n'; p++)
        if (*p >= '0' && *p <= '9')
            sum = sum * 10 + (uint64_t)(*p - '0');
    return sum;
}

/* A box that writes without end and without a newline costs the monitor nothing. */
static void test_memory_is_bounded(void **state) {
    struct box b = box_new();
    struct mon_live live;
    struct stat st;
    int po[2];

    pipe_of(po);
    b.settings.log_max_bytes = 1000000;
    b.settings.log_max_files = 2;
    box_spawn(&b, "head -c 30000000 /dev/zero; printf END; sleep 1000");
    box_attach(b.sock, -1, po[1], -1);
    box_go(&b);
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    uint64_t idle = status_kb(live.monitor_pid, "Rss:");
    char last[3] = "", buf[65536];
    while (memcmp(last, "END", 3) != 0) {
        ssize_t n = read(po[0], buf, sizeof(buf));
        assert_true(n > 0);
        memcpy(last, buf + (n >= 3 ? n - 3 : 0), 3);
    }
    uint64_t full = status_kb(live.monitor_pid, "Rss:");
    uint64_t private_kb = status_kb(live.monitor_pid, "Anonymous:");
    print_message("monitor: %d kB idle, %d kB after 30 MB, of them %d kB anonymous\n", (int)idle,
                  (int)full, (int)private_kb);
    assert_true(full <= idle + 200);
    if (idle < 500) /* as it is shipped: static musl */
        assert_true(private_kb <= 100);
    assert_int_equal(fstatat(b.dirfd, MON_LOG, &st, 0), 0);
    assert_true(st.st_size <= 1000000);
    close(po[0]);
    box_send(b.sock, (struct mon_msg){.word = MON_SIGNAL, .arg = SIGKILL}, NULL, 0);
    box_recv(b.sock, MON_OK);
    assert_int_equal(box_exited(b.sock), 137);
    box_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_clients_get_the_same),
        cmocka_unit_test(test_slow_client_holds_the_box_back),
        cmocka_unit_test(test_foreign_descriptions_stay_blocking),
        cmocka_unit_test(test_dead_reader_is_dropped),
        cmocka_unit_test(test_killed_client_frees_the_box),
        cmocka_unit_test(test_kill_abandons_stuck_client),
        cmocka_unit_test(test_grandchild_does_not_keep_the_box),
        cmocka_unit_test(test_stdin_once_closes_with_the_client),
        cmocka_unit_test(test_stdin_stays_open_without_once),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_output_to_a_terminal),
        cmocka_unit_test(test_terminal_loses_nothing),
        cmocka_unit_test(test_memory_is_bounded),
    };
    signal(SIGPIPE, SIG_IGN); /* banned-ok: a test's main */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
