/* SPDX-License-Identifier: Apache-2.0 */
/* A process held by descriptor, so that its number cannot come to mean another one. Musl-safe. */
#pragma once

#include "base/c.h"

/* pidfd or -errno (-ESRCH). */
int pidref_open(pid_t pid);
/* pidfd of the process that has this number and start time, else -ESRCH. */
int pidref_open_started(pid_t pid, uint64_t start);
/* /proc/PID/stat field 22, in clock ticks since boot. */
int pidref_start_time(pid_t pid, uint64_t *ret);
/* Is the process of this number and start time there, and no zombie? */
bool pidref_is_alive(pid_t pid, uint64_t start);
int pidref_signal(int pidfd, int signo);
/* SIGKILL and wait until it is gone (a zombie counts as gone). -ETIMEDOUT. */
int pidref_kill(int pidfd, int timeout_ms);
/* Has our child been collected already (or was it never ours)? */
bool pidref_is_collected(int pidfd);
/* Collect our own child: shell-like code (128 + signal). -ECHILD when it is no child of ours. */
int pidref_reap(int pidfd, int *code, int *signo);
