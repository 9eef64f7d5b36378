/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pull's progress on stderr. On a terminal a block of lines, one per layer, drawn over itself:
 * bar, bytes, rate, remaining time. Elsewhere plain lines, one where a layer begins and one where
 * it ends.
 */
#pragma once

#include "base/str.h"
#include "hako.h"

struct progress_layer {
    char id[16];
    char phase[24];
    uint64_t done, total;     /* bytes; total 0 = unknown */
    bool finished, announced; /* announced: its beginning, on a plain stream */
    int64_t mark_ns;          /* the rate is measured from here */
    uint64_t mark_done;       /* … and this */
    double rate;              /* bytes per second; 0 = not known yet */
};

struct progress {
    void (*begin)(void *data); /* called before the first word; may be NULL */
    void *data;
    struct progress_layer *v;
    size_t n, cap;
    bool begun, terminal;
    size_t drawn;     /* lines of the block on the screen */
    int64_t drawn_ns; /* when */
};

/* hako_pull_options.progress; data is the struct progress. */
void progress_show(const struct hako_progress *p, void *data);
/* The same as docker's JSON lines on stdout; data is not used. */
void progress_json(const struct hako_progress *p, void *data);
/* Leave the block as it is in the end. Idempotent. */
void progress_end(struct progress *p);

/* --- pure parts ------------------------------------------------------------------------------ */

/* One line, at most `cols` wide, without a newline. 0 or -errno. */
int progress_line(const struct progress_layer *l, unsigned cols, struct str *out);
/* The block, at most `rows` lines, each ended by "clear to the right" and a newline. *lines of
 * them. When not all layers fit, the unfinished come first and a last line counts the rest. */
int progress_frame(const struct progress_layer *v, size_t n, unsigned rows, unsigned cols,
                   struct str *out, size_t *lines);
/* "45s", "3m12s", "2h05m" */
const char *progress_remaining(uint64_t seconds, char out[static 16]);
