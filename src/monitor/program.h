/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that a monitor runs: never the installed file, always a sealed copy in memory.
 *
 * A box may reach its first process's /proc/PID/exe (CVE-2019-5736), so what it finds there must
 * not be writable by anybody for ever. The copy costs as much memory as the program is long;
 * therefore monitors share one: a symlink "monitor" in the run directory names the pids of the last
 * few that were expected to live, and the /proc/PID/exe of one of them is run again. Nothing is
 * trusted in that: the file found must be sealed against every change and hold, byte for byte, what
 * the installed one holds.
 */
#pragma once

#include "base/c.h"

#define PROGRAM_LINK "monitor"

/* A sealed copy of monitor_fd, shared if possible. rundir ≤ 0: not shared. fd or -errno; *fresh:
 * nobody else has it. */
int program_open(int monitor_fd, int rundir, bool *fresh);
/* From now on that monitor's is the first to share. */
void program_offer(int rundir, pid_t monitor);
