/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: the command that started us, and whoever comes through ctl.sock. */
#include "monitor/monitor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define OVERFLOW_ID 65534
#define CONTROL_TURN 4 /* requests are often sent in a row */

static void control_event(struct loop_source *src, uint32_t events);

static struct conn *control_free_slot(struct monitor *m) {
    for (size_t i = 0; i < MONITOR_MAX_CONNS; i++)
        if (!m->conns[i].used)
            return &m->conns[i];
    return NULL;
}

/* Those who have left, and whose turn in the loop has not come. */
static void control_drop_dead(struct monitor *m) {
    char byte;

    for (size_t i = 0; i < MONITOR_MAX_CONNS; i++)
        if (m->conns[i].used && recv(m->conns[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            control_drop(&m->conns[i]);
}

static void control_refuse(int fd) {
    struct err e;
    err_set(&e, ERR_CONFLICT, -EUSERS,
            "this container serves %d connections already: end one of them", MONITOR_MAX_CONNS);
    struct mon_msg msg = {.word = MON_ERROR, .arg = e.code, .len = sizeof(e)};
    protocol_send(fd, &msg, &e, NULL, 0, MSG_DONTWAIT);
}

struct conn *control_add(struct monitor *m, int fd) {
    struct conn *c = control_free_slot(m);

    if (!c) {
        control_drop_dead(m);
        c = control_free_slot(m);
    }
    if (c) {
        *c = (struct conn){.used = true, .fd = fd, .mon = m};
        if (loop_add(&m->loop, &c->src, fd, EPOLLIN, control_event, c) == 0)
            return c;
        c->used = false;
    } else
        control_refuse(fd);
    close(fd);
    return NULL;
}

void control_drop(struct conn *c) {
    if (!c->used)
        return;
    input_client_done(c);
    stdio_detach(c);
    execs_forget(c);
    loop_del(&c->mon->loop, &c->src);
    close(c->fd);
    c->used = false;
    if (c->mon->life == LIFE_BOOTING) /* the only one who could say GO has left */
        c->mon->loop.quit = true;
}

static void control_send_payload(struct conn *c, const struct mon_msg *msg, const void *payload,
                                 const int *fds, size_t nfds) {
    if (c->used && protocol_send(c->fd, msg, payload, fds, nfds, MSG_DONTWAIT) < 0)
        control_drop(c);
}

void control_send(struct conn *c, const struct mon_msg *msg, const int *fds, size_t nfds) {
    control_send_payload(c, msg, NULL, fds, nfds);
}

void control_send_error(struct conn *c, const struct err *e) {
    struct mon_msg msg = {.word = MON_ERROR, .arg = e->code, .len = sizeof(*e)};
    control_send_payload(c, &msg, e, NULL, 0);
}

void control_tell_exited(struct monitor *m) {
    struct mon_msg msg = {.word = MON_EXITED, .arg = m->exit.code};

    for (size_t i = 0; i < MONITOR_MAX_CONNS; i++) {
        struct conn *c = &m->conns[i];
        if (c->used && (c->attached || c->waiting))
            control_send(c, &msg, NULL, 0);
    }
}

/* --- requests -------------------------------------------------------------------------------- */

/* Each returns 0 (OK is sent), 1 (it has answered, or answers later), or an error. Descriptors
 * it keeps are set to -1. */
typedef int (*request_fn)(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                          struct err *e);

static bool control_alive(const struct monitor *m) {
    return m->life == LIFE_CREATED || m->life == LIFE_RUNNING;
}

static int not_running(struct err *e) {
    return err_set(e, ERR_CONFLICT, -ESRCH, "the container is not running");
}

static int request_listener(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                            struct err *e) {
    struct monitor *m = c->mon;

    if (m->life != LIFE_BOOTING)
        return err_set(e, ERR_CONFLICT, -EBUSY, "ports are published before the start only");
    if (m->nlisteners + nfds > MONITOR_MAX_LISTENERS)
        return err_set(e, ERR_USAGE, -EMFILE, "too many published ports: at most %d",
                       MONITOR_MAX_LISTENERS);
    for (size_t i = 0; i < nfds; i++)
        m->listeners[m->nlisteners++] = take_fd(&fds[i]);
    return 1;
}

static void control_failed(struct conn *c, const struct err *e) {
    monitor_failed(c->mon, e);
    control_send_error(c, e);
}

static int request_boot(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                        struct err *e) {
    struct monitor *m = c->mon;

    if (m->booted)
        return err_set(e, ERR_CONFLICT, -EALREADY, "the monitor serves a container already");
    int r = monitor_boot(m, msg, fds, e);
    for (size_t i = 0; i < nfds; i++)
        fds[i] = -1;
    if (r < 0 && m->lock_fd < 0)
        return r; /* another monitor's container: hands off */
    if (r < 0)
        control_failed(c, e);
    return 1;
}

static int request_start(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                         struct err *e) {
    struct monitor *m = c->mon;

    if (m->life != LIFE_CREATED)
        return err_set(e, ERR_CONFLICT, -EBUSY, "the container is started already");
    if (monitor_start(m, e) < 0) {
        control_failed(c, e);
        return 1;
    }
    struct mon_msg answer = {.word = MON_STARTED, .arg = m->machine.pid};
    control_send(c, &answer, NULL, 0);
    return 1;
}

static int request_go(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                      struct err *e) {
    struct monitor *m = c->mon;

    if (!m->booted || m->life != LIFE_BOOTING)
        return err_set(e, ERR_CONFLICT, -EBUSY, "GO is said once, after BOOT");
    if (monitor_create(m, e) < 0) {
        control_failed(c, e);
        return 1;
    }
    struct mon_msg answer = {.word = MON_CREATED, .arg = m->machine.pid};
    control_send(c, &answer, NULL, 0);
    return msg->flags & MON_F_START ? request_start(c, msg, fds, nfds, e) : 1;
}

static int request_attach(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                          struct err *e) {
    int r = stdio_attach(c, msg->flags, fds, e); /* takes them in any case */
    for (size_t i = 0; i < nfds; i++)
        fds[i] = -1;
    return r;
}

static int request_detach(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                          struct err *e) {
    stdio_detach(c);
    return 0;
}

static int request_signal(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                          struct err *e) {
    struct monitor *m = c->mon;

    if (m->life == LIFE_DRAINING && msg->arg == 9) {
        stdio_abandon(m);
        return 0;
    }
    if (!control_alive(m))
        return not_running(e);
    return m->machine.ops->signal(&m->machine, msg->arg, msg->flags & MON_F_ALL, e);
}

static int request_resize(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                          struct err *e) {
    if (!c->mon->booted)
        return not_running(e);
    stdio_resize(c->mon, msg->cols, msg->rows);
    return 0;
}

static int request_wait(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                        struct err *e) {
    c->waiting = true;
    return 1;
}

static int request_exec(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                        struct err *e) {
    if (c->mon->life != LIFE_RUNNING)
        return not_running(e);
    execs_start(c, msg, fds);
    return 1;
}

static int request_freeze(struct conn *c, const struct mon_msg *msg, int *fds, size_t nfds,
                          struct err *e) {
    struct monitor *m = c->mon;

    if (m->life != LIFE_RUNNING)
        return not_running(e);
    int r = m->machine.ops->freeze(&m->machine, msg->arg != 0, e);
    if (r < 0)
        return r;
    m->live.paused = msg->arg != 0;
    live_write(m->lock_fd, &m->live);
    return 0;
}

static request_fn control_request(uint32_t word) {
    static const request_fn table[] = {
        [MON_BOOT - MON_FIRST_REQUEST] = request_boot,
        [MON_LISTENER - MON_FIRST_REQUEST] = request_listener,
        [MON_GO - MON_FIRST_REQUEST] = request_go,
        [MON_START - MON_FIRST_REQUEST] = request_start,
        [MON_ATTACH - MON_FIRST_REQUEST] = request_attach,
        [MON_DETACH - MON_FIRST_REQUEST] = request_detach,
        [MON_SIGNAL - MON_FIRST_REQUEST] = request_signal,
        [MON_RESIZE - MON_FIRST_REQUEST] = request_resize,
        [MON_WAIT - MON_FIRST_REQUEST] = request_wait,
        [MON_EXEC - MON_FIRST_REQUEST] = request_exec,
        [MON_FREEZE - MON_FIRST_REQUEST] = request_freeze,
    };

    /* Unsigned: an answer's word wraps around and is out of the table as well. */
    uint32_t i = word - MON_FIRST_REQUEST;
    return i < ARRAY_SIZE(table) ? table[i] : NULL;
}

/* --- sockets --------------------------------------------------------------------------------- */

/* One packet. False when there is none (now, or for ever: then the connection is gone). */
static bool control_serve(struct conn *c) {
    struct monitor *m = c->mon;
    struct mon_msg msg;
    struct err e = {0};
    int fds[MON_MAX_FDS];
    size_t nfds = 0;
    int r = protocol_recv(c->fd, &msg, m->payload, sizeof(m->payload), fds, &nfds, MSG_DONTWAIT);

    if (r == -EAGAIN)
        return false;
    request_fn fn = r == 1 ? control_request(msg.word) : NULL;
    if (fn) {
        r = fn(c, &msg, fds, nfds, &e);
        if (r == 0)
            control_send(c, &(struct mon_msg){.word = MON_OK}, NULL, 0);
        else if (r < 0)
            control_send_error(c, &e);
    } else
        control_drop(c);
    for (size_t i = 0; i < nfds; i++)
        fd_close(&fds[i]);
    return c->used;
}

static void control_event(struct loop_source *src, uint32_t events) {
    for (int i = 0; i < CONTROL_TURN && control_serve(src->data); i++)
        ;
}

static bool control_may(const struct monitor *m, int fd) {
    struct ucred cred;
    socklen_t len = sizeof(cred);
    struct stat st;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || fstat(m->dirfd, &st) < 0)
        return false;
    /* In a user namespace every foreign user looks like this one. */
    return cred.uid == geteuid() || (cred.uid == st.st_uid && cred.uid != OVERFLOW_ID);
}

static bool control_accept(struct monitor *m) {
    int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED;
    if (control_may(m, fd))
        control_add(m, fd);
    else
        close(fd);
    return true;
}

static void control_listen_event(struct loop_source *src, uint32_t events) {
    control_accept(src->data);
}

int control_listen(struct monitor *m, struct err *e) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_sys(e, "cannot make the control socket");
    /* sun_path is short, the directory's path may be long */
    snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" MON_CTL_SOCK, m->dirfd);
    unlinkat(m->dirfd, MON_CTL_SOCK, 0);
    if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0)
        return err_sys(e, "cannot listen on the control socket");
    int r = loop_add(&m->loop, &m->listen_src, fd, EPOLLIN, control_listen_event, m);
    if (r < 0)
        return err_sysn(e, r, "cannot watch the control socket");
    m->listen_fd = TAKE_FD(fd);
    return 0;
}

void control_last_call(struct monitor *m) {
    for (int i = 0; i < MONITOR_MAX_CONNS && m->listen_fd >= 0 && control_accept(m); i++)
        ;
    for (size_t i = 0; i < MONITOR_MAX_CONNS; i++)
        if (m->conns[i].used)
            control_serve(&m->conns[i]);
}
