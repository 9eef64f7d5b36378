/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/userns.h"

#include "base/io.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

bool userns_inside(void) {
    char line[64];
    unsigned long first[3] = {0};
    char *p = line;

    if (io_read_line(AT_FDCWD, "/proc/self/uid_map", line, sizeof(line)) < 0)
        return false; /* a kernel without user namespaces */
    for (int i = 0; i < 3; i++)
        first[i] = strtoul(p, &p, 10);
    return !(first[0] == 0 && first[1] == 0 && first[2] == UINT32_MAX);
}

int userns_map_text(const struct userns_map *m, char *buf, size_t size) {
    size_t at = 0;

    if (size == 0)
        return -ENOSPC;
    buf[0] = '\0';
    for (size_t i = 0; i < m->n; i++) {
        int n = snprintf(buf + at, size - at, "%u %u %u\n", m->v[i].inside, m->v[i].outside,
                         m->v[i].size);
        if (n < 0 || (size_t)n >= size - at)
            return -ENOSPC;
        at += (size_t)n;
    }
    return (int)at;
}

uint64_t userns_map_span(const struct userns_map *m) {
    uint64_t span = 0;

    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < m->n; i++)
            if (m->v[i].inside == span) {
                span += m->v[i].size;
                grew = m->v[i].size > 0;
            }
    }
    return span;
}

/* --- writing maps ----------------------------------------------------------------------------- */

static int write_proc(pid_t pid, const char *file, const char *value) {
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    return io_write_kernel(AT_FDCWD, path, value);
}

