/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/job.h"

#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

int job_init(struct job *j, int sock, int reply, struct err *e) {
    pthread_condattr_t attr;
    *j = (struct job){.sock = sock, .reply = reply};
    int r = pthread_mutex_init(&j->mutex, NULL);
    if (r == 0)
        r = pthread_condattr_init(&attr);
    if (r == 0)
        r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (r == 0)
        r = pthread_cond_init(&j->changed, &attr);
    return r ? err_sysn(e, r, "cannot prepare the transfer") : 0;
}

void job_cancel(struct job *j, const struct err *why) {
    pthread_mutex_lock(&j->mutex);
    if (!j->cancelled) {
        j->cancelled = true;
        j->why = *why;
    }
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->mutex);
}

bool job_cancelled(struct job *j) {
    pthread_mutex_lock(&j->mutex);
    bool yes = j->cancelled;
    pthread_mutex_unlock(&j->mutex);
    return yes;
}

bool job_stop(void *job) {
    return job_cancelled(job);
}

int job_wait(void *job, unsigned ms) {
    struct job *j = job;
    struct timespec until;
    int r = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&j->mutex);
    while (!j->cancelled && r == 0)
        r = pthread_cond_timedwait(&j->changed, &j->mutex, &until);
    bool cancelled = j->cancelled;
    pthread_mutex_unlock(&j->mutex);
    return cancelled ? -ECANCELED : 0;
}

void job_tell(struct job *j, const struct job_message *m) {
    ssize_t n;
    do
        n = send(j->sock, m, sizeof(*m), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return;
    struct err gone;
    err_set(&gone, ERR_INTERNAL, -ECANCELED, "nobody waits for this any more");
    job_cancel(j, &gone);
}

void job_progress(struct job *j, const struct digest *blob, enum pull_phase phase, uint64_t done,
                  uint64_t total) {
    struct job_message m = {.word = JOB_PROGRESS};
    m.progress.phase = phase;
    m.progress.done = done;
    m.progress.total = total;
    snprintf(m.progress.layer, sizeof(m.progress.layer), "%.12s", digest_hex(blob));
    job_tell(j, &m);
}
