/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's side of every job of this module: one helper process does it all, so that root and
 * rootless take the same road and no thread ever lives in the caller.
 */
#pragma once

#include "registry/job.h"

#include "base/str.h"

struct helper_task {
    const char *what;          /* "pull", "push": for messages */
    const struct store *store; /* its descriptors stay open; may be NULL */
    int userns_fd;             /* rootless: join it; -1 = make one when not root */
    bool no_userns;            /* files of subordinate ids are not touched: stay as we are */
    int fds[3];                /* further descriptors that stay open; -1 = none */
    /* In the helper, on a thread of its own. `result` has room for JOB_RESULT_MAX bytes, zeroed. */
    int (*work)(struct job *j, const void *rq, void *result, struct err *e);
    const void *rq;
    void (*progress)(const struct pull_progress *p, void *data); /* in the caller; may be NULL */
    void *data;
};

/* `result` gets its first `size` bytes; `reply` (may be NULL) what the work wrote to job->reply. */
int helper_run(const struct helper_task *t, void *result, size_t size, struct str *reply,
               struct err *e);
