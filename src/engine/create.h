/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction that makes a container, in the steps that --dry-run shares. */
#pragma once

#include "engine/box.h"

struct create {
    struct box b;
    int lockfd;   /* shared flock on tmp/: a creator lives */
    int storefd;  /* the store's lock: the image stays */
    char tmp[80]; /* "new-<id>" */
    bool named;
};

/* Options, host, image. */
int create_prepare(struct create *c, hako_engine *g, const struct hako_run_options *o,
                   struct err *e);
/* Directory in tmp/, name, snapshot, everything resolved. Undone by create_undo. */
int create_place(struct create *c, struct err *e);
int create_plan(struct box *b, void **plan, size_t *len, struct rt_spec *spec, struct err *e);
void create_undo(struct create *c);
void create_done(struct create *c);
