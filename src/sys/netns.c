/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netns.h"

#include "sys/userns.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct visit {
    int netns, userns;
    int domain, type, protocol;
    int ret; /* descriptor or -errno */
};

static int make_socket(void *arg) {
    struct visit *v = arg;

    if (v->userns >= 0 && (v->ret = userns_join(v->userns)) < 0)
        return 0;
    if (setns(v->netns, CLONE_NEWNET) < 0)
        v->ret = -errno;
    else if ((v->ret = socket(v->domain, v->type | SOCK_CLOEXEC, v->protocol)) < 0)
        v->ret = -errno;
    return 0;
}

static int make_netns(void *arg) {
    struct visit *v = arg;

    if (v->userns >= 0 && (v->ret = userns_join(v->userns)) < 0)
        return 0;
    if (unshare(CLONE_NEWNET) < 0)
        v->ret = -errno;
    else if ((v->ret = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) < 0)
        v->ret = -errno;
    return 0;
}

static int visit(int (*fn)(void *), struct visit *v) {
    _Alignas(16) char stack[16384];

    /* No exit signal: the visit is nobody's child as far as SIGCHLD is concerned. */
    v->ret = -ECHILD;
    int pid = clone(fn, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_VFORK, v);
    if (pid < 0)
        return -errno;
    while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
        ;
    return v->ret;
}

int netns_socket_in(int userns, int netns, int domain, int type, int protocol) {
    struct visit v = {
        .netns = netns, .userns = userns, .domain = domain, .type = type, .protocol = protocol};
    return visit(make_socket, &v);
}

/* Our own namespace, if we may come back to it from another: entering the one we are in is checked
 * just the same. -errno. */
static int way_back(void) {
    AUTO_FD int self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    if (self < 0 || setns(self, CLONE_NEWNET) < 0)
        return -errno;
    return TAKE_FD(self);
}

static int come_back(int self, int got) {
    while (setns(self, CLONE_NEWNET) < 0) {
        if (errno == ENOMEM || errno == EINTR)
            continue;
        if (got >= 0)
            close(got);
        return -ENOTRECOVERABLE;
    }
    return got;
}

int netns_socket(int netns, int domain, int type, int protocol) {
    AUTO_FD int self = way_back();

    if (self < 0)
        return netns_socket_in(-1, netns, domain, type, protocol);
    if (setns(netns, CLONE_NEWNET) < 0)
        return -errno;
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    return come_back(self, fd < 0 ? -errno : fd);
}

int netns_new(void) {
    struct visit v = {.netns = -1, .userns = -1};
    AUTO_FD int self = way_back();

    if (self < 0)
        return visit(make_netns, &v);
    make_netns(&v);
    return come_back(self, v.ret);
}

int netns_new_in(int userns) {
    struct visit v = {.netns = -1, .userns = userns};
    return visit(make_netns, &v);
}
