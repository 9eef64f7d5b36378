/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What init and its starter say to each other, on one SOCK_SEQPACKET pair.
 *
 *     starter                      child
 *     MAPPED  ───────────────────►            id maps are written (only with a user namespace)
 *             ◄─────────────────── CONSOLE    the pty's master is attached (only with a terminal)
 *             ◄─────────────────── HOOKS      mounts are there: run the runtime's hooks
 *     GO_ON   ───────────────────►
 *             ◄─────────────────── LISTENER   the number of the filter's descriptor: take it
 *     GO_ON   ───────────────────►
 *             ◄─────────────────── SOURCE     the number of a step whose source is out of its reach
 *     SOURCE  ───────────────────►            the source, as a mount
 *             ◄─────────────────── PARKED     everything is applied (not for exec)
 *     RELEASE ───────────────────►
 *             ◄─────────────────── end of file: execve has happened
 *             ◄─────────────────── FAILED     at any point: struct err; the child leaves
 *
 * The child's end closes on execve. The starter's death is end of file for the child.
 *
 * A child with a listening socket (PLAN_F_OUTLIVE) may hear DETACH instead of RELEASE: then it is
 * on its own, and RELEASE comes from whoever connects to that socket; the rest of the conversation
 * is on that connection. Until then it dies with its starter, so that a killed starter leaves no
 * half-made box behind.
 */
#pragma once

#include "base/err.h"

enum sync_word {
    SYNC_MAPPED = 1,
    SYNC_CONSOLE,
    SYNC_PARKED,
    SYNC_RELEASE,
    SYNC_FAILED,
    SYNC_DETACH,
    SYNC_HOOKS,
    SYNC_LISTENER,
    SYNC_GO_ON,
    SYNC_SOURCE
};

struct sync_msg {
    uint32_t word;
    uint32_t number; /* LISTENER, SOURCE and FAILED */
    struct err err;  /* FAILED only; other words are sent without it */
};

/* ends[0] starter, ends[1] child. 0 or -errno. */
int sync_pair(int ends[2]);
/* 0 or -errno; `fd` ≥ 0 travels along. */
int sync_say(int sock, enum sync_word word, int fd);
void sync_fail(int sock, const struct err *err);
/* Child: the next word; 0 = the starter is gone. */
int sync_await(int sock);
/* Child: close the pair, which tells the starter that we can do without it, and wait for the first
 * caller of the starter's user who says RELEASE. Its connection or -errno. */
int sync_accept(int listener, int *pair);
/* Child: wait for exactly this word. False = the starter is gone. */
bool sync_expect(int sock, enum sync_word word);
/* Child: say LISTENER by write(2), the one call that a filter with a listener must let pass. */
int sync_say_listener(int sock, uint32_t number);
/* Child: say SOURCE and get the mount. Descriptor or -errno. */
int sync_ask_source(int sock, uint32_t number);
/* Starter: next word; 0 = end of file; FAILED becomes `e` and its code. CONSOLE's descriptor goes
 * to *fd, the number of LISTENER and SOURCE to *number. */
int sync_hear(int sock, int *fd, uint32_t *number, struct err *e);
