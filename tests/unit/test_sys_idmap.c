/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps are split along the pieces of our own; processes are held by descriptor. */
#include "base/str.h"
#include "sys/idmap.h"
#include "sys/pidref.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

static void split(const char *map, const char *own, const char *want) {
    char out[256];
    assert_int_equal(idmap_split(map, own, out, sizeof(out)), 0);
    assert_string_equal(out, want);
}

static void whole_ranges_stay(void **state) {
    split("0 0 65536\n", "         0          0 4294967295\n", "0 0 65536\n");
    split("0 1000 1\n1 2000 5", "0 0 4294967295\n", "0 1000 1\n1 2000 5\n");
}

static void ranges_are_cut_where_ours_end(void **state) {
    split("0 0 65536\n", "0 1000 1\n1 100000 65535\n", "0 0 1\n1 1 65535\n");
    split("10 0 6\n", "0 1000 2\n2 100000 2\n4 7 100\n", "10 0 2\n12 2 2\n14 4 2\n");
}

static void what_is_not_ours_is_left_to_the_kernel(void **state) {
    split("0 5 3\n", "0 1000 2\n", "0 5 3\n");
}

static void damaged_maps(void **state) {
    char out[64];
    static const char *const bad[] = {
        "", "\n", "x", "1", "1 2", "1 2 x", "1 2 3 4", "-1 2 3", "1 2 99999999999"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(idmap_split(bad[i], "0 0 10\n", out, sizeof(out)), -EINVAL);
    assert_int_equal(idmap_split("0 0 3\n", "0 9 1\n1 7 1\n2 5 1\n", out, 12), -E2BIG);
}

static void a_process_and_its_start(void **state) {
    uint64_t start = 0;
    int code, signo;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    assert_int_equal(pidref_start_time(pid, &start), 0);
    assert_true(start > 0);
    assert_int_equal(pidref_open_started(pid, start + 1), -ESRCH);
    int fd = pidref_open_started(pid, start);
    assert_true(fd >= 0);
    assert_false(pidref_is_collected(fd));
    assert_int_equal(pidref_kill(fd, 5000), 0);
    assert_false(pidref_is_collected(fd));
    assert_int_equal(pidref_reap(fd, &code, &signo), 0);
    assert_int_equal(code, 137);
    assert_int_equal(signo, SIGKILL);
    assert_true(pidref_is_collected(fd));
    assert_int_equal(pidref_kill(fd, 5000), 0); /* gone already */
    assert_int_equal(pidref_reap(fd, &code, &signo), -ECHILD);
    close(fd);
    assert_int_equal(pidref_start_time(pid, &start), -ESRCH);
    assert_int_equal(pidref_open(pid), -ESRCH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_ranges_stay),
        cmocka_unit_test(ranges_are_cut_where_ours_end),
        cmocka_unit_test(what_is_not_ours_is_left_to_the_kernel),
        cmocka_unit_test(damaged_maps),
        cmocka_unit_test(a_process_and_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
