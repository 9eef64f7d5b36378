/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a container's log (log.h has the format): across rotated files, from the end, and on as
 * it grows. Nobody is asked: files, inotify, and the lock of the monitor say all. A log may have
 * been damaged from outside; what is no line of ours is passed over.
 */
#pragma once

#include "base/err.h"

struct log_query {
    int64_t tail;               /* lines from the end; < 0 = all */
    int64_t since_ns, until_ns; /* Unix time; 0 = no bound */
    bool follow;                /* until the monitor has gone */
    bool no_stdout, no_stderr;
};

/* A piece of output. `text` ends with '\n' where the box wrote one. `begins`: first piece of its
 * line. Not 0 ends the reading and is returned. */
struct log_piece {
    int stream; /* 1 or 2 */
    int64_t time_ns;
    bool begins;
    const char *text;
    size_t len;
};
typedef int (*log_piece_fn)(void *data, const struct log_piece *p);

/* dirfd: the container's directory. 0, or what fn returned, or an error. A container that never
 * logged has an empty log. */
int log_read(int dirfd, const struct log_query *q, log_piece_fn fn, void *data, struct err *e);

/* One physical line, without its newline. 0 or -EINVAL. Fuzzed. `begins` is not known here. */
int log_parse_line(const char *line, size_t len, struct log_piece *ret, bool *ret_whole);
