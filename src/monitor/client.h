/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's side of the protocol: find, start and talk to a monitor. Used by the engine.
 * Every call is blocking on the socket, never on a timer, except where a deadline is given.
 */
#pragma once

#include "base/err.h"
#include "monitor/exit_file.h"
#include "monitor/live.h"
#include "monitor/protocol.h"

/* What a container's lock file says. Probing is open + F_OFD_GETLK + read: no process is asked. */
int mon_probe(int dirfd, struct mon_live *ret); /* 0 or -errno */
/* Wait until nobody holds the lock: all that the box had (addresses, ports, cgroup) is free.
 * Short after EXITED; blocks in the kernel, without a timer. 0 or -errno. */
int mon_wait_unlocked(int dirfd);

/* All that its last life left has been swept: as if it had never run. exit.json stays. */
int mon_forget(int dirfd);

/* Read exit.json. -ENOENT when there is none. */
int mon_read_exit(int dirfd, struct mon_exit *ret);

/* exec the monitor: sealed memfd copy of `monitor_fd` (an open fd of hako-monitor), own session,
 * nothing inherited but 0,1,2=/dev/null and the socketpair as fd 3. `userns_fd` ≥ 0: joined
 * first (rootless). Sends MON_BOOT with the descriptors. Returns the connected socket. */
struct mon_spawn {
    int monitor_fd;
    int dirfd;        /* container directory */
    int userns_fd;    /* -1 = stay */
    int host_netns;   /* -1 = ours */
    int holder_conn;  /* -1 = none; keeps the rootless holder alive while the monitor lives */
    int rundir;       /* hako's run directory, to share the sealed program (monitor/program.h);
                       * ≤ 0 = a copy of its own */
    bool lasting;     /* no --rm: likely to live, the better one to share with */
    bool stays_child; /* for a caller that leaves soon: saves the second fork (50 us) by which the
                       * monitor is nobody's child, never a zombie of a caller that lives long */
};
int mon_spawn(const struct mon_spawn *s, int *ret_sock, struct err *e);

/* Connect to dirfd/ctl.sock. ERR_CONFLICT "container … is not running" when nobody listens. */
int mon_connect(int dirfd, int *ret_sock, struct err *e);

int mon_send(int sock, const struct mon_msg *m, const void *payload, const int *fds, size_t nfds,
             struct err *e);
/* One message; payload up to `cap` bytes; received fds into fds[8]. MON_ERROR becomes `e`.
 * deadline_ns: monotonic, 0 = for ever; -ETIMEDOUT. EOF = -ECONNRESET "the monitor has died". */
int mon_recv(int sock, struct mon_msg *m, void *payload, size_t cap, int fds[8], size_t *nfds,
             int64_t deadline_ns, struct err *e);
