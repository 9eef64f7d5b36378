/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/hook.h"

#include "base/io.h"
#include "machine/container/apply.h"
#include "machine/machine.h"
#include "sys/pidref.h"
#include "sys/syscalls.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define HOOK_STACK (16 * 1024)
#define HOOK_SHOWN 150 /* bytes of output told in an error */
#define HOOK_FILE_MODE 0600

static const char *const hook_names[PLAN_HOOK_COUNT] = {
    [PLAN_HOOK_PRESTART] = "prestart",         [PLAN_HOOK_RUNTIME] = "createRuntime",
    [PLAN_HOOK_CONTAINER] = "createContainer", [PLAN_HOOK_START] = "startContainer",
    [PLAN_HOOK_POSTSTART] = "poststart",       [PLAN_HOOK_POSTSTOP] = "poststop",
};

/* --- the state ---------------------------------------------------------------------------------
 */

void hook_state(const struct hook_world *w, struct hook_text *ret) {
    ret->piece[0] = plan_str(w->plan, w->state->ref[0]);
    ret->piece[1] = ret->middle;
    ret->piece[2] = plan_str(w->plan, w->state->ref[1]);
    if (w->pid > 0)
        snprintf(ret->middle, sizeof(ret->middle), "%s\",\"pid\":%d", w->status, (int)w->pid);
    else
        snprintf(ret->middle, sizeof(ret->middle), "%s\"", w->status);
}

/* Memory that reads like a file: nobody waits for a hook that does not read it. */
static int hook_stdin(const struct hook_world *w) {
    struct hook_text t;
    AUTO_FD int fd = memfd_create("state", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    hook_state(w, &t);
    for (size_t i = 0; i < ARRAY_SIZE(t.piece); i++) {
        int r = io_write_all(fd, t.piece[i], strlen(t.piece[i]));
        if (r < 0)
            return r;
    }
    return lseek(fd, 0, SEEK_SET) < 0 ? -errno : TAKE_FD(fd);
}

int hook_output(const struct plan *p, const struct plan_step *state, int which) {
    const char *path = plan_str(p, state->ref[2 + which]);
    int fd =
        path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, HOOK_FILE_MODE) : 0;
    return !path ? -1 : fd < 0 ? -errno : fd;
}

/* --- the process -------------------------------------------------------------------------------
 */

struct hook_process {
    const struct hook_world *w;
    const char *path;
    char **argv, **envp;
    int fd[3];
    int failed; /* what kept it from starting */
};

/* Runs in the caller's memory, with the caller asleep. It never returns: a sanitizer would take
 * what it notes about this frame for the caller's. */
__attribute__((no_sanitize_address)) static int hook_child(void *data) {
    struct hook_process *p = data;
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i < 32; i++)
        sigaction(i, &dfl, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < 3; i++) {
        if (dup2(p->fd[i], i) < 0)
            p->failed = errno;
    }
    if (p->w->dir >= 0 && fchdir(p->w->dir) < 0)
        p->failed = errno;
    if (p->w->clean)
        umask(022);
    if (!p->failed) {
        sys_close_range(3, ~0U, 0);
        execve(p->path, p->argv, p->envp);
        p->failed = errno;
    }
    _exit(127);
}

/* Above 2, where dup2 finds it wherever it goes. */
static int hook_high(int fd) {
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return high < 0 ? -errno : high;
}

/* Pidfd of the started hook, or -errno; p->failed when it could not become its program. */
static int hook_spawn(struct hook_process *p) {
    _Alignas(16) char stack[HOOK_STACK];
    int pidfd = -1, code, signo;
    pid_t pid = clone(hook_child, stack + sizeof(stack),
                      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, p, &pidfd);
    if (pid < 0)
        return -errno;
    if (!p->failed)
        return pidfd;
    pidref_reap(pidfd, &code, &signo);
    close(pidfd);
    return -p->failed;
}

/* --- waiting -----------------------------------------------------------------------------------
 */

struct hook_wait {
    int pidfd;
    int pipe[2]; /* its output and errors; -1 */
    size_t len[2];
    char text[2][HOOK_SHOWN + 1];
    bool late;
};

/* One line of what can be printed. */
static void hook_listen(struct hook_wait *h, int i) {
    char buf[512];
    ssize_t n = read(h->pipe[i], buf, sizeof(buf));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        fd_close(&h->pipe[i]);
    for (ssize_t k = 0; k < n && h->len[i] < HOOK_SHOWN; k++)
        h->text[i][h->len[i]++] = buf[k] == '\n' ? ' ' : buf[k] < ' ' && buf[k] >= 0 ? '?' : buf[k];
    h->text[i][h->len[i]] = 0;
}

static int64_t hook_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void hook_wait(struct hook_wait *h, int64_t seconds) {
    int64_t end = seconds > 0 ? hook_now_ms() + seconds * 1000 : 0;
    for (;;) {
        struct pollfd p[3] = {{.fd = h->pidfd, .events = POLLIN},
                              {.fd = h->pipe[0], .events = POLLIN},
                              {.fd = h->pipe[1], .events = POLLIN}};
        int64_t left = end ? end - hook_now_ms() : -1;
        if (end && left <= 0 && !h->late) {
            h->late = true;
            pidref_signal(h->pidfd, SIGKILL);
        }
        int r = poll(p, 3, !end || h->late ? -1 : (int)MIN_OF(left, (int64_t)INT_MAX));
        for (int i = 0; i < 2; i++) {
            if (h->pipe[i] >= 0 && (r < 0 || p[1 + i].revents || p[0].revents))
                hook_listen(h, i);
        }
        if (r > 0 && p[0].revents)
            return;
    }
}

