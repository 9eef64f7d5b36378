/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor: one small process per machine that owns what the machine owns.
 *
 * Theory of operation
 *   The command execs it with one socket and tells it the container's directory (BOOT). From then
 *   on it is alone: single-threaded, one epoll loop, no heap, no library; the bundle is mapped,
 *   the state is one struct. Its life:
 *
 *     BOOTING ──GO──► CREATED ──START──► RUNNING ──exit_fd──► DRAINING ──last byte out──► OVER
 *        └── failure: undone, MON_ERROR, exit ──┘
 *
 *   BOOTING   lock taken, ctl.sock listening; GO opens, attaches, boots and creates the machine
 *   CREATED   parked before execve
 *   RUNNING   serves connections (control.c), relays output (stdio.c), runs execs (execs.c)
 *   DRAINING  the machine has ended and is reaped; what its pipes hold still goes to log and
 *             clients. Every writer is dead by then, so "the pipe is empty" is the end: nobody can
 *             hold it open and keep us. Only a client that does not read can: SIGNAL 9 drops it.
 *   OVER      ports free, exit.json written, everything taken down, lock released, EXITED to all.
 *             With --rm: ports free, directory and name gone, EXITED, and then the slow part, which
 *             nobody can run into any more: cgroups, files, lease.
 *
 *   kill -9 at any moment: init dies by PDEATHSIG, the kernel closes lock and namespaces, and the
 *   next command sweeps the rest.
 *
 * Memory: one anonymous mapping, zero-filled and touched only where used. Zero therefore means
 * "nothing" in every struct here (kinds, `used` flags), never a valid descriptor.
 */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "machine/machine.h"
#include "monitor/bundle.h"
#include "monitor/exit_file.h"
#include "monitor/foreign.h"
#include "monitor/live.h"
#include "monitor/log.h"
#include "monitor/protocol.h"

#define MONITOR_BOOT_FD 3
#define MONITOR_MAX_CONNS 64
#define MONITOR_MAX_EXECS 64
#define MONITOR_MAX_LISTENERS 64

enum monitor_life { LIFE_BOOTING, LIFE_CREATED, LIFE_RUNNING, LIFE_DRAINING, LIFE_OVER };

struct monitor;

/* A client's descriptor that one stream of the box is written to. */
struct sink {
    struct foreign to;
    struct loop_source src;
    bool watched; /* src is registered: not for plain files */
    size_t done;  /* bytes of the stream's piece that it has */
    struct conn *conn;
    unsigned stream;
};

struct conn {
    bool used, attached, waiting;
    int fd;
    struct loop_source src;
    struct monitor *mon;
    struct sink sinks[2];
    struct foreign in; /* client's stdin */
    struct loop_source in_src;
    bool in_watched;
};

/* Output of the box: one piece at a time, read when every client has the one before. */
struct stream {
    bool open, watched, pending;
    int fd;
    struct loop_source src;
    struct monitor *mon;
    size_t len;
    size_t owed; /* bytes left to read while draining */
    char buf[LOG_PIECE_MAX];
};

/* Input of the box, from whichever clients are attached. */
struct input {
    bool open, watched;
    int fd;
    struct loop_source src; /* for room in it, while a piece is pending */
    size_t off, len;
    char buf[4096];
};

struct exec_slot {
    bool used;
    pid_t pid;
    int exit_fd;
    struct loop_source src;
    struct monitor *mon;
    struct conn *conn; /* NULL: the client is gone, the task goes on */
};

