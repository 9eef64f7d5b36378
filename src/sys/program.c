/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/program.h"

#include "base/io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct running {
    int in, out, err; /* our ends; -1 = none, or done with */
    size_t written;
};

/* What the program writes. */
static int program_pipe(bool wanted, int *ours, int *its) {
    int p[2];
    if (!wanted)
        return 0;
    if (pipe2(p, O_CLOEXEC) < 0)
        return -errno;
    *ours = p[0];
    *its = p[1];
    return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* What it reads: a socket, because writing to it can do without SIGPIPE. */
static int program_input(bool wanted, int *ours, int *its) {
    int p[2];
    if (!wanted)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0)
        return -errno;
    *ours = p[0];
    *its = p[1];
    return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int program_place(posix_spawn_file_actions_t *fa, int fd, int at) {
    return fd < 0 ? posix_spawn_file_actions_addopen(fa, at, "/dev/null", O_RDWR, 0)
                  : posix_spawn_file_actions_adddup2(fa, fd, at);
}

static int program_spawn(const struct program *p, int in, int out, int err, pid_t *pid) {
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&fa) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&at) != 0) {
        posix_spawn_file_actions_destroy(&fa);
        return -ENOMEM;
    }
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int r = program_place(&fa, in, 0);
    if (r == 0)
        r = program_place(&fa, p->out ? out : p->out_fd, 1);
    if (r == 0 && p->err)
        r = program_place(&fa, err, 2);
    if (r == 0) /* what our own caller left open is not its business */
        r = posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    if (r == 0)
        r = posix_spawnp(pid, p->argv[0], &fa, &at, (char *const *)(uintptr_t)p->argv,
                         p->env ? (char *const *)(uintptr_t)p->env : environ);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    return -r;
}

static void program_feed(const struct program *p, struct running *k) {
    ssize_t n =
        send(k->in, (const char *)p->input + k->written, p->input_len - k->written, MSG_NOSIGNAL);
    if (n > 0)
        k->written += (size_t)n;
    /* a program that does not want it all is its own affair */
    if ((n < 0 && errno != EAGAIN && errno != EINTR) || k->written == p->input_len)
        fd_close(&k->in);
}

/* 0, or the failure to keep what came. */
static int program_take(int *fd, struct str *to, bool drop) {
    char buf[16384];
    ssize_t n = read(*fd, buf, sizeof(buf));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        fd_close(fd);
        return 0;
    }
    int r = str_addn(to, buf, (size_t)n);
    return drop ? 0 : r;
}

static int program_talk(const struct program *p, struct running *k) {
    int r = 0;
    while (r == 0 && (k->in >= 0 || k->out >= 0 || k->err >= 0)) {
        struct pollfd v[3] = {{k->in, POLLOUT, 0}, {k->out, POLLIN, 0}, {k->err, POLLIN, 0}};
        if (poll(v, 3, -1) < 0 && errno != EINTR)
            return -errno;
        if (v[0].revents)
            program_feed(p, k);
        if (v[1].revents)
            r = program_take(&k->out, p->out, false);
        if (v[2].revents && r == 0)
            r = program_take(&k->err, p->err, true);
    }
    return r;
}

static int program_wait(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int program_run(const struct program *p, int *ret_status, struct err *e) {
    AUTO_FD int in = -1;
    AUTO_FD int out = -1;
    AUTO_FD int err = -1;
    struct running k = {-1, -1, -1, 0};
    pid_t pid = -1;
    int r = program_input(p->input != NULL, &k.in, &in);
    if (r == 0)
        r = program_pipe(p->out != NULL, &k.out, &out);
    if (r == 0)
        r = program_pipe(p->err != NULL, &k.err, &err);
    if (r == 0)
        r = program_spawn(p, in, out, err, &pid);
    fd_close(&in);
    fd_close(&out);
    fd_close(&err);
    if (r == 0)
        r = program_talk(p, &k);
    fd_close(&k.in);
    fd_close(&k.out);
    fd_close(&k.err);
    if (pid > 0 && r < 0)
        kill(pid, SIGKILL);
    int status = pid > 0 ? program_wait(pid) : 0;
    if (r == -ENOENT && pid < 0)
        return err_set(e, ERR_UNAVAILABLE, r, "the program %s is not installed", p->argv[0]);
    if (r < 0)
        return err_sysn(e, r, "cannot run %s", p->argv[0]);
    *ret_status = status;
    return 0;
}

const char *program_last_line(const struct str *text, char *out, size_t size) {
    const char *s = str_c(text);
    size_t end = text->len;
    while (end > 0 && (s[end - 1] == '\n' || s[end - 1] == '\r' || s[end - 1] == ' '))
        end--;
    size_t from = end;
    while (from > 0 && s[from - 1] != '\n')
        from--;
    size_t n = MIN_OF(end - from, size - 1);
    memcpy(out, s + from, n);
    out[n] = '\0';
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return out;
}