static int hook_fail(struct hook_wait *h, int code, int signo, struct err *e) {
    static const char *const words[] = {
        [SIGHUP] = "hangup",      [SIGINT] = "interrupt",       [SIGQUIT] = "quit",
        [SIGABRT] = "aborted",    [SIGKILL] = "killed",         [SIGSEGV] = "segmentation fault",
        [SIGTERM] = "terminated", [SIGSYS] = "bad system call", [SIGPIPE] = "broken pipe",
    };
    const char *word = signo > 0 && signo < (int)ARRAY_SIZE(words) ? words[signo] : NULL;
    char how[48];
    for (int i = 0; i < 2; i++) {
        while (h->len[i] && h->text[i][h->len[i] - 1] == ' ')
            h->text[i][--h->len[i]] = 0;
    }
    if (word)
        snprintf(how, sizeof(how), "signal: %s", word);
    else if (signo)
        snprintf(how, sizeof(how), "signal: %d", signo);
    else
        snprintf(how, sizeof(how), "exit status %d", code);
    return err_set(e, ERR_INTERNAL, -ECANCELED, "error running hook: %s, stdout: %s, stderr: %s",
                   how, h->text[0], h->text[1]);
}

static int hook_result(struct hook_wait *h, int64_t seconds, struct err *e) {
    int code = 0, signo = 0;
    int r = pidref_reap(h->pidfd, &code, &signo);
    if (r < 0)
        return err_sysn(e, r, "cannot collect the hook");
    if (h->late)
        return err_set(e, ERR_INTERNAL, -ETIMEDOUT,
                       "hook ran past specified timeout of %lld.0s: it was killed",
                       (long long)seconds);
    return code ? hook_fail(h, code, signo, e) : 0;
}

/* --- one hook ----------------------------------------------------------------------------------
 */

/* Where its output goes: a file, or a pipe of which we keep the other end. */
static int hook_sink(int file, int *ours, int *theirs) {
    int p[2];
    *ours = -1;
    if (file >= 0) {
        *theirs = hook_high(file);
        return *theirs < 0 ? *theirs : 0;
    }
    if (pipe2(p, O_CLOEXEC) < 0)
        return -errno;
    *ours = p[0];
    *theirs = hook_high(p[1]);
    close(p[1]);
    if (*theirs < 0)
        return *theirs;
    return fcntl(p[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int hook_start(struct hook_process *p, struct hook_wait *h) {
    AUTO_FD int state = hook_stdin(p->w);
    AUTO_FD int in = state < 0 ? -1 : hook_high(state);
    AUTO_FD int out = -1, err = -1;
    int r = state < 0 ? state : in < 0 ? in : 0;
    if (r == 0)
        r = hook_sink(p->w->out, &h->pipe[0], &out);
    if (r == 0)
        r = hook_sink(p->w->err, &h->pipe[1], &err);
    if (r < 0)
        return r;
    p->fd[0] = in;
    p->fd[1] = out;
    p->fd[2] = err;
    return hook_spawn(p);
}

static char **hook_env(const struct hook_world *w, const struct plan_step *s, size_t *len) {
    if (!s->ref[2] && s->num[0] != PLAN_HOOK_START)
        return environ;
    char **given = apply_vector(w->plan, s->ref[2], len);
    if (!given || !(s->flags & PLAN_FIND_HOME))
        return given;
    size_t given_len = *len;
    char **all = apply_with_home(given, len);
    munmap(given, given_len);
    return all;
}

int hook_run(const struct hook_world *w, const struct plan_step *s, uint32_t n, struct err *e) {
    struct hook_wait h = {.pidfd = -1, .pipe = {-1, -1}};
    struct hook_process p = {.w = w, .path = plan_str(w->plan, s->ref[0])};
    const char *name = hook_names[s->num[0] < PLAN_HOOK_COUNT ? s->num[0] : 0];
    size_t argv_len = 0, envp_len = 0;
    p.argv = apply_vector(w->plan, s->ref[1], &argv_len);
    p.envp = hook_env(w, s, &envp_len);
    int r = p.argv && p.envp ? 0 : -ENOMEM;
    if (r == 0) {
        h.pidfd = hook_start(&p, &h);
        r = h.pidfd < 0 ? h.pidfd : 0;
    }
    if (r < 0) {
        err_sysn(e, r, "fork/exec %s", p.path);
    } else {
        hook_wait(&h, (int64_t)s->num[1]);
        r = hook_result(&h, (int64_t)s->num[1], e);
    }
    fd_close(&h.pidfd);
    fd_close(&h.pipe[0]);
    fd_close(&h.pipe[1]);
    if (p.argv)
        munmap(p.argv, argv_len);
    if (p.envp && p.envp != environ)
        munmap(p.envp, envp_len);
    return r < 0 ? err_wrap(e, "error running %s hook #%u (%s)", name, n, p.path) : 0;
}

/* --- those of the runtime ----------------------------------------------------------------------
 */

int machine_hooks(const struct plan *p, enum plan_hook point, const char *status, pid_t pid,
                  machine_warn_fn *warn, void *data, struct err *e) {
    uint32_t n, at = 0;
    const struct plan_step *s = plan_steps(p, PLAN_HOOKS, &n);
    struct hook_world w = {
        .plan = p, .status = status, .pid = pid, .dir = -1, .out = -1, .err = -1};
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        if (s[i].op == PLAN_STATE)
            w.state = &s[i];
        if (s[i].op != PLAN_HOOK || s[i].num[0] != point || !w.state)
            continue;
        if (at == 0) {
            w.out = hook_output(p, w.state, 0);
            w.err = hook_output(p, w.state, 1);
        }
        r = hook_run(&w, &s[i], at++, e);
        if (r < 0 && warn) {
            warn(data, e);
            r = 0;
        }
    }
    fd_close(&w.out);
    fd_close(&w.err);
    return r;
}