struct monitor {
    enum monitor_life life;
    struct loop loop;
    bool booted, net_tried, recorded, cleaned;
    bool hurry; /* while draining: who does not read at once is dropped */
    int tmp_fd; /* of --rm, once the directory has moved there */
    int dirfd, lock_fd, listen_fd, signal_fd, host_netns, holder;
    struct loop_source listen_src, signal_src, exit_src;
    struct mon_bundle bundle;
    struct plan plan;
    struct machine machine;
    struct mon_live live;
    struct mon_exit exit;
    struct log_writer log;
    struct input in;
    int box_ends[3];
    uint16_t cols, rows;
    pid_t forwarder; /* the child that carries published ports; 0 = none */
    int forwarder_fd;
    int filter_fd; /* closed by our exit: the kernel is slow at it (net_detach_begin) */
    size_t nlisteners;
    int listeners[MONITOR_MAX_LISTENERS];
    struct stream streams[2];
    struct conn conns[MONITOR_MAX_CONNS];
    struct exec_slot execs[MONITOR_MAX_EXECS];
    _Alignas(16) char payload[MON_MAX_MSG];
};

/* --- monitor.c: the life --------------------------------------------------------------------- */

/* "hako-monitor run": serve fd 3 until the box is over. Exit status of the program. */
int monitor_run(void);
/* Requests of control.c; they answer by return value. */
int monitor_boot(struct monitor *m, const struct mon_msg *msg, const int *fds, struct err *e);
int monitor_create(struct monitor *m, struct err *e);
int monitor_start(struct monitor *m, struct err *e);
/* exit_fd was readable, or its child was seen dead. */
void monitor_ended(struct monitor *m);
/* Nothing is owed to anybody any more (stdio.c). */
void monitor_drained(struct monitor *m);
/* The machine could not be created or started: record why and take everything down. Called before
 * the client is told. */
void monitor_failed(struct monitor *m, const struct err *e);

/* --- exit.c ---------------------------------------------------------------------------------- */

/* Free what a following command may want at once: published ports. */
void exit_release(struct monitor *m);
/* Make the end visible: exit.json, or directory and name away (--rm). */
void exit_record(struct monitor *m);
/* The slow rest: machine, network, files. */
void exit_clean(struct monitor *m);

/* --- control.c: connections ------------------------------------------------------------------ */

int control_listen(struct monitor *m, struct err *e);
/* fd is taken over. NULL when all places are taken. */
struct conn *control_add(struct monitor *m, int fd);
void control_drop(struct conn *c);
/* Never blocks: a client that does not read its answers is dropped. */
void control_send(struct conn *c, const struct mon_msg *msg, const int *fds, size_t nfds);
void control_send_error(struct conn *c, const struct err *e);
/* EXITED to all who attached or wait. */
void control_tell_exited(struct monitor *m);
/* Serve what already lies in the sockets; used once before the end. */
void control_last_call(struct monitor *m);

/* --- stdio.c: what flows between box and clients --------------------------------------------- */

int stdio_prepare(struct monitor *m, struct machine_stdio *ret, struct err *e);
/* The machine has its ends (or its console): begin to read. */
int stdio_begin(struct monitor *m, struct err *e);
int stdio_attach(struct conn *c, uint32_t flags, const int *fds, struct err *e);
void stdio_detach(struct conn *c);
void stdio_drain(struct monitor *m);
/* Give up on clients that do not read. */
void stdio_abandon(struct monitor *m);
void stdio_resize(struct monitor *m, uint16_t cols, uint16_t rows);

/* --- input.c --------------------------------------------------------------------------------- */

void input_attach(struct conn *c, int fd);
void input_detach(struct conn *c);
/* End of this client's stdin, or of the client: with stdin_once the box's ends too. */
void input_client_done(struct conn *c);
/* The box's end is `fd` (taken over). */
void input_begin(struct monitor *m, int fd);
void input_close(struct monitor *m);

/* --- execs.c --------------------------------------------------------------------------------- */

void execs_start(struct conn *c, const struct mon_msg *msg, const int *fds);
void execs_forget(struct conn *c);
/* Was that child one of ours? Then it is reaped and reported. */
bool execs_reaped(struct monitor *m, pid_t pid);
/* The box is dead: report every exec as ended. */
void execs_end(struct monitor *m);
