/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock file: an open-file-description lock says "alive", its text says who and since when.
 * The text has a fixed length and is written by one pwrite, so that no reader sees half of it.
 */
#pragma once

#include "base/err.h"

struct mon_live {
    bool running; /* lock held */
    pid_t monitor_pid;
    pid_t pid;          /* init on the host (monitor's pid namespace) */
    uint64_t pid_start; /* /proc/PID/stat field 22, against pid reuse */
    int64_t started_ns; /* Unix time; 0 = not yet started */
    bool paused;
    bool was_started; /* a monitor has written here, and wipes it when all is taken down: unlocked =
                       * it crashed, or could not undo everything */
};

#define LIVE_TEXT_MAX 160

/* Create or open dirfd/"lock" and take it. fd, or -EAGAIN when another monitor holds it. */
int live_lock(int dirfd);
/* Rewrite the text in place. 0 or -errno. */
int live_write(int fd, const struct mon_live *live);
/* Text → value; `running` stays as it is. 0 or -EINVAL. Fuzzed. */
int live_parse(const char *text, size_t len, struct mon_live *ret);
/* Start time of a process from /proc/PID/stat; 0 when it is gone. */
uint64_t live_pid_start(pid_t pid);
