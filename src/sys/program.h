/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other programs, run to their end: what goes in is written to its stdin, what comes out is kept.
 * It has no other descriptors, whatever our caller left open; signals are as a fresh
 * program has them. Secrets go in by stdin, never by arguments.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct program {
    const char *const *argv; /* argv[0] is searched in PATH; NULL-ended */
    const char *const *env;  /* NULL = ours */
    const void *input;       /* its stdin; NULL = /dev/null */
    size_t input_len;
    struct str *out; /* its stdout, bounded by out->max (more is an error); NULL = see out_fd */
    int out_fd;      /* with out NULL: stdout goes there; -1 = /dev/null */
    struct str *err; /* its stderr: what does not fit is dropped; NULL = ours */
};

/* 0 when it ran: *ret_status is its exit code, 128+n when a signal ended it. -ENOENT (error filled,
 * ERR_UNAVAILABLE) when there is no such program. */
int program_run(const struct program *p, int *ret_status, struct err *e);
/* The last line of what it said, for messages; control characters are blanks. */
const char *program_last_line(const struct str *text, char *out, size_t size);
