/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend of tests: the plan's command as an ordinary child, without namespaces, mounts or
 * rights. It parks, starts, execs and ends as a container does, so that engine and monitor can be
 * tested without root.
 */
#include "machine/machine.h"
#include "machine/plan_format.h"

#include "base/io.h"
#include "sys/pidref.h"
#include "sys/tty.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define FAKE_EXECS 32

struct fake {
    int sock; /* parked child; -1 */
    bool reaped;
    size_t n_execs;
    pid_t execs[FAKE_EXECS]; /* the latest ones: they end with the box */
};
_Static_assert(sizeof(struct fake) <= sizeof(((struct machine *)0)->room), "machine.room");

static struct fake *fake_of(struct machine *m) {
    return m->priv;
}

static char **fake_vector(const struct plan *p, uint32_t ref) {
    uint32_t n;
    const uint32_t *v = plan_list(p, ref, &n);
    char **out = mmap(NULL, (n + 1) * sizeof(char *), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (out == MAP_FAILED)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        out[i] = (char *)(uintptr_t)plan_str(p, v[i]);
    return out;
}

static _Noreturn void fake_child(const struct plan *p, const struct machine_stdio *io, int sock,
                                 int slave) {
    uint32_t n;
    const struct plan_step *s = plan_steps(p, PLAN_INIT, &n);
    struct err e = {0};
    char go;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd[3];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    if (slave >= 0)
        tty_make_controlling(slave);
    for (int i = 0; i < 3; i++) {
        int from = slave >= 0 ? slave : io->fd[i] >= 0 ? io->fd[i] : null;
        fd[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
    }
    for (int i = 0; i < 3; i++)
        dup2(fd[i], i);
    if (recv(sock, &go, 1, 0) != 1)
        _exit(125);
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].op != PLAN_EXEC)
            continue;
        char **argv = fake_vector(p, s[i].ref[0]), **envp = fake_vector(p, s[i].ref[1]);
        if (argv && envp)
            execvpe(argv[0], argv, envp);
        err_set(&e, errno == ENOENT ? ERR_CMD_NOT_FOUND : ERR_CMD_NOT_EXEC, -errno,
                "exec: \"%s\": %s", argv ? argv[0] : "",
                errno == ENOENT ? "executable file not found in $PATH" : strerror(errno));
    }
    (void)!write(sock, &e, sizeof(e));
    _exit(125);
}

static int fake_spawn(const struct plan *p, const struct machine_stdio *io, pid_t *pid,
                      int *exit_fd, int *console, int *sock, struct err *e) {
    int ends[2];
    AUTO_FD int master = -1;
    AUTO_FD int slave = -1;
    int r = plan_has_terminal(p) ? tty_open_pty(AT_FDCWD, "/dev/ptmx", &master, &slave) : 0;
    if (r < 0)
        return err_sysn(e, r, "cannot open a terminal");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(e, "socketpair");
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        fake_child(p, io, ends[1], slave);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return err_sys(e, "fork");
    }
    *pid = child;
    *exit_fd = pidref_open(child);
    *sock = ends[0];
    *console = TAKE_FD(master);
    return *exit_fd < 0 ? err_sysn(e, *exit_fd, "pidfd_open") : 0;
}

/* Release a parked child and wait for its execve. */
static int fake_release(int *sock, struct err *e) {
    struct err said;
    ssize_t n = -1;
    if (send(*sock, "g", 1, MSG_NOSIGNAL) == 1)
        n = io_read_full(*sock, &said, sizeof(said));
    fd_close(sock);
    if (n == (ssize_t)sizeof(said)) {
        *e = said;
        return said.code ? said.code : -EIO;
    }
    return n == 0 ? 0 : err_set(e, ERR_INTERNAL, -ECHILD, "the task died before it was started");
}

static int fake_probe(struct err *e) {
    return 0;
}

