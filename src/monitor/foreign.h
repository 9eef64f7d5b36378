/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that belong to other processes too: a shell's terminal, a pipe in a script, a file.
 *
 * Their O_NONBLOCK flag is shared with everybody who holds them, so it is never touched. A pipe
 * or a terminal's slave is opened once more through /proc/self/fd, which gives a description of
 * our own, in non-blocking mode. Sockets take MSG_DONTWAIT. Regular files do not block. What
 * cannot be opened again (another user's terminal) is written only after poll(2) said it has
 * room, and no more than a page, or what a terminal surely holds.
 */
#pragma once

#include "base/c.h"

enum foreign_kind {
    FOREIGN_NONE, /* zero-initialised: no descriptor */
    FOREIGN_OWN,  /* non-blocking description */
    FOREIGN_SOCKET,
    FOREIGN_FILE, /* always ready; epoll refuses it */
    FOREIGN_SHARED_PIPE,
    FOREIGN_SHARED_TTY,
};

struct foreign {
    int fd;
    enum foreign_kind kind;
};

/* Takes `fd` over. */
void foreign_open(int fd, bool writing, struct foreign *ret);
void foreign_close(struct foreign *f);
/* Bytes, 0 = EOF (read), -EAGAIN when it would block, or another -errno: it is dead. */
ssize_t foreign_read(const struct foreign *f, void *p, size_t n);
ssize_t foreign_write(const struct foreign *f, const void *p, size_t n);
