/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_box.h"

#include "monitor/log.h"

struct world {
    char dir[64];
    int dirfd;
    struct log_writer w;
};

static struct world world_new(uint64_t max_bytes, unsigned max_files) {
    struct world w = {.dir = "/tmp/hako-test-log-XXXXXX"};

    assert_non_null(mkdtemp(w.dir));
    w.dirfd = open(w.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(w.dirfd >= 0);
    log_open(&w.w, w.dirfd, max_bytes, max_files);
    return w;
}

static void world_free(struct world *w) {
    log_close(&w->w);
    close(w->dirfd);
    path_remove_tree(AT_FDCWD, w->dir);
}

static void say(struct world *w, int stream, const char *text) {
    log_write(&w->w, stream, text, strlen(text));
}

static int collect(void *data, const struct log_piece *p) {
    return str_addn(data, p->text, p->len);
}

/* "1|text" per piece, to see streams and beginnings. */
static int collect_marked(void *data, const struct log_piece *p) {
    int r = str_addf(data, "%d%c", p->stream, p->begins ? '|' : '+');
    return r < 0 ? r : str_addn(data, p->text, p->len);
}

static void expect(struct world *w, struct log_query q, log_piece_fn fn, const char *want) {
    AUTO_STR struct str got = STR_INIT(0);
    struct err e = {0};

    assert_int_equal(log_read(w->dirfd, &q, fn, &got, &e), 0);
    assert_string_equal(str_c(&got), want);
}

static void test_format(void **state) {
    struct world w = world_new(0, 0);
    AUTO_STR struct str text = STR_INIT(0);
    static const char *const want[] = {" stdout F one\n", " stdout P two", " stderr F \n"};

    say(&w, 1, "one\ntwo");
    say(&w, 2, "\n");
    assert_int_equal(io_read_file(w.dirfd, MON_LOG, &text), 0);
    const char *p = str_c(&text);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        int64_t t;
        char stamp[31] = "";
        memcpy(stamp, p, 30);
        assert_int_equal(str_from_rfc3339(stamp, &t), 0);
        assert_true(now_unix_ns() - t < INT64_C(60000000000));
        assert_memory_equal(p + 30, want[i], strlen(want[i]));
        p = strchr(p, '\n') + 1;
    }
    world_free(&w);
}

static void test_no_file_until_something_is_said(void **state) {
    struct world w = world_new(0, 0);

    expect(&w, (struct log_query){.tail = -1}, collect, "");
    assert_int_equal(faccessat(w.dirfd, MON_LOG, F_OK, 0), -1);
    expect(&w, (struct log_query){.tail = 5}, collect, "");
    world_free(&w);
}

static void test_pieces_join(void **state) {
    struct world w = world_new(0, 0);

    say(&w, 1, "a");
    say(&w, 2, "x\n");
    say(&w, 1, "b");
    say(&w, 1, "c\nd");
    expect(&w, (struct log_query){.tail = -1}, collect_marked, "1|a2|x\n1+b1+c\n1|d");
    expect(&w, (struct log_query){.tail = -1, .no_stdout = true}, collect, "x\n");
    expect(&w, (struct log_query){.tail = -1, .no_stderr = true}, collect, "abc\nd");
    /* a line is given whole, with all its pieces, although another stream came between */
    expect(&w, (struct log_query){.tail = 1}, collect, "d");
    expect(&w, (struct log_query){.tail = 2}, collect, "abc\nd");
    expect(&w, (struct log_query){.tail = 3}, collect_marked, "1|a2|x\n1+b1+c\n1|d");
    expect(&w, (struct log_query){.tail = 0}, collect, "");
    expect(&w, (struct log_query){.tail = 1, .no_stdout = true}, collect, "x\n");
    world_free(&w);
}

static void test_tail_of_every_length(void **state) {
    struct world w = world_new(2000, 10);
    char line[64];

    for (int i = 0; i < 150; i++) {
        snprintf(line, sizeof(line), "line %d\n", i);
        say(&w, 1 + i % 2, line);
    }
    for (int64_t n = 0; n <= 160; n++) {
        AUTO_STR struct str want = STR_INIT(0);
        for (int64_t i = n > 150 ? 0 : 150 - n; i < 150; i++)
            assert_int_equal(str_addf(&want, "line %d\n", (int)i), 0);
        expect(&w, (struct log_query){.tail = n}, collect, str_c(&want));
    }
    assert_int_equal(faccessat(w.dirfd, MON_LOG ".3", F_OK, 0), 0); /* it was more than one file */
    world_free(&w);
}

