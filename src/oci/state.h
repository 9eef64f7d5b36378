/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a container; oci.h says what is in it and what it means. */
#pragma once

#include "oci/oci.h"

enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };

#define STATE_FILE "state.json"
#define STATE_PLAN "plan"
#define STATE_CONFIG "config.json"
#define STATE_SOCKET "start.sock"
#define STATE_CRUN "status" /* a link to state.json, where crun has its own */

/* What state.json says; strings belong to the arena. */
struct oci_state {
    const char *id, *version, *bundle, *rootfs, *owner;
    pid_t pid; /* 0: no process was left to us */
    uint64_t pid_start;
    int64_t created_ns;
    bool systemd_cgroup, rootless;
    const char *descriptors; /* crun's external_descriptors; NULL = none */
    js *annotations;         /* borrowed from doc */
    js *hooks;               /* poststart and poststop as config.json has them; borrowed from doc */
    js *doc;                 /* owned: the whole document */
};

/* A container's directory, open. */
struct oci_dir {
    int fd;
    bool locked;
    const char *id;
};

/* The state root, made when missing (`make`). fd or -errno. */
int oci_state_root(const struct oci *o, bool make, struct err *e);
/* Open; ERR_NOT_FOUND "container does not exist". With `lock`: wait for the directory's lock. */
int oci_state_open(const struct oci *o, const char *id, bool lock, struct oci_dir *ret,
                   struct err *e);
/* A new directory, locked. ERR_CONFLICT when the id is taken; what a killed create left is swept
 * first. */
int oci_state_make(const struct oci *o, const char *id, struct oci_dir *ret, struct err *e);
/* A created init keeps a copy of the descriptor, which must not hold the lock. */
void oci_state_unlock(struct oci_dir *d);
void oci_state_close(struct oci_dir *d);
#define AUTO_STATE CLEANUP(oci_state_close)
#define OCI_DIR_INIT ((struct oci_dir){.fd = -1})
/* Remove the directory and everything in it. */
int oci_state_remove(const struct oci *o, struct oci_dir *d, struct err *e);

int oci_state_write(const struct oci_dir *d, const struct oci_state *st, const struct plan *plan,
                    const struct rt_spec *spec, struct err *e);
/* -ENOENT, ERR_NOT_FOUND when there is none (half-made). */
int oci_state_read(const struct oci_dir *d, struct arena *a, struct oci_state *ret, struct err *e);
void oci_state_free(struct oci_state *st);
#define AUTO_OCI_STATE CLEANUP(oci_state_free)
/* The plan, arena-owned bytes. */
int oci_state_plan(const struct oci_dir *d, struct arena *a, struct plan *ret, struct err *e);

/* What the container is doing now. `plan` may be NULL: paused is then not told from running. */
enum oci_status oci_state_status(const struct oci_dir *d, const struct oci_state *st,
                                 const struct plan *plan);
const char *oci_status_name(enum oci_status s);

/* Listen on, or connect to, start.sock. fd or -errno. */
int oci_state_listen(const struct oci_dir *d);
int oci_state_connect(const struct oci_dir *d);

/* The runtime-spec's state document (what hooks get on stdin, what `state` shows). Caller frees. */
int oci_state_document(const struct oci_state *st, enum oci_status status, js **ret, struct err *e);
