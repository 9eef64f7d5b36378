/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --init: PID 1 of the box is this code. It starts the command as a child in a process group of
 * its own, passes signals on to it, collects what dies, and leaves with the command's exit code.
 */
#include "machine/container/apply.h"

#include "sys/syscalls.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>

static const int init_not_forwarded[] = {SIGCHLD, SIGKILL, SIGSTOP, SIGTTIN, SIGTTOU, SIGFPE,
                                         SIGILL,  SIGSEGV, SIGBUS,  SIGABRT, SIGTRAP, SIGSYS};

static void init_signals(sigset_t *waited) {
    sigfillset(waited);
    for (size_t i = 0; i < ARRAY_SIZE(init_not_forwarded); i++) {
        if (init_not_forwarded[i] != SIGCHLD)
            sigdelset(waited, init_not_forwarded[i]);
    }
    sigaddset(waited, SIGTTIN);
    sigaddset(waited, SIGTTOU);
}

/* Collect the dead. True when the command is among them. */
static bool init_reap(pid_t command, int *code) {
    int status;
    pid_t pid;
    bool over = false;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != command)
            continue;
        over = true;
        *code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return over;
}

static bool init_forwards(int signo) {
    for (size_t i = 0; i < ARRAY_SIZE(init_not_forwarded); i++) {
        if (init_not_forwarded[i] == signo)
            return false;
    }
    return true;
}

static int init_child(struct apply *a, int (*run)(struct apply *a, const struct plan_step *s),
                      const struct plan_step *s, const sigset_t *old) {
    setpgid(0, 0);
    tcsetpgrp(0, getpid()); /* no terminal: no harm */
    sigprocmask(SIG_SETMASK, old, NULL);
    return run(a, s);
}

int init_main(struct apply *a, int (*run)(struct apply *a, const struct plan_step *s),
              const struct plan_step *s, int *exit_code) {
    sigset_t waited, old;
    init_signals(&waited);
    sigprocmask(SIG_BLOCK, &waited, &old);
    prctl(PR_SET_NAME, "init"); /* before the command can look; execve gives it its own */
    pid_t command = fork();
    if (command < 0)
        return err_sys(a->e, "cannot start the command");
    if (command == 0)
        return init_child(a, run, s, &old);
    a->sock = -1; /* the command's copy alone tells when execve has happened */
    sys_close_range(3, ~0U, 0);
    for (;;) {
        siginfo_t si;
        int signo = sigwaitinfo(&waited, &si);
        if (signo == SIGCHLD && init_reap(command, exit_code))
            return 0;
        if (signo > 0 && init_forwards(signo))
            kill(command, signo);
    }
}