static void test_rotation_is_bounded_and_tears_nothing(void **state) {
    struct world w = world_new(4096, 3);
    char path[32];
    uint64_t total = 0;

    for (int i = 0; i < 5000; i++) {
        char line[32];
        snprintf(line, sizeof(line), "%08d\n", i);
        say(&w, 1, line);
    }
    for (int i = 0; i < 10; i++) {
        struct stat st;
        if (i == 0)
            snprintf(path, sizeof(path), MON_LOG);
        else
            snprintf(path, sizeof(path), MON_LOG ".%d", i);
        if (fstatat(w.dirfd, path, &st, 0) < 0) {
            assert_int_equal(i, 3);
            break;
        }
        assert_true(st.st_size <= 4096);
        total += (uint64_t)st.st_size;
    }
    AUTO_STR struct str got = STR_INIT(0);
    struct log_query q = {.tail = -1};
    struct err e = {0};
    assert_int_equal(log_read(w.dirfd, &q, collect, &got, &e), 0);
    assert_true(got.len > 0 && got.len % 9 == 0);
    int first = 5000 - (int)(got.len / 9);
    for (int i = first; i < 5000; i++) {
        char line[32];
        snprintf(line, sizeof(line), "%08d\n", i);
        assert_memory_equal(got.s + (size_t)(i - first) * 9, line, 9);
    }
    assert_true(total > 2 * 4000);
    world_free(&w);
}

static void test_one_file_only(void **state) {
    struct world w = world_new(200, 1);

    for (int i = 0; i < 100; i++)
        say(&w, 1, "something\n");
    say(&w, 1, "last\n");
    assert_int_equal(faccessat(w.dirfd, MON_LOG ".1", F_OK, 0), -1);
    expect(&w, (struct log_query){.tail = 1}, collect, "last\n");
    world_free(&w);
}

static void test_torn_line_is_mended(void **state) {
    struct world w = world_new(0, 0);

    say(&w, 1, "good\n");
    log_close(&w.w);
    int fd = openat(w.dirfd, MON_LOG, O_WRONLY | O_APPEND);
    assert_int_equal(io_write_all(fd, "2026-11-20T18:17:53.1234", 24), 0);
    close(fd);
    expect(&w, (struct log_query){.tail = -1}, collect, "good\n");
    expect(&w, (struct log_query){.tail = 1}, collect, "good\n");
    log_open(&w.w, w.dirfd, 0, 0);
    say(&w, 1, "next\n");
    expect(&w, (struct log_query){.tail = -1}, collect, "good\nnext\n");
    world_free(&w);
}

static void test_damage_is_passed_over(void **state) {
    struct world w = world_new(0, 0);
    char *junk = malloc(300000);

    assert_non_null(junk);
    memset(junk, 'j', 300000);
    junk[299999] = '\n';
    say(&w, 1, "one\n");
    int fd = openat(w.dirfd, MON_LOG, O_WRONLY | O_APPEND);
    assert_int_equal(io_write_all(fd, junk, 300000), 0);
    assert_int_equal(io_write_all(fd, "\n\nnonsense stdout F x\n", 22), 0);
    close(fd);
    say(&w, 1, "two\n");
    expect(&w, (struct log_query){.tail = -1}, collect, "one\ntwo\n");
    expect(&w, (struct log_query){.tail = 2}, collect, "one\ntwo\n");
    expect(&w, (struct log_query){.tail = 1}, collect, "two\n");
    free(junk);
    world_free(&w);
}

static void test_since_and_until(void **state) {
    struct world w = world_new(0, 0);
    static const char text[] = "2026-01-01T00:00:01.000000000Z stdout F a\n"
                               "2026-01-01T00:00:02.000000000Z stdout F b\n"
                               "2026-01-01T00:00:03.000000000Z stdout F c\n";
    int64_t two;

    assert_int_equal(str_from_rfc3339("2026-01-01T00:00:02Z", &two), 0);
    assert_int_equal(io_replace_file(w.dirfd, MON_LOG, text, strlen(text), 0600, false), 0);
    expect(&w, (struct log_query){.tail = -1, .since_ns = two}, collect, "b\nc\n");
    expect(&w, (struct log_query){.tail = -1, .until_ns = two}, collect, "a\nb\n");
    expect(&w, (struct log_query){.tail = 1, .since_ns = two + 1}, collect, "c\n");
    world_free(&w);
}

static int stop_at_second(void *data, const struct log_piece *p) {
    return ++*(int *)data == 2 ? -EPIPE : 0;
}

static void test_reader_can_stop(void **state) {
    struct world w = world_new(0, 0);
    struct log_query q = {.tail = -1};
    struct err e = {0};
    int n = 0;

    say(&w, 1, "a\nb\nc\n");
    assert_int_equal(log_read(w.dirfd, &q, stop_at_second, &n, &e), -EPIPE);
    assert_int_equal(n, 2);
    world_free(&w);
}