static int fake_open(struct machine *m, const struct plan *plan, const struct machine_stdio *io,
                     struct err *e) {
    struct fake *f = (struct fake *)(void *)m->room;
    *f = (struct fake){.sock = -1};
    m->priv = f;
    return fake_spawn(plan, io, &m->pid, &m->exit_fd, &m->console, &f->sock, e);
}

static int fake_nothing(struct machine *m, struct err *e) {
    return 0;
}

static int fake_start(struct machine *m, struct err *e) {
    return fake_release(&fake_of(m)->sock, e);
}

static int fake_exec(struct machine *m, const struct plan *exec_plan,
                     const struct machine_stdio *io, struct machine_exec *ret, struct err *e) {
    struct machine_exec x = {.exit_fd = -1, .console = -1};
    int sock = -1, code, signo;
    int r = fake_spawn(exec_plan, io, &x.pid, &x.exit_fd, &x.console, &sock, e);
    if (r == 0)
        r = fake_release(&sock, e);
    if (r < 0) {
        if (x.exit_fd >= 0)
            pidref_reap(x.exit_fd, &code, &signo);
        fd_close(&x.exit_fd);
        fd_close(&x.console);
        return r;
    }
    struct fake *f = fake_of(m);
    f->execs[f->n_execs++ % FAKE_EXECS] = x.pid;
    *ret = x;
    return 0;
}

static int fake_signal(struct machine *m, int signo, bool all, struct err *e) {
    /* a session of its own: its group is the nearest thing to "all" */
    int r = all ? kill(-m->pid, signo) < 0 ? -errno : 0 : pidref_signal(m->exit_fd, signo);
    if (r == -ESRCH)
        return err_set(e, ERR_CONFLICT, r, "the container has stopped");
    return r < 0 ? err_sysn(e, r, "cannot send signal %d", signo) : 0;
}

static int fake_freeze(struct machine *m, bool frozen, struct err *e) {
    return fake_signal(m, frozen ? SIGSTOP : SIGCONT, true, e);
}

static int fake_stats(struct machine *m, struct machine_stats *ret, struct err *e) {
    *ret = (struct machine_stats){.pids = 1, .memory_limit = UINT64_MAX, .pids_limit = UINT64_MAX};
    return 0;
}

/* What the end of a pid namespace does. The dead leader still holds its number, so that the group
 * is surely its own. */
static void fake_kill_rest(struct machine *m) {
    struct fake *f = fake_of(m);
    kill(-m->pid, SIGKILL);
    for (size_t i = 0; i < MIN_OF(f->n_execs, (size_t)FAKE_EXECS); i++)
        kill(-f->execs[i], SIGKILL);
}

static int fake_reap(struct machine *m, struct machine_exit *ret, struct err *e) {
    struct machine_exit x = {0};
    fake_kill_rest(m);
    int r = pidref_reap(m->exit_fd, &x.code, &x.signal);
    if (r < 0)
        return err_sysn(e, r, "cannot collect the exit code");
    fake_of(m)->reaped = true;
    *ret = x;
    return 0;
}

static int fake_remove(struct machine *m, struct err *e) {
    struct fake *f = fake_of(m);
    int code, signo;
    if (!f)
        return 0;
    fd_close(&f->sock);
    if (m->exit_fd >= 0 && !f->reaped) {
        fake_kill_rest(m);
        pidref_kill(m->exit_fd, 10000);
        pidref_reap(m->exit_fd, &code, &signo);
        f->reaped = true;
    }
    fd_close(&m->exit_fd);
    return 0;
}

const struct machine_ops machine_fake_ops = {
    .name = "fake",
    .probe = fake_probe,
    .open = fake_open,
    .boot = fake_nothing,
    .create = fake_nothing,
    .start = fake_start,
    .exec = fake_exec,
    .signal = fake_signal,
    .freeze = fake_freeze,
    .stats = fake_stats,
    .reap = fake_reap,
    .remove = fake_remove,
    .halt = fake_nothing,
};
