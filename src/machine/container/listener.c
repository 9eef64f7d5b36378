/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/listener.h"

#include "machine/container/hook.h"
#include "sys/syscalls.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

#define LISTENER_PATIENCE_S 10

static const struct plan_step *listener_step(const struct plan *p, enum plan_op op) {
    uint32_t n;
    const struct plan_step *s = plan_steps(p, PLAN_INIT, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].op == op)
            return &s[i];
    }
    return NULL;
}

/* A path that is too long for a socket address goes by its directory's descriptor. */
static int listener_address(const char *path, int *dir, struct sockaddr_un *ret) {
    char parent[4096];
    size_t n = strlen(path);
    const char *slash = strrchr(path, '/');
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n < sizeof(ret->sun_path)) {
        memcpy(ret->sun_path, path, n + 1);
        return 0;
    }
    if (!slash || (size_t)(slash - path) >= sizeof(parent))
        return -ENAMETOOLONG;
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = 0;
    *dir = open(parent[0] ? parent : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dir < 0)
        return -errno;
    int w = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d%s", *dir, slash);
    return w < 0 || (size_t)w >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

static int listener_connect(const char *path) {
    const struct timeval patience = {.tv_sec = LISTENER_PATIENCE_S};
    struct sockaddr_un addr;
    AUTO_FD int dir = -1;
    int r = listener_address(path, &dir, &addr);
    if (r < 0)
        return r;
    AUTO_FD int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
        return -errno;
    return TAKE_FD(sock);
}

static struct iovec listener_text(const char *s) {
    return (struct iovec){.iov_base = (void *)(uintptr_t)s, .iov_len = strlen(s)};
}

/* Everything; the descriptor goes with the first bytes. */
static int listener_send(int sock, struct iovec *v, size_t n, int fd) {
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr m = {
        .msg_iov = v, .msg_iovlen = n, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    while (m.msg_iovlen) {
        ssize_t sent = sendmsg(sock, &m, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        m.msg_control = NULL;
        m.msg_controllen = 0;
        size_t left = (size_t)sent;
        while (m.msg_iovlen && left >= m.msg_iov->iov_len) {
            left -= m.msg_iov->iov_len;
            m.msg_iov++;
            m.msg_iovlen--;
        }
        if (m.msg_iovlen) {
            m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + left;
            m.msg_iov->iov_len -= left;
        }
    }
    return 0;
}

static int listener_tell(const struct listener_call *c, const struct plan_step *s, int sock,
                         int fd) {
    const struct plan_step *state = listener_step(c->plan, PLAN_STATE);
    char pid[48];
    struct hook_text t;
    if (!state)
        return -EBADMSG;
    hook_state(&(struct hook_world){.plan = c->plan,
                                    .state = state,
                                    .status = c->pid == c->box ? "creating" : "running",
                                    .pid = c->box},
               &t);
    snprintf(pid, sizeof(pid), "%d,\"state\":", (int)c->pid);
    struct iovec v[] = {listener_text(plan_str(c->plan, s->ref[2])),
                        listener_text(pid),
                        listener_text(t.piece[0]),
                        listener_text(t.piece[1]),
                        listener_text(t.piece[2]),
                        listener_text("}")};
    return listener_send(sock, v, ARRAY_SIZE(v), fd);
}

int listener_hand_over(const struct listener_call *c, struct err *e) {
    const struct plan_step *s = c->plan ? listener_step(c->plan, PLAN_SECCOMP) : NULL;
    const char *path = s && s->ref[1] && s->ref[2] ? plan_str(c->plan, s->ref[1]) : NULL;
    if (!path)
        return err_set(e, ERR_INTERNAL, -EPROTO, "init speaks of a listener that it has not");
    AUTO_FD int fd = (int)syscall(SYS_pidfd_getfd, c->pidfd, (int)c->number, 0);
    if (fd < 0)
        return err_sys(e, "cannot take the filter's descriptor from the container's process");
    AUTO_FD int sock = listener_connect(path);
    int r = sock < 0 ? sock : listener_tell(c, s, sock, fd);
    if (r < 0 && (s->flags & PLAN_OPTIONAL))
        return 0; /* no call is held up: the specification has the path ignored */
    if (sock < 0)
        return err_sysn(e, r, "failed to connect with seccomp agent %s (listenerPath)", path);
    return r < 0 ? err_sysn(e, r, "cannot send the state to the seccomp agent %s", path) : 0;
}
