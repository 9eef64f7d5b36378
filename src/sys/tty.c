/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tty.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

bool tty_is(int fd) {
    struct termios t;

    return tcgetattr(fd, &t) == 0;
}

int tty_raw(struct tty *t, int fd) {
    struct termios raw;

    if (t->fd == fd)
        return 0;
    if (tcgetattr(fd, &raw) < 0)
        return -errno;
    struct termios saved = raw;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSANOW, &raw) < 0)
        return -errno;
    t->saved = saved;
    t->fd = fd;
    return 0;
}

void tty_restore(struct tty *t) {
    int saved = errno;

    if (t->fd >= 0)
        tcsetattr(t->fd, TCSANOW, &t->saved);
    t->fd = -1;
    errno = saved;
}

int tty_get_size(int fd, uint16_t *rows, uint16_t *cols) {
    struct winsize ws;

    if (ioctl(fd, TIOCGWINSZ, &ws) < 0)
        return -errno;
    *rows = ws.ws_row;
    *cols = ws.ws_col;
    return 0;
}

int tty_set_size(int fd, uint16_t rows, uint16_t cols) {
    struct winsize ws = {.ws_row = rows, .ws_col = cols};

    return ioctl(fd, TIOCSWINSZ, &ws) < 0 ? -errno : 0;
}

int tty_open_pty(int dirfd, const char *ptmx, int *master, int *slave) {
    int unlocked = 0;
    AUTO_FD int m = openat(dirfd, ptmx, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (m < 0)
        return -errno;
    if (ioctl(m, TIOCSPTLCK, &unlocked) < 0)
        return -errno;
    int s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s < 0)
        return -errno;
    *master = TAKE_FD(m);
    *slave = s;
    return 0;
}

int tty_make_controlling(int slave) {
    if (setsid() < 0 && errno != EPERM) /* EPERM: a session leader already */
        return -errno;
    return ioctl(slave, TIOCSCTTY, 0) < 0 ? -errno : 0;
}
