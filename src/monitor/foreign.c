/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/foreign.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TTY_MAJOR_CONSOLES 4
#define TTY_MAJOR_PTS_FIRST 136
#define TTY_MAJOR_PTS_LAST 143
#define TTY_SURE 64 /* a terminal with room at all is taken to have room for this */

static bool foreign_is_tty(const struct stat *st) {
    unsigned maj = major(st->st_rdev);
    return S_ISCHR(st->st_mode) &&
           (maj == TTY_MAJOR_CONSOLES || (maj >= TTY_MAJOR_PTS_FIRST && maj <= TTY_MAJOR_PTS_LAST));
}

static int foreign_reopen(int fd, bool writing) {
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, (writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void foreign_open(int fd, bool writing, struct foreign *ret) {
    struct stat st;
    int flags = fcntl(fd, F_GETFL);

    *ret = (struct foreign){.fd = fd, .kind = FOREIGN_FILE};
    if (fstat(fd, &st) < 0 || flags < 0)
        return;
    if (S_ISSOCK(st.st_mode)) {
        ret->kind = FOREIGN_SOCKET;
        return;
    }
    bool tty = foreign_is_tty(&st);
    if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        return;
    if (flags & O_NONBLOCK) {
        ret->kind = FOREIGN_OWN;
        return;
    }
    /* Only kinds that open twice as the same thing: a pty master would give a new pty. */
    int own = S_ISFIFO(st.st_mode) || tty ? foreign_reopen(fd, writing) : -1;
    if (own >= 0) {
        close(fd);
        *ret = (struct foreign){.fd = own, .kind = FOREIGN_OWN};
        return;
    }
    ret->kind = S_ISFIFO(st.st_mode) ? FOREIGN_SHARED_PIPE : FOREIGN_SHARED_TTY;
}

void foreign_close(struct foreign *f) {
    if (f->kind != FOREIGN_NONE)
        close(f->fd);
    *f = (struct foreign){.fd = -1, .kind = FOREIGN_NONE};
}

static bool foreign_ready(int fd, short events) {
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, 0) > 0;
}

ssize_t foreign_read(const struct foreign *f, void *p, size_t n) {
    bool shared = f->kind == FOREIGN_SHARED_PIPE || f->kind == FOREIGN_SHARED_TTY;
    ssize_t k;

    if (shared && !foreign_ready(f->fd, POLLIN))
        return -EAGAIN;
    do
        k = f->kind == FOREIGN_SOCKET ? recv(f->fd, p, n, MSG_DONTWAIT) : read(f->fd, p, n);
    while (k < 0 && errno == EINTR);
    return k < 0 ? -errno : k;
}

ssize_t foreign_write(const struct foreign *f, const void *p, size_t n) {
    bool shared = f->kind == FOREIGN_SHARED_PIPE || f->kind == FOREIGN_SHARED_TTY;
    ssize_t k;

    if (shared) {
        if (!foreign_ready(f->fd, POLLOUT))
            return -EAGAIN;
        n = MIN_OF(n, f->kind == FOREIGN_SHARED_TTY ? (size_t)TTY_SURE : (size_t)PIPE_BUF);
    }
    do
        k = f->kind == FOREIGN_SOCKET ? send(f->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL)
                                      : write(f->fd, p, n);
    while (k < 0 && errno == EINTR);
    return k < 0 ? -errno : k;
}