/* Start the helper with its complaints going to `errfd`. 0 or a positive errno. */
static int spawn_helper(const char *tool, pid_t target, const struct userns_map *m, int errfd,
                        pid_t *ret) {
    char words[1 + 3 * USERNS_MAX_RANGES][16];
    char *argv[3 + 3 * USERNS_MAX_RANGES];
    size_t n = 0, w = 0;
    posix_spawn_file_actions_t actions;
    char name[16];

    snprintf(name, sizeof(name), "%s", tool);
    argv[n++] = name;
    snprintf(words[w], sizeof(words[w]), "%d", (int)target);
    argv[n++] = words[w++];
    for (size_t i = 0; i < m->n; i++) {
        uint32_t v[3] = {m->v[i].inside, m->v[i].outside, m->v[i].size};
        for (int k = 0; k < 3; k++) {
            snprintf(words[w], sizeof(words[w]), "%u", v[k]);
            argv[n++] = words[w++];
        }
    }
    argv[n] = NULL;
    int r = posix_spawn_file_actions_init(&actions);
    if (r)
        return r;
    r = posix_spawn_file_actions_adddup2(&actions, errfd, 2);
    if (r == 0)
        r = posix_spawnp(ret, name, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

struct helper {
    const char *tool;
    pid_t pid;
    int from; /* its complaints */
};

static int start_helper(const char *tool, pid_t target, const struct userns_map *m,
                        struct helper *ret, struct err *e) {
    int pipefd[2];
    pid_t pid;

    if (pipe2(pipefd, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    int r = spawn_helper(tool, target, m, pipefd[1], &pid);
    close(pipefd[1]);
    if (r) {
        close(pipefd[0]);
        return r == ENOENT ? err_set(e, ERR_UNAVAILABLE, -ENOENT,
                                     "%s not found: install the package uidmap (shadow-utils), or "
                                     "run as root",
                                     tool)
                           : err_sysn(e, r, "start %s", tool);
    }
    *ret = (struct helper){.tool = tool, .pid = pid, .from = pipefd[0]};
    return 0;
}

static int finish_helper(struct helper *h, struct err *e) {
    char text[300];
    int status = 0;
    ssize_t n = io_read_full(h->from, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    fd_close(&h->from);
    while (waitpid(h->pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "wait for %s", h->tool);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return err_set(e, ERR_DENIED, -EPERM,
                   "%s failed: %s; check that it is setuid root and that %s grants these ids",
                   h->tool, text[0] ? text : "no reason given",
                   strcmp(h->tool, "newuidmap") == 0 ? "/etc/subuid" : "/etc/subgid");
}

/* Both at once: their execs are most of what a namespace costs. */
static int run_helpers(pid_t target, const struct userns_maps *m, struct err *e) {
    struct helper uid = {.from = -1}, gid = {.from = -1};
    struct err second = {0};
    int r = start_helper("newuidmap", target, &m->uid, &uid, e);

    if (r < 0)
        return r;
    int started = start_helper("newgidmap", target, &m->gid, &gid, &second);
    r = finish_helper(&uid, e);
    int r2 = started < 0 ? started : finish_helper(&gid, &second);
    if (r == 0 && r2 < 0)
        *e = second;
    return r < 0 ? r : r2;
}

int userns_write_maps(pid_t pid, const struct userns_maps *m, struct err *e) {
    char uids[USERNS_MAX_RANGES * 36], gids[USERNS_MAX_RANGES * 36];

    if (userns_map_text(&m->uid, uids, sizeof(uids)) < 0 ||
        userns_map_text(&m->gid, gids, sizeof(gids)) < 0)
        return err_sysn(e, ENOSPC, "id map");
    if (geteuid() != 0 && !m->single)
        return run_helpers(pid, m, e);
    /* An own id may be mapped without help, if groups can no longer be shed. */
    int r = geteuid() != 0 ? write_proc(pid, "setgroups", "deny") : 0;
    if (r == 0)
        r = write_proc(pid, "uid_map", uids);
    if (r == 0)
        r = write_proc(pid, "gid_map", gids);
    return r < 0 ? err_sysn(e, r, "write id map of process %d", (int)pid) : 0;
}

/* --- children in a namespace ------------------------------------------------------------------ */

static int become_root(void) {
    /* Raw calls: libc's wrappers would signal threads that are not there. */
    if (syscall(SYS_setresgid, 0, 0, 0) < 0)
        return -errno;
    if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM) /* single map: not allowed */
        return -errno;
    return syscall(SYS_setresuid, 0, 0, 0) < 0 ? -errno : 0;
}

int userns_join(int fd) {
    return setns(fd, CLONE_NEWUSER) < 0 ? -errno : become_root();
}

struct child {
    pid_t pid;
    int sock; /* our end */
};

/* How the child arrives in the namespace before it does its work. */
struct arrival {
    int join;    /* namespace to enter, or -1: make one and let the parent map it */
    bool mounts; /* and an own mount namespace */
};

static int arrive(const struct arrival *how, int sock, struct err *e) {
    struct err ready = {0};
    char byte;
    int r;

    if (how->join >= 0) {
        r = userns_join(how->join);
        if (r < 0)
            return err_sysn(e, r, "enter the user namespace");
    } else {
        if (unshare(CLONE_NEWUSER) < 0)
            return err_set(e, ERR_DENIED, -errno,
                           "cannot make a user namespace: %s; check user.max_user_namespaces, "
                           "kernel.unprivileged_userns_clone and "
                           "kernel.apparmor_restrict_unprivileged_userns (sysctl)",
                           strerror(errno));
        if (io_write_all(sock, &ready, sizeof(ready)) < 0 || io_read_full(sock, &byte, 1) != 1)
            return err_sysn(e, EPIPE, "the caller went away");
        r = become_root();
        if (r < 0)
            return err_sysn(e, r, "become root of the user namespace");
    }
    /* A change of user clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return err_sys(e, "prctl");
    if (how->mounts &&
        (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
        return err_sys(e, "make a mount namespace");
    return 0;
}

/* Fork; the child arrives, runs fn (may be NULL: then it parks until the socket closes), sends its
 * struct err and ends. 0 or negative errno. */
static int start(const struct arrival *how, int (*fn)(void *, struct err *), void *data,
                 struct child *ret, struct err *e) {
    int sv[2];
    pid_t parent = getpid();

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
        return err_sys(e, "socketpair");
    pid_t pid = fork();
    if (pid < 0) {
        int r = err_sys(e, "fork");
        close(sv[0]);
        close(sv[1]);
        return r;
    }
    if (pid == 0) {
        struct err result = {0};
        char byte;
        close(sv[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != parent)
            _exit(1);
        if (arrive(how, sv[1], &result) == 0 && fn) {
            int r = fn(data, &result);
            if (r < 0 && result.code == 0)
                err_sysn(&result, r, "work in the user namespace");
            else if (r >= 0)
                err_clear(&result);
        }
        int sent = io_write_all(sv[1], &result, sizeof(result));
        if (!fn && result.code == 0)
            (void)!read(sv[1], &byte, 1);
        _exit(sent < 0 || result.code ? 1 : 0);
    }
    close(sv[1]);
    *ret = (struct child){.pid = pid, .sock = sv[0]};
    return 0;
}

/* One report of the child: "ready to be mapped", or its verdict. */
static int report(const struct child *c, struct err *e) {
    struct err result;

    if (io_read_full(c->sock, &result, sizeof(result)) != (ssize_t)sizeof(result))
        return err_sysn(e, EIO, "the process in the user namespace died");
    if (result.code)
        *e = result;
    return result.code;
}

static int map_child(const struct child *c, const struct userns_maps *m, struct err *e) {
    int r = report(c, e);

    if (r == 0)
        r = userns_write_maps(c->pid, m, e);
    if (r == 0 && send(c->sock, "m", 1, MSG_NOSIGNAL) != 1)
        r = err_sysn(e, EPIPE, "the process in the user namespace died");
    return r;
}

/* Collect the child. Its verdict goes to e. */
static int finish(struct child *c, struct err *e) {
    int r = report(c, e);
    int status;

    fd_close(&c->sock);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return r;
}

static void abandon(struct child *c) {
    int status;

    fd_close(&c->sock);
    kill(c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
}

int userns_run(const struct userns_maps *m, int (*fn)(void *data, struct err *e), void *data,
               struct err *e) {
    struct arrival how = {.join = -1, .mounts = true};
    struct child c = {.sock = -1};
    int r = start(&how, fn, data, &c, e);

    if (r < 0)
        return r;
    r = map_child(&c, m, e);
    if (r < 0) {
        abandon(&c);
        return r;
    }
    return finish(&c, e);
}

int userns_run_in(int fd, int (*fn)(void *data, struct err *e), void *data, struct err *e) {
    struct arrival how = {.join = fd, .mounts = true};
    struct child c = {.sock = -1};
    int r = start(&how, fn, data, &c, e);

    return r < 0 ? r : finish(&c, e);
}

int userns_create(const struct userns_maps *m, int *ret_fd, struct err *e) {
    struct arrival how = {.join = -1};
    struct child c = {.sock = -1};
    char path[64];
    int r = start(&how, NULL, NULL, &c, e);

    if (r < 0)
        return r;
    r = map_child(&c, m, e);
    if (r == 0)
        r = report(&c, e);
    if (r == 0) {
        snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)c.pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            r = err_sys(e, "open %s", path);
        else
            *ret_fd = fd;
    }
    abandon(&c);
    return r;
}
