/* SPDX-License-Identifier: Apache-2.0 */
/* exit.json: how the box ended. Written by rename, once, before the lock is released. */
#pragma once

#include "base/err.h"

struct mon_exit {
    int code;
    bool oom_killed;
    int64_t started_ns, finished_ns;
    char error[400];
};

int mon_write_exit(int dirfd, const struct mon_exit *x); /* also used by the sweep */
