/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks of the runtime-spec: programs run at a point of a container's life, with its state as JSON
 * on standard input.
 *
 * Who runs them: those of the runtime (prestart, createRuntime, poststart, poststop) whoever asks
 * machine_hooks() (machine/machine.h), or the starter when init says that the mounts are there;
 * createContainer and startContainer init itself, in the middle of its plan. It is one piece of
 * code, child-safe and without heap: the state is two pieces of text in the plan, between which
 * status and pid are put.
 *
 * A hook is done when its process has ended: what it left behind holding its output is not waited
 * for. Output is shown in the error when it fails, or goes to the files the state names.
 */
#pragma once

#include "machine/plan_format.h"

struct hook_world {
    const struct plan *plan;
    const struct plan_step *state;
    const char *status;
    pid_t pid;    /* 0 = none to tell */
    int dir;      /* working directory; -1 = as it is */
    int out, err; /* files that take the output; -1 = none */
    bool clean;   /* give the hook an umask of 022 */
};

/* The n-th hook of its point. 0 or negative errno with `e` set. */
int hook_run(const struct hook_world *w, const struct plan_step *s, uint32_t n, struct err *e);
/* Descriptor of a file from the state that hooks write to; -1 = none is named; or -errno. */
int hook_output(const struct plan *p, const struct plan_step *state, int which);
/* The state as JSON text in three pieces of caller memory: head, middle (of `middle`), tail. */
struct hook_text {
    const char *piece[3];
    char middle[64];
};
void hook_state(const struct hook_world *w, struct hook_text *ret);
