/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OCI runtime: what runc and crun do, over the same plan and apply code as `hako run`.
 *
 * Theory of operation
 *   Nothing of ours lives as long as the container. A container is a directory of the state root,
 *
 *     <root>/<id>/          0700; flock on it: one create, start or delete at a time
 *       config.json         the bundle's, as it was at create
 *       plan                the plan's bytes: what exec joins and delete takes down
 *       state.json          who and where; written whole, by rename
 *       start.sock          init listens on it: the container is created, not started
 *
 *   and one process tree. What the container is doing is never written down, it is looked at:
 *
 *     no state.json                       being made (directory locked) or left half-made (not)
 *     init gone, or another start time    stopped
 *     start.sock answers                  created
 *     cgroup frozen                       paused
 *     else                                running
 *
 *   create   config.json → rt_spec → plan; machine_open clones init, which applies the plan while
 *            hooks of the host wait; once it is parked: pid file, console, state.json, and
 *            machine_detach lets go of it. Until then init dies with us, so that kill -9 at any
 *            point leaves at most a directory and empty cgroups, which the next create of this id
 *            or `delete --force` sweeps.
 *   start    connects to start.sock: RELEASE; end of file means that execve has happened.
 *   run      both in one process, which may stay as the terminal's relay and collect the exit code.
 *   exec     machine_adopt + the exec plan.
 *   delete   machine_sweep of the plan, poststop hooks, remove the directory.
 *
 * All of src/oci but cmd/ is a library: no printing, no exit. Warnings go to oci.say.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "machine/machine.h"
#include "spec/runtime.h"

enum oci_rootless { OCI_ROOTLESS_AUTO, OCI_ROOTLESS_YES, OCI_ROOTLESS_NO };

/* How we are called and where the state is; the same for all calls. Borrowed strings. */
struct oci {
    const char *root; /* absolute */
    const char *name; /* "runc", "crun", "hako-oci": whose words and defaults */
    bool systemd_cgroup;
    const char *notify_socket; /* systemd's, for READY= of the container; NULL = none */
    enum oci_rootless rootless;
    const char *criu;                            /* program; NULL = "criu" */
    void (*say)(void *data, const char *text);   /* warnings; may be NULL */
    void (*trace)(void *data, const char *text); /* --debug; may be NULL */
    void *data;
};
void oci_warn(const struct oci *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
void oci_trace(const struct oci *o, const char *text);

#define OCI_SPEC_VERSION "1.2.0"
#define OCI_MAX_CONFIG ((size_t)8 << 20)
#define OCI_MAX_ID 1024

/* ERR_USAGE "invalid container id format: …". */
int oci_check_id(const char *id, struct err *e);

struct oci_create_options {
    const char *bundle;         /* NULL = "." */
    const char *config;         /* NULL = config.json in the bundle */
    const char *console_socket; /* NULL = none */
    const char *pid_file;
    bool no_pivot, no_new_keyring;
    bool detach;           /* nobody of ours will stay for the terminal */
    unsigned preserve_fds; /* descriptors from 3 on, listen_fds included */
    unsigned listen_fds;
};

struct oci_process_options { /* exec */
    const char *process;     /* path of a process.json, NULL = from the words below */
    const char *cwd, *user, *process_label, *apparmor;
    struct strlist env, caps, cgroups, additional_gids;
    char **args; /* NULL-terminated */
    bool tty, tty_given, no_new_privs, detach, ignore_paused;
    const char *pid_file, *console_socket;
    unsigned preserve_fds;
};

struct oci_criu_options { /* checkpoint, restore */
    const char *image_path, *work_path, *parent_path, *page_server, *manage_cgroups_mode;
    const char *lsm_profile, *lsm_mount_context;
    struct strlist empty_ns;
    bool leave_running, tcp_established, ext_unix_sk, shell_job, lazy_pages, file_locks, pre_dump,
        auto_dedup;
    int64_t status_fd; /* -1 = none */
};

/* A process of ours that was started: to wait for, or to let go. */
struct oci_task {
    pid_t pid;
    int exit_fd; /* owned pidfd */
    int console; /* owned pty master, -1 */
};

/* --- calls on a container by its id; each file is named after its call --------------------------
 */

/* ERR_CONFLICT unless it is created. */
int oci_start(const struct oci *o, const char *id, struct err *e);
/* ERR_CONFLICT when it runs and `force` is not given; with it a missing one is no error. */
int oci_delete(const struct oci *o, const char *id, bool force, struct err *e);
/* To init, or (`all`) to every process. */
int oci_kill(const struct oci *o, const char *id, int signo, bool all, struct err *e);
int oci_pause(const struct oci *o, const char *id, bool pause, struct err *e);
/* The state document. Caller frees. */
int oci_show(const struct oci *o, const char *id, js **ret, struct err *e);
/* The documents of all containers, as an array sorted by id. Damaged ones are warned about. */
int oci_list(const struct oci *o, js **ret, struct err *e);
/* Start a process in it. */
int oci_exec(const struct oci *o, const char *id, const struct oci_process_options *opt,
             struct oci_task *ret, struct err *e);
/* New limits; what `r` does not give stays. */
int oci_update(const struct oci *o, const char *id, const struct rt_resources *r, struct err *e);
/* Lines for the schemata of the container's resctrl group ("L3:0=f", "MB:0=20"), or NULL.
 * ERR_UNAVAILABLE when it was made without linux.intelRdt. */
int oci_update_rdt(const struct oci *o, const char *id, const char *l3_cache, const char *mem_bw,
                   struct err *e);
/* What the kernel counts about it, in the shape of runc's events ("data"). Caller frees. */
int oci_stats(const struct oci *o, const char *id, js **ret, struct err *e);
/* The bundle to begin with (`spec`) and what this runtime can do (`features`). Caller frees. */
int oci_spec(const struct oci *o, bool rootless, js **ret, struct err *e);
int oci_features(js **ret, struct err *e);
/* ERR_UNAVAILABLE when there is no criu or it says no; then its log is named, with its last error.
 * The container is gone afterwards unless leave_running or pre_dump is given. */
int oci_checkpoint(const struct oci *o, const char *id, const struct oci_criu_options *opt,
                   struct err *e);
/* A running container from images. `ret`: to wait for, the caller being its parent now. */
int oci_restore(const struct oci *o, const char *id, const struct oci_create_options *create,
                const struct oci_criu_options *opt, struct oci_task *ret, struct err *e);
/* Process ids of a container as the caller sees them, sorted; arena-owned. */
int oci_ps(const struct oci *o, const char *id, struct arena *a, pid_t **ret, size_t *n,
           struct err *e);
