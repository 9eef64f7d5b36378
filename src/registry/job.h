/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One piece of work, as the threads of the helper process share it: whether to go on, and what to
 * tell.
 *
 * The helper tells its caller by messages on a SOCK_SEQPACKET socket: progress, then one end.
 */
#pragma once

#include "registry/registry.h"

#include <pthread.h>

#define JOB_RESULT_MAX 1024

enum job_word { JOB_PROGRESS, JOB_DONE, JOB_FAILED };

struct job_message {
    enum job_word word;
    union {
        struct pull_progress progress;
        unsigned char result[JOB_RESULT_MAX]; /* what the work is asked for, as it is in memory */
        struct err e;
    };
};

struct job {
    int sock;
    int reply; /* results of any length, as the caller reads them; -1 = none wanted */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* monotonic clock */
    bool cancelled;
    struct err why; /* the first failure */
};

int job_init(struct job *j, int sock, int reply, struct err *e);
/* Stop everything; the first reason counts. */
void job_cancel(struct job *j, const struct err *why);
bool job_cancelled(struct job *j);
/* The shapes that struct session wants. */
bool job_stop(void *job);
int job_wait(void *job, unsigned ms);
/* Tell the caller; a caller that is gone cancels the job. */
void job_tell(struct job *j, const struct job_message *m);
/* Progress of one blob. */
void job_progress(struct job *j, const struct digest *blob, enum pull_phase phase, uint64_t done,
                  uint64_t total);
