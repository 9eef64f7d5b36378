/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals: raw mode of the user's, window sizes, the box's own pty. musl-safe.
 */
#pragma once

#include "base/err.h"
#include <termios.h>

/* The user's terminal, as it was before raw mode. */
struct tty {
    int fd; /* borrowed; -1 = not raw */
    struct termios saved;
};

bool tty_is(int fd);
/* Raw mode as docker sets it (cfmakeraw). Idempotent. 0 or -errno. */
int tty_raw(struct tty *t, int fd);
/* Back to what it was; async-signal-safe; does nothing when not raw. */
void tty_restore(struct tty *t);
/* 0 or -errno; 0 × 0 when the terminal does not know. */
int tty_get_size(int fd, uint16_t *rows, uint16_t *cols);
int tty_set_size(int fd, uint16_t rows, uint16_t cols);
/* New pty from a devpts instance's "ptmx" beneath dirfd (or "/dev/ptmx" with AT_FDCWD). The slave
 * is opened by TIOCGPTPEER: no path is followed. Both descriptors close-on-exec. 0 or -errno. */
int tty_open_pty(int dirfd, const char *ptmx, int *master, int *slave);
/* Make slave the controlling terminal of the calling process in a new session. Child-safe. */
int tty_make_controlling(int slave);
