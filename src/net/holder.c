/* SPDX-License-Identifier: Apache-2.0 */
/* The holder's side. */
#include "net/holder.h"

#include "base/io.h"
#include "base/loop.h"
#include "net/attach.h"
#include "net/holder_wire.h"
#include "sys/netns.h"
#include "sys/syscalls.h"
#include "sys/userns.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#define MAX_CLIENTS 4096
/* Between two commands of a script the namespaces and pasta should not be made anew. */
#define LINGER_SECONDS 10

struct holder_state;

struct client {
    struct holder_state *h;
    struct loop_source src;
    int fd;
    bool used;
};

struct holder_state {
    struct loop loop;
    struct loop_source sock_src, timer_src, pasta_src;
    int userns, netns, timer;
    int pasta; /* pidfd; -1 = not running */
    bool pasta_tried;
    char warning[256];
    struct network known; /* the last network that was ensured */
    size_t nclients;
    struct client client[MAX_CLIENTS];
};

static void set_timer(struct holder_state *h, time_t seconds) {
    const struct itimerspec t = {.it_value.tv_sec = seconds};
    timerfd_settime(h->timer, 0, &t, NULL);
}

static void on_timer(struct loop_source *src, uint32_t events) {
    struct holder_state *h = src->data;
    uint64_t ticks;

    (void)events;
    if (read(h->timer, &ticks, sizeof(ticks)) > 0 && h->nclients == 0)
        h->loop.quit = true;
}

static void on_pasta_end(struct loop_source *src, uint32_t events) {
    struct holder_state *h = src->data;

    (void)events;
    loop_del(&h->loop, src);
    while (waitid((idtype_t)P_PIDFD, (id_t)h->pasta, &(siginfo_t){0}, WEXITED) < 0 &&
           errno == EINTR)
        ;
    fd_close(&h->pasta);
    h->pasta_tried = false; /* the next command starts it again */
}

static int reach_world(struct holder_state *h, struct err *e) {
    if (h->pasta_tried)
        return 0;
    h->warning[0] = '\0';
    int r = pasta_start(h->userns, h->netns, &h->pasta, h->warning, e);
    if (r < 0)
        return r;
    h->pasta_tried = h->pasta >= 0; /* without a route now there may be one for the next box */
    if (h->pasta >= 0)
        loop_add(&h->loop, &h->pasta_src, h->pasta, EPOLLIN, on_pasta_end, h);
    return 0;
}

/* In a child that is root of the user namespace. */
static int ensure_inside(void *data, struct err *e) {
    struct holder_state *h = data;
    _Alignas(4) uint8_t mem[64];
    struct netlink_buf b = NETLINK_BUF(mem);

    if (setns(h->netns, CLONE_NEWNET) < 0)
        return err_sys(e, "cannot enter the boxes' network");
    AUTO_FD int sock = netlink_open(NETLINK_ROUTE);
    attach_link_up(&b, 1, NULL, NLM_F_ACK);
    int r = sock < 0 ? sock : netlink_talk(sock, &b, NULL, NULL, NULL);
    return r < 0 ? err_sysn(e, r, "cannot set up the loopback") : network_ensure(&h->known, -1, e);
}

static int serve(struct holder_state *h, const struct holder_request *q, struct err *e) {
    if (!q->wants_network)
        return 0;
    int r = reach_world(h, e);
    if (r < 0 || memcmp(&h->known, &q->network, sizeof(h->known)) == 0)
        return r;
    h->known = q->network;
    h->known.name[sizeof(h->known.name) - 1] = '\0';
    h->known.bridge[sizeof(h->known.bridge) - 1] = '\0';
    r = userns_run_in(h->userns, ensure_inside, h, e);
    if (r < 0)
        h->known = (struct network){0};
    return r;
}

static void end_client(struct client *c) {
    struct holder_state *h = c->h;

    loop_del(&h->loop, &c->src);
    fd_close(&c->fd);
    c->used = false;
    if (--h->nclients == 0)
        set_timer(h, LINGER_SECONDS);
}

static void on_client(struct loop_source *src, uint32_t events) {
    struct client *c = src->data;
    struct holder_state *h = c->h;
    struct holder_request q;
    struct holder_reply reply = {0};

    (void)events;
    ssize_t n = recv(c->fd, &q, sizeof(q), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != sizeof(q) || q.magic != HOLDER_MAGIC) {
        end_client(c);
        return;
    }
    const int fds[] = {h->userns, h->netns};
    int r = serve(h, &q, &reply.err);
    memcpy(reply.warning, h->warning, sizeof(reply.warning));
    if (io_send_fds(c->fd, &reply, sizeof(reply), fds, r < 0 ? 0 : ARRAY_SIZE(fds)) < 0)
        end_client(c);
}

/* Only this user's processes; the directory's mode should have seen to it already. */
static bool is_ours(int fd) {
    struct ucred who;
    socklen_t n = sizeof(who);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.uid == geteuid();
}

static void on_sock(struct loop_source *src, uint32_t events) {
    struct holder_state *h = src->data;
    AUTO_FD int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC);

    (void)events;
    if (fd < 0 || !is_ours(fd))
        return;
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->used)
            continue;
        *c = (struct client){.h = h, .src = {.fd = -1}, .fd = -1};
        if (loop_add(&h->loop, &c->src, fd, EPOLLIN, on_client, c) < 0)
            return;
        c->fd = TAKE_FD(fd);
        c->used = true;
        h->nclients++;
        set_timer(h, 0);
        return;
    }
}

static int prepare(struct holder_state *h) {
    struct rlimit l;
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sys_close_range(HOLDER_FD_USERNS + 1, ~0U, 0);
    fcntl(HOLDER_FD_SOCK, F_SETFD, FD_CLOEXEC);
    fcntl(HOLDER_FD_USERNS, F_SETFD, FD_CLOEXEC);
    sigaction(SIGPIPE, &ignore, NULL);
    prctl(PR_SET_NAME, "hako-holder", 0, 0, 0);
    if (chdir("/") < 0)
        return -errno;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
    h->pasta = -1;
    h->userns = HOLDER_FD_USERNS;
    h->netns = netns_new_in(h->userns);
    h->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int r = loop_init(&h->loop);
    if (h->netns < 0 || h->timer < 0 || r < 0)
        return h->netns < 0 ? h->netns : -EMFILE;
    set_timer(h, LINGER_SECONDS);
    r = loop_add(&h->loop, &h->timer_src, h->timer, EPOLLIN, on_timer, h);
    return r < 0 ? r : loop_add(&h->loop, &h->sock_src, HOLDER_FD_SOCK, EPOLLIN, on_sock, h);
}

/* Tell the first client why there will be no holder. */
static void refuse(int code) {
    struct holder_reply reply = {0};
    AUTO_FD int fd = accept4(HOLDER_FD_SOCK, NULL, NULL, SOCK_CLOEXEC);

    err_sysn(&reply.err, code, "cannot make the network namespace that your boxes share");
    if (fd >= 0)
        io_send_fds(fd, &reply, sizeof(reply), NULL, 0);
}

int holder_main(void) {
    struct holder_state *h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (h == MAP_FAILED)
        return 1;
    int r = prepare(h);
    if (r < 0) {
        refuse(r);
        return 1;
    }
    r = loop_run(&h->loop);
    if (h->pasta >= 0)
        sys_pidfd_send_signal(h->pasta, SIGKILL);
    return r < 0;
}
