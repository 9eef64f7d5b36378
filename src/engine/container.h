/* SPDX-License-Identifier: Apache-2.0 */
/* The container handle and its directory. */
#pragma once

#include "engine/engine.h"
#include "engine/record.h"
#include "monitor/client.h"

struct hako_container {
    hako_engine *g;  /* borrowed */
    struct arena *a; /* owned */
    char id[65];
    char *path; /* absolute directory */
    int dirfd;  /* owned */
    struct record rec;
    int sock;      /* connection to its monitor; -1 = none */
    bool watching; /* MON_EXITED will come on sock */
    bool ended;    /* exit_code is known */
    int exit_code;
};

/* Name, id or unique prefix → full id. ERR_NOT_FOUND "No such container: x". */
int container_resolve(hako_engine *g, const char *name, char id[65], struct err *e);
/* Open by full id; reads the record. */
int container_open_id(hako_engine *g, const char *id, hako_container **ret, struct err *e);
/* Is there a container directory (or one being made) of this id? */
bool container_exists(hako_engine *g, const char *id);
/* Connect to the running box; ERR_CONFLICT when it does not run. Idempotent. */
int container_connect(hako_container *c, struct err *e);

/* What the files say of it. */
struct container_state {
    enum hako_status status;
    struct mon_live live;
    struct mon_exit exit; /* EXITED, DEAD */
};
/* Sweeps first when the monitor has died. -ENOENT: it was --rm and is gone now. */
int container_state(hako_engine *g, const char *id, int dirfd, struct container_state *ret,
                    struct err *e);
/* "Up 3 minutes", "Exited (0) 2 hours ago", "Created" */
char *container_status_text(struct arena *a, const struct container_state *s);

/* --- reconcile.c ---------------------------------------------------------------------------- */

/* Remove what dead creators and removers left in tmp/, and settle crashed boxes: at most `max` of
 * them are probed, starting at a random place, so that a start stays cheap however many run. */
void reconcile(hako_engine *g, size_t max);
/* Its monitor has died, or could not undo everything: kill, detach, then write exit.json or remove
 * (--rm). Waits for whoever is at it. */
int reconcile_crashed(hako_engine *g, const char *id, int dirfd, struct err *e);

/* --- remove.c ------------------------------------------------------------------------------- */

/* Take the directory away and release name, lease and (asked) anonymous volumes. */
int container_destroy(hako_engine *g, const struct record *rec, bool volumes, struct err *e);
/* The anonymous volumes that were made for a container that never came to be. */
void remove_new_volumes(hako_engine *g, int dirfd);
/* End of a directory's name in tmp/ whose anonymous volumes go too. */
#define REMOVE_WITH_VOLUMES "-v"
int remove_volumes(hako_engine *g, const struct record *rec, struct err *e);
/* A tree that may hold files of subordinate ids. */
int remove_tree(hako_engine *g, int dirfd, const char *name, struct err *e);

/* --- talk.c --------------------------------------------------------------------------------- */

/* Read on until the monitor has closed its end: its last clean-up is done then. */
void talk_until_gone(hako_container *c);
/* SIGKILL, and wait until nothing of it runs any more. */
int talk_kill(hako_container *c, struct err *e);

/* --- start.c -------------------------------------------------------------------------------- */

/* Tell a monitor which of the caller's descriptors to serve. */
int start_send_attach(int sock, const struct hako_stdio *io, struct err *e);
