/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tty.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <cmocka.h>

static void pty(int *master, int *slave) {
    assert_int_equal(tty_open_pty(AT_FDCWD, "/dev/ptmx", master, slave), 0);
    assert_int_equal(fcntl(*master, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(*slave, F_GETFD), FD_CLOEXEC);
}

static void raw_and_back(void **state) {
    int master, slave;
    struct tty t = {.fd = -1};
    struct termios before, now;

    pty(&master, &slave);
    assert_true(tty_is(slave));
    assert_int_equal(tcgetattr(slave, &before), 0);
    assert_int_equal(tty_raw(&t, slave), 0);
    assert_int_equal(tcgetattr(slave, &now), 0);
    assert_int_equal(now.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG), 0);
    assert_int_equal(tty_raw(&t, slave), 0); /* again: what was saved stays */
    tty_restore(&t);
    assert_int_equal(tcgetattr(slave, &now), 0);
    assert_int_equal(now.c_lflag, before.c_lflag);
    assert_int_equal(now.c_oflag, before.c_oflag);
    tty_restore(&t);
    close(master);
    close(slave);
}

static void sizes(void **state) {
    int master, slave;
    uint16_t rows = 9, cols = 9;

    pty(&master, &slave);
    assert_int_equal(tty_set_size(master, 33, 120), 0);
    assert_int_equal(tty_get_size(slave, &rows, &cols), 0);
    assert_int_equal(rows, 33);
    assert_int_equal(cols, 120);
    close(master);
    close(slave);
}

static void not_a_terminal(void **state) {
    int p[2];
    uint16_t rows = 9, cols = 9;
    struct tty t = {.fd = -1};
    int master, slave;

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_false(tty_is(p[0]));
    assert_int_equal(tty_raw(&t, p[0]), -ENOTTY);
    assert_int_equal(t.fd, -1);
    assert_int_equal(tty_get_size(p[0], &rows, &cols), -ENOTTY);
    assert_int_equal(rows, 9);
    assert_int_equal(tty_open_pty(AT_FDCWD, "/dev/no-such-ptmx", &master, &slave), -ENOENT);
    close(p[0]);
    close(p[1]);
}

static void controlling(void **state) {
    int master, slave, status;

    pty(&master, &slave);
    pid_t pid = fork();
    if (pid == 0) {
        if (tty_make_controlling(slave) != 0)
            _exit(1);
        int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
        _exit(fd >= 0 && tcgetsid(fd) == getpid() ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(master);
    close(slave);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_and_back),
        cmocka_unit_test(sizes),
        cmocka_unit_test(not_a_terminal),
        cmocka_unit_test(controlling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
