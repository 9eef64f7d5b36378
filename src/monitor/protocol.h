/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words spoken with a monitor, on SOCK_SEQPACKET sockets: the socketpair inherited from the
 * command that started it, and `ctl.sock` in the container's directory. One packet, one message;
 * same host, same build: native byte order, fixed structs. Both doors speak the same protocol.
 * A packet of another size, or from another user than the monitor's (SO_PEERCRED: same uid or
 * the uid that owns the container), closes the connection.
 *
 * Requests are answered in order, one answer each, so they may be sent without waiting:
 *   BOOT, LISTENER          nothing (MON_ERROR on failure)
 *   GO                      CREATED; with MON_F_START then STARTED
 *   START                   STARTED
 *   ATTACH DETACH SIGNAL RESIZE FREEZE   OK
 *   EXEC                    EXEC_STARTED, and EXEC_EXITED when it has ended
 *   WAIT                    EXITED, when the box has ended
 *   any                     MON_ERROR instead. A failed GO or START ends the monitor
 * An attached connection gets EXITED without asking, after its last byte of output was written to
 * the descriptors it gave. After EXITED the exit is on record and the lock free; with --rm the
 * container and its name are gone, while the lock is held a moment longer for the tidying up.
 *
 * Descriptors handed over by ATTACH are served as they are: never put into non-blocking mode. A
 * terminal as stdin is best relayed by the client through a pipe (the shell may want it back).
 */
#pragma once

#include "base/err.h"

#define MON_CTL_SOCK "ctl.sock"
#define MON_LOCK "lock"      /* held ⇔ monitor alive; content: struct mon_live as text */
#define MON_EXIT "exit.json" /* written by rename when the container has ended */
#define MON_BUNDLE "bundle"  /* monitor/bundle.h */
#define MON_LOG "log"        /* CRI line format, see log.h */

#define MON_MAX_MSG 65536

enum mon_word {
    /* monitor → client */
    MON_CREATED = 1,  /* parked before execve */
    MON_STARTED,      /* execve done; pid */
    MON_ERROR,        /* struct err follows; ends the request */
    MON_EXITED,       /* the box ended: code */
    MON_OK,           /* request done */
    MON_EXEC_STARTED, /* pid; with a terminal the pty master as SCM_RIGHTS */
    MON_EXEC_EXITED,  /* code */
    /* client → monitor */
    MON_FIRST_REQUEST = 32,
    MON_BOOT = MON_FIRST_REQUEST, /* fds: container dir, host-side netns, holder connection */
    MON_LISTENER,                 /* fds: ≤ 8 listening sockets for published ports (rootless) */
    MON_GO,                       /* open … create, then wait for START unless flag MON_F_START */
    MON_START,
    MON_ATTACH, /* fds by flags: stdin, stdout, stderr of the client */
    MON_DETACH, /* this client's attachment ends; the box goes on */
    MON_SIGNAL, /* arg = signal */
    MON_RESIZE, /* cols, rows */
    MON_WAIT,   /* answer EXITED when it ends */
    MON_EXEC,   /* exec plan bytes follow; fds by flags: stdin, stdout, stderr (container
                 * ends); a missing one is /dev/null */
    MON_FREEZE, /* arg = 1/0 */
    MON_WORD_END,
};

enum {
    MON_F_STDIN = 1 << 0,
    MON_F_STDOUT = 1 << 1,
    MON_F_STDERR = 1 << 2,
    MON_F_START = 1 << 3,   /* with GO: start at once */
    MON_F_TTY = 1 << 4,     /* with EXEC */
    MON_F_HOSTNET = 1 << 5, /* with BOOT: the optional fds that follow the directory */
    MON_F_HOLDER = 1 << 6,
    MON_F_ALL = 1 << 7,   /* with SIGNAL: every process of the box */
    MON_F_MEMFD = 1 << 8, /* with EXEC: the plan is in a sealed memfd, the last descriptor */
};

#define MON_MAX_FDS 8
#define MON_MAX_PLAN ((size_t)8 << 20)

struct mon_msg {
    uint32_t word; /* enum mon_word */
    uint32_t flags;
    int32_t arg; /* pid, exit code, signal */
    uint16_t cols, rows;
    uint32_t len; /* bytes that follow (struct err, exec plan) */
};

/* Word, size and number of descriptors fit together. `nfds` as received. 0 or -EPROTO. */
int protocol_check(const struct mon_msg *m, size_t packet_len, size_t nfds);
/* How many descriptors a message of this word and these flags carries at most; -1 = any ≤ 8. */
int protocol_fds(const struct mon_msg *m);

/* Send one packet. `flags` are send(2)'s (MSG_DONTWAIT). 0 or -errno. */
int protocol_send(int sock, const struct mon_msg *m, const void *payload, const int *fds,
                  size_t nfds, int flags);
/* Receive and check one packet: payload (≤ cap bytes) to its own buffer, so that it is aligned as
 * the caller's buffer is. Descriptors are close-on-exec. 1 = a message, 0 = EOF, or -errno; no
 * descriptor is left open on failure. */
int protocol_recv(int sock, struct mon_msg *m, void *payload, size_t cap, int fds[MON_MAX_FDS],
                  size_t *nfds, int flags);
