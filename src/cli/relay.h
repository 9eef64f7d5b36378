/* SPDX-License-Identifier: Apache-2.0 */
/* Moving bytes between our standard streams and an exec's, until it has ended and all is said. */
#pragma once

#include "cli/session.h"

/* Without a terminal: pipes between us and the task. */
struct relay {
    int task[3]; /* the task's ends, for hako_container_exec; closed by relay_started */
    int mine[3]; /* ours; -1 = not attached */
};
int relay_open(bool input, struct relay *ret, hako_error *e);
void relay_started(struct relay *r);
void relay_close(struct relay *r);
/* Until the task has ended and both outputs are drained. Signals in between are ours. */
int relay_run(struct relay *r, hako_exec *x, int *exit_code, hako_error *e);

/* With a terminal: raw mode, window size, detach keys. `master` stays the caller's. */
int relay_tty(int master, bool input, const char *detach_keys, hako_exec *x, int *exit_code,
              bool *detached, hako_error *e);
