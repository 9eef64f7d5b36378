/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words spoken with a monitor, on SOCK_SEQPACKET sockets: the socketpair inherited from the
 * command that started it, and `ctl.sock` in the container's directory. One packet, one message;
 * same host, same build: native byte order, fixed structs. Both doors speak the same protocol.
 * A packet of another size, or from another user than the monitor's (SO_PEERCRED: same uid or
 * the uid that owns the container), closes the connection.
 */
#pragma once

#include "base/err.h"

#define MON_CTL_SOCK "ctl.sock"
#define MON_LOCK "lock"        /* held ⇔ monitor alive; content: struct mon_live as text */
#define MON_EXIT "exit.json"   /* written by rename when the container has ended */
#define MON_BUNDLE "bundle"    /* monitor/bundle.h */
#define MON_LOG "log"          /* CRI line format, see log.h */

#define MON_MAX_MSG 65536

enum mon_word {
    /* monitor → client */
    MON_CREATED = 1, /* parked before execve */
    MON_STARTED,     /* execve done; pid */
    MON_ERROR,       /* struct err follows; ends the request */
    MON_EXITED,      /* the box ended: code */
    MON_OK,          /* request done */
    MON_EXEC_STARTED,/* pid; with a terminal the pty master as SCM_RIGHTS */
    MON_EXEC_EXITED, /* code */
    /* client → monitor */
    MON_BOOT = 32,   /* fds: container dir, host-side netns or none, holder connection or none */
    MON_LISTENER,    /* fds: ≤ 8 listening sockets for published ports (rootless) */
    MON_GO,          /* open … create, then wait for START unless flag MON_F_START */
    MON_START,
    MON_ATTACH,      /* fds by flags: stdin, stdout, stderr of the client */
    MON_DETACH,      /* this client's attachment ends; the box goes on */
    MON_SIGNAL,      /* arg = signal */
    MON_RESIZE,      /* cols, rows */
    MON_WAIT,        /* answer EXITED when it ends */
    MON_EXEC,        /* exec plan bytes follow; fds: stdin, stdout, stderr (container ends) */
    MON_FREEZE,      /* arg = 1/0 */
};

enum {
    MON_F_STDIN = 1 << 0,
    MON_F_STDOUT = 1 << 1,
    MON_F_STDERR = 1 << 2,
    MON_F_START = 1 << 3,   /* with GO: start at once */
    MON_F_TTY = 1 << 4,     /* with EXEC */
    MON_F_HOSTNET = 1 << 5, /* with BOOT: the optional fds that follow the directory */
    MON_F_HOLDER = 1 << 6,
    MON_F_ALL = 1 << 7,     /* with SIGNAL: every process of the box */
};

struct mon_msg {
    uint32_t word; /* enum mon_word */
    uint32_t flags;
    int32_t arg;   /* pid, exit code, signal */
    uint16_t cols, rows;
    uint32_t len;  /* bytes that follow (struct err, exec plan) */
};
