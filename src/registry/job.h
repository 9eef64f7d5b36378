/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pull, as the threads of the helper process share it: whether to go on, and what to tell.
 *
 * The helper tells its caller by messages on a SOCK_SEQPACKET socket: progress, then one end.
 */
#pragma once

#include "registry/registry.h"

#include <pthread.h>

enum job_word { JOB_PROGRESS, JOB_DONE, JOB_FAILED };

struct job_message {
    enum job_word word;
    union {
        struct pull_progress progress;
        struct pull_result result;
        struct err e;
    };
};

struct job {
    const struct pull_request *rq;
    int sock;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* monotonic clock */
    bool cancelled;
    struct err why; /* the first failure */
};

int job_init(struct job *j, const struct pull_request *rq, int sock, struct err *e);
/* Stop everything; the first reason counts. */
void job_cancel(struct job *j, const struct err *why);
bool job_cancelled(struct job *j);
/* The shapes that struct session wants. */
bool job_stop(void *job);
int job_wait(void *job, unsigned ms);
/* Tell the caller; a caller that is gone cancels the job. */
void job_tell(struct job *j, const struct job_message *m);
