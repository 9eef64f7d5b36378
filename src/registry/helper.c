/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/helper.h"

#include "base/io.h"
#include "sys/userns.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- in the helper -------------------------------------------------------------------------- */

struct helper {
    const struct helper_task *task;
    struct job job;
    int done; /* eventfd: the work has ended */
    struct job_message end;
};

static void *helper_thread(void *data) {
    struct helper *h = data;
    uint64_t one = 1;
    struct err e;
    memset(&h->end, 0, sizeof(h->end));
    err_clear(&e);
    if (h->task->work(&h->job, h->task->rq, h->end.result, &e) == 0) {
        h->end.word = JOB_DONE;
    } else {
        h->end.word = JOB_FAILED;
        h->end.e = e;
    }
    (void)io_write_all(h->done, &one, sizeof(one));
    return NULL;
}

static void helper_interrupted(struct helper *h, int sigfd) {
    struct signalfd_siginfo info;
    struct err e;
    if (io_read_full(sigfd, &info, sizeof(info)) < 0)
        return;
    err_set(&e, ERR_INTERNAL, -ECANCELED, "the %s was interrupted", h->task->what);
    job_cancel(&h->job, &e);
}

/* Wait for the work; a signal makes it clean up and end early. */
static int helper_watch(struct helper *h, int sigfd, struct err *e) {
    struct pollfd fds[2] = {{h->done, POLLIN, 0}, {sigfd, POLLIN, 0}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (fds[0].revents)
            return 0;
        if (fds[1].revents)
            helper_interrupted(h, sigfd);
    }
}

static int helper_compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* The caller's other descriptors are none of our business: a copy of one of its locks or pipes here
 * would keep it held or open. */
static void helper_close_others(const struct helper_task *t, int sock, int reply, int userns) {
    static const struct store none = {
        .rootfd = -1, .layersfd = -1, .imagesfd = -1, .refsfd = -1, .tmpfd = -1};
    const struct store *s = t->store ? t->store : &none;
    int keep[] = {0,        1,    2,     s->rootfd, s->layersfd, s->imagesfd, s->refsfd,
                  s->tmpfd, sock, reply, userns,    t->fds[0],   t->fds[1],   t->fds[2]};
    qsort(keep, ARRAY_SIZE(keep), sizeof(*keep), helper_compare);
    unsigned from = 0;
    for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
        if (keep[i] < 0)
            continue;
        unsigned fd = (unsigned)keep[i];
        if (fd > from)
            close_range(from, fd - 1, 0);
        from = fd + 1;
    }
    close_range(from, ~0U, 0);
}

static int helper_work(struct helper *h, int sock, int reply, int userns, struct err *e) {
    sigset_t set;
    pthread_t thread;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* threads inherit it */
    umask(022);
    helper_close_others(h->task, sock, reply, userns);
    int r = userns >= 0 ? userns_join(userns) : 0;
    if (r < 0)
        return err_sysn(e, r, "cannot enter the user namespace");
    /* After the namespace: changing credentials forgets it. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    r = job_init(&h->job, sock, reply, e);
    if (r < 0)
        return r;
    AUTO_FD int sigfd = signalfd(-1, &set, SFD_CLOEXEC);
    h->done = eventfd(0, EFD_CLOEXEC);
    if (sigfd < 0 || h->done < 0)
        return err_sys(e, "cannot prepare the %s", h->task->what);
    r = pthread_create(&thread, NULL, helper_thread, h);
    if (r)
        return err_sysn(e, r, "cannot start a thread");
    r = helper_watch(h, sigfd, e);
    if (r == 0)
        pthread_join(thread, NULL);
    return r;
}

_Noreturn static void helper_main(const struct helper_task *t, int sock, int reply, int userns,
                                  pid_t caller) {
    struct helper h = {.task = t, .done = -1};
    struct err e;
    int r = helper_work(&h, sock, reply, userns, &e);
    if (r < 0) {
        h.end = (struct job_message){.word = JOB_FAILED};
        h.end.e = e;
    }
    if (getppid() == caller)
        (void)send(sock, &h.end, sizeof(h.end), MSG_NOSIGNAL);
    _exit(0);
}

/* --- in the caller -------------------------------------------------------------------------- */

/* Messages until the end. -EPIPE (no error filled) when the helper dies before. */
static int helper_listen(const struct helper_task *t, int sock, void *result, size_t size,
                         struct err *e) {
    for (;;) {
        struct job_message m;
        ssize_t n = recv(sock, &m, sizeof(m), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof(m))
            return -EPIPE;
        switch (m.word) {
        case JOB_PROGRESS:
            if (t->progress)
                t->progress(&m.progress, t->data);
            break;
        case JOB_DONE:
            if (size)
                memcpy(result, m.result, MIN_OF(size, sizeof(m.result)));
            return 0;
        case JOB_FAILED:
            *e = m.e;
            return e->code;
        }
    }
}

static int helper_reap(const struct helper_task *t, pid_t pid, int r, struct err *e) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (r != -EPIPE)
        return r;
    if (WIFSIGNALED(status))
        return err_set(e, ERR_INTERNAL, -ECHILD,
                       "the process that does the %s was killed by signal %d (%s)", t->what,
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    return err_set(e, ERR_INTERNAL, -ECHILD, "the process that does the %s ended without a word",
                   t->what);
}

/* The user's namespace: given, or made for this job. -1 for root. */
static int helper_userns(const struct helper_task *t, int *ret_own, int *ret, struct err *e) {
    struct userns_maps maps;
    *ret = t->no_userns ? -1 : t->userns_fd;
    if (*ret >= 0 || geteuid() == 0 || t->no_userns)
        return 0;
    int r = userns_maps_read(&maps, e);
    if (r == 0)
        r = userns_create(&maps, ret_own, e);
    if (r == 0)
        *ret = *ret_own;
    return r;
}

static int helper_read_reply(int fd, struct str *reply, struct err *e) {
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, "cannot read the answer");
    int r = io_read_fd(fd, reply);
    return r < 0 ? err_sysn(e, r, "cannot read the answer") : 0;
}

int helper_run(const struct helper_task *t, void *result, size_t size, struct str *reply,
               struct err *e) {
    AUTO_FD int own = -1;
    AUTO_FD int mine = -1;
    AUTO_FD int answer = -1;
    int userns = -1, pair[2];
    int r = helper_userns(t, &own, &userns, e);
    if (r < 0)
        return r;
    if (reply && (answer = memfd_create("hako-reply", MFD_CLOEXEC)) < 0)
        return err_sys(e, "memfd_create");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socketpair");
    mine = pair[0];
    pid_t caller = getpid(), pid = fork();
    if (pid == 0) {
        close(pair[0]);
        helper_main(t, pair[1], answer, userns, caller);
    }
    close(pair[1]);
    if (pid < 0)
        return err_sys(e, "cannot start the process that does the %s", t->what);
    r = helper_listen(t, mine, result, size, e);
    r = helper_reap(t, pid, r, e);
    return r == 0 && reply ? helper_read_reply(answer, reply, e) : r;
}
