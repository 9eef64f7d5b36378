/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/program.h"

#include <fcntl.h>
#include <setjmp.h> /* cmocka wants them before itself */
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int shell(const char *script, const char *input, struct str *out, struct str *err) {
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct program p = {.argv = argv,
                              .input = input,
                              .input_len = input ? strlen(input) : 0,
                              .out = out,
                              .out_fd = -1,
                              .err = err};
    struct err e = {0};
    int status = -1;

    assert_int_equal(program_run(&p, &status, &e), 0);
    return status;
}

static void output_and_code(void **state) {
    AUTO_STR struct str out = STR_INIT(100), err = STR_INIT(100);
    char line[32];

    assert_int_equal(shell("cat; echo one >&2; printf 'two\\033\\n' >&2; exit 7", "in", &out, &err),
                     7);
    assert_string_equal(str_c(&out), "in");
    assert_string_equal(program_last_line(&err, line, sizeof(line)), "two ");
    assert_int_equal(shell("kill -9 $$", NULL, &out, &err), 137);
}

static void output_is_bounded(void **state) {
    AUTO_STR struct str out = STR_INIT(10);
    const char *const argv[] = {"echo", "more than ten bytes", NULL};
    const struct program p = {.argv = argv, .out = &out, .out_fd = -1};
    struct err e = {0};
    int status;

    assert_true(program_run(&p, &status, &e) < 0);
    assert_true(e.msg[0]);
}

static void missing(void **state) {
    const char *const argv[] = {"hako-no-such-program", NULL};
    const struct program p = {.argv = argv, .out_fd = -1};
    struct err e = {0};
    int status;

    assert_int_equal(program_run(&p, &status, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "hako-no-such-program"));
}

/* What our caller left open without close-on-exec goes no further. */
static void nothing_else_is_open(void **state) {
    AUTO_STR struct str out = STR_INIT(100), err = STR_INIT(100);
    int left = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
    int far = fcntl(left, F_DUPFD, 20);

    assert_true(left >= 3 && far >= 20);
    assert_int_equal(
        shell("for f in 3 4 5 6 7 8 9 20 21; do [ ! -e /proc/$$/fd/$f ] || echo $f; done", NULL,
              &out, &err),
        0);
    assert_string_equal(str_c(&out), "");
    close(left);
    close(far);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_code),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(missing),
        cmocka_unit_test(nothing_else_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
