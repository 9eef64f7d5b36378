/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/pull.h"

#include "base/io.h"
#include "registry/transfer.h"
#include "sys/userns.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- in the helper -------------------------------------------------------------------------- */

struct helper {
    struct job job;
    int done; /* eventfd: the transfer has ended */
    struct job_message end;
};

static void *helper_thread(void *data) {
    struct helper *h = data;
    uint64_t one = 1;
    struct pull_result result;
    struct err e;
    memset(&h->end, 0, sizeof(h->end));
    if (transfer_run(&h->job, &result, &e) == 0) {
        h->end.word = JOB_DONE;
        h->end.result = result;
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
    err_set(&e, ERR_INTERNAL, -ECANCELED, "the pull was interrupted");
    job_cancel(&h->job, &e);
}

/* Wait for the transfer; a signal makes it clean up and end early. */
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
static void helper_close_others(const struct pull_request *rq, int sock, int userns) {
    const struct store *s = rq->store;
    int keep[] = {0, 1, 2, s->rootfd, s->layersfd, s->imagesfd, s->refsfd, s->tmpfd, sock, userns};
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

static int helper_work(struct helper *h, const struct pull_request *rq, int sock, int userns,
                       struct err *e) {
    sigset_t set;
    pthread_t thread;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* threads inherit it */
    umask(022);
    helper_close_others(rq, sock, userns);
    int r = userns >= 0 ? userns_join(userns) : 0;
    if (r < 0)
        return err_sysn(e, r, "cannot enter the user namespace");
    /* After the namespace: changing credentials forgets it. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    r = job_init(&h->job, rq, sock, e);
    if (r < 0)
        return r;
    AUTO_FD int sigfd = signalfd(-1, &set, SFD_CLOEXEC);
    h->done = eventfd(0, EFD_CLOEXEC);
    if (sigfd < 0 || h->done < 0)
        return err_sys(e, "cannot prepare the pull");
    r = pthread_create(&thread, NULL, helper_thread, h);
    if (r)
        return err_sysn(e, r, "cannot start a thread");
    r = helper_watch(h, sigfd, e);
    if (r == 0)
        pthread_join(thread, NULL);
    return r;
}

_Noreturn static void helper_main(const struct pull_request *rq, int sock, int userns,
                                  pid_t caller) {
    struct helper h = {.done = -1};
    struct err e;
    int r = helper_work(&h, rq, sock, userns, &e);
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
static int pull_listen(const struct pull_request *rq, int sock, struct pull_result *ret,
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
            if (rq->progress)
                rq->progress(&m.progress, rq->data);
            break;
        case JOB_DONE:
            *ret = m.result;
            return 0;
        case JOB_FAILED:
            *e = m.e;
            return e->code;
        }
    }
}

static int pull_reap(pid_t pid, int r, struct err *e) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (r != -EPIPE)
        return r;
    if (WIFSIGNALED(status))
        return err_set(e, ERR_INTERNAL, -ECHILD,
                       "the process that pulls was killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    return err_set(e, ERR_INTERNAL, -ECHILD, "the process that pulls ended without a word");
}

/* The user's namespace: given, or made for this pull. -1 for root. */
static int pull_userns(const struct pull_request *rq, int *ret_own, int *ret, struct err *e) {
    struct userns_maps maps;
    *ret = rq->userns_fd;
    if (*ret >= 0 || geteuid() == 0)
        return 0;
    int r = userns_maps_read(&maps, e);
    if (r == 0)
        r = userns_create(&maps, ret_own, e);
    if (r == 0)
        *ret = *ret_own;
    return r;
}

int pull_image(const struct pull_request *rq, struct pull_result *ret, struct err *e) {
    AUTO_FD int own = -1;
    AUTO_FD int mine = -1;
    int userns = -1, pair[2];
    int r = pull_userns(rq, &own, &userns, e);
    if (r < 0)
        return r;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socketpair");
    mine = pair[0];
    pid_t caller = getpid(), pid = fork();
    if (pid == 0) {
        close(pair[0]);
        helper_main(rq, pair[1], userns, caller);
    }
    close(pair[1]);
    if (pid < 0)
        return err_sys(e, "cannot start the process that pulls");
    r = pull_listen(rq, mine, ret, e);
    return pull_reap(pid, r, e);
}