/* The reader is in its own process, behind a pipe; the box writes through many rotations. */
static void test_follow_through_rotations(void **state) {
    struct box b = box_new();
    AUTO_STR struct str out = STR_INIT(0);
    int p[2], gate[2];

    b.settings.log_max_bytes = 100000;
    b.settings.log_max_files = 4;
    b.settings.open_stdin = b.settings.stdin_once = 1;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    box_spawn(&b, "echo first; while read n; do seq $n $((n + 99)); done");
    box_attach(b.sock, gate[0], -1, -1);
    box_go(&b);
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        struct log_query q = {.tail = -1, .follow = true};
        struct err e = {0};
        AUTO_STR struct str all = STR_INIT(0);
        close(gate[1]);
        int r = log_read(b.dirfd, &q, collect, &all, &e);
        if (r < 0 || io_write_all(p[1], str_c(&all), all.len) < 0)
            _exit(1);
        _exit(0);
    }
    close(p[1]);
    for (int i = 1; i <= 20000; i += 100) {
        char line[16];
        int n = snprintf(line, sizeof(line), "%d\n", i);
        assert_int_equal(io_write_all(gate[1], line, (size_t)n), 0);
        if (i % 1000 == 1)
            poll(NULL, 0, 5); /* let the reader keep up: what it never saw may be rotated away */
    }
    close(gate[1]);
    box_slurp(p[0], &out);
    int status;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    AUTO_STR struct str want = STR_INIT(0);
    assert_int_equal(str_add(&want, "first\n"), 0);
    for (int i = 1; i <= 20000; i++)
        assert_int_equal(str_addf(&want, "%d\n", i), 0);
    assert_int_equal(out.len, want.len);
    assert_string_equal(str_c(&out), str_c(&want));
    assert_int_equal(faccessat(b.dirfd, MON_LOG ".3", F_OK, 0), 0);
    box_free(&b);
}

static void test_follow_ends_with_a_killed_monitor(void **state) {
    struct box b = box_new();
    struct mon_live live;
    int p[2];
    char buf[16];

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    box_spawn(&b, "echo up; sleep 1000");
    box_go(&b);
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        struct log_query q = {.tail = -1, .follow = true};
        struct err e = {0};
        AUTO_STR struct str all = STR_INIT(0);
        close(p[0]);
        _exit(log_read(b.dirfd, &q, collect, &all, &e) == 0 && str_eq(str_c(&all), "up\n") ? 0 : 1);
    }
    close(p[1]);
    struct stat st;
    while (fstatat(b.dirfd, MON_LOG, &st, 0) < 0 || st.st_size == 0)
        poll(NULL, 0, 2);
    assert_int_equal(mon_probe(b.dirfd, &live), 0);
    assert_int_equal(kill(live.monitor_pid, SIGKILL), 0);
    assert_int_equal(read(p[0], buf, sizeof(buf)), 0);
    int status;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    close(p[0]);
    box_free(&b);
}

/* Killed at any moment while it writes and rotates: every line that is there is whole. */
static void test_killed_monitor_tears_nothing(void **state) {
    for (int round = 0; round < 10; round++) {
        struct box b = box_new();
        struct mon_live live;
        struct err e = {0};
        AUTO_STR struct str got = STR_INIT(0);
        struct log_query q = {.tail = -1};

        b.settings.log_max_bytes = 50000;
        b.settings.log_max_files = 20;
        box_spawn(&b, "i=0; while :; do i=$((i + 1)); echo \"line $i\"; done");
        box_go(&b);
        poll(NULL, 0, 20 + 7 * round);
        assert_int_equal(mon_probe(b.dirfd, &live), 0);
        assert_int_equal(kill(live.monitor_pid, SIGKILL), 0);
        assert_int_equal(mon_wait_unlocked(b.dirfd), 0);
        assert_int_equal(log_read(b.dirfd, &q, collect, &got, &e), 0);
        const char *p = str_c(&got);
        uint64_t first = 1;
        if (!str_starts(p, "line 1\n")) { /* the oldest file is rotated away, mid-line maybe */
            char number[16] = "";
            p += strcspn(p, "\n");
            p += *p == '\n';
            if (*p)
                memcpy(number, p + 5, MIN_OF(strcspn(p + 5, "\n"), sizeof(number) - 1));
            assert_true(!*p || str_to_u64(number, &first) == 0);
        }
        for (int i = (int)first; *p; i++) {
            char line[32];
            size_t n = (size_t)snprintf(line, sizeof(line), "line %d\n", i);
            n = MIN_OF(n, strlen(p)); /* the last piece may end anywhere */
            assert_memory_equal(p, line, n);
            p += n;
        }
        box_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_no_file_until_something_is_said),
        cmocka_unit_test(test_pieces_join),
        cmocka_unit_test(test_tail_of_every_length),
        cmocka_unit_test(test_rotation_is_bounded_and_tears_nothing),
        cmocka_unit_test(test_one_file_only),
        cmocka_unit_test(test_torn_line_is_mended),
        cmocka_unit_test(test_damage_is_passed_over),
        cmocka_unit_test(test_since_and_until),
        cmocka_unit_test(test_reader_can_stop),
        cmocka_unit_test(test_follow_through_rotations),
        cmocka_unit_test(test_follow_ends_with_a_killed_monitor),
        cmocka_unit_test(test_killed_monitor_tears_nothing),
    };
    signal(SIGPIPE, SIG_IGN); /* banned-ok: a test's main */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
