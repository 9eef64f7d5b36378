/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person or a pipe attached to a box: raw terminal, detach keys, window size, signals passed on.
 *
 * The monitor reads and writes our descriptors itself; this side only filters keys (with a
 * terminal), forwards signals and waits.
 */
#pragma once

#include "cli/cli.h"

struct session_options {
    bool tty;                /* the box has a terminal */
    bool input;              /* attach our stdin */
    bool sig_proxy;          /* pass signals on to the box (never with a tty) */
    const char *detach_keys; /* NULL = "ctrl-p,ctrl-q" */
};

struct session;

/* Prepare before starting or attaching: opens the key pipe, blocks signals. `io` gets what to hand
 * to the monitor. ERR_USAGE: bad detach keys; "the input device is not a TTY". */
int session_open(const struct session_options *o, struct session **ret, struct hako_stdio *io,
                 hako_error *e);
/* Until the box ends (its exit code), or the keys detach (0, *detached). */
int session_run(struct session *s, hako_container *c, int *exit_code, bool *detached,
                hako_error *e);
/* Terminal and signals back as they were. */
void session_close(struct session *s);
