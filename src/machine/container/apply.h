/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter of a plan's INIT section, running in the child between clone and execve.
 *
 * Rules here: no heap, no stdio streams, no decisions. The process is a fork of the monitor: what
 * it may touch is its own stack and `struct apply`. Every path of the box is resolved by openat2
 * beneath the new root and then used as a descriptor; every write to procfs goes through the
 * host's /proc, opened before the box has a say, so that nothing of an image can stand in its way.
 */
#pragma once

#include "machine/machine.h"
#include "machine/plan_format.h"

struct apply {
    const struct plan *plan;
    const struct machine_stdio *io;
    struct err *e;
    int sock;                  /* to the starter */
    int box;                   /* exec: pidfd of the box's init; else -1 */
    int root;                  /* root of the box while it is put together; -1 = "/" is it */
    int proc;                  /* the host's procfs */
    int null;                  /* the host's /dev/null */
    int empty;                 /* read-only empty directory that masks others; -1 until needed */
    int early[PLAN_MAX_EARLY]; /* detached mounts of BIND_SOURCE, in order */
    uint32_t n_early, used_early, used_mapped;
    const int *mapped; /* detached mounts of IDMAP_SOURCE, in order, then -1 */
    int dir;           /* directory of the last node or symlink */
    uint32_t dir_ref;
    bool cwd_again;                /* root could not enter the working directory: the user may */
    pid_t starter;                 /* parent, as seen at birth */
    bool released;                 /* from PARK: the listener has served */
    const struct plan_step *state; /* of the container, for hooks; NULL */
    mode_t umask;                  /* the starter's */
    int hook_out[2];               /* files for their output; -1 */
};

/* Run the section; returns only on failure (negative errno, `e` set) or after EXEC as PID 1 of a
 * box with --init: then `*exit_code` is what to leave with. */
int apply_run(struct apply *a, int *exit_code);

/* One function per step. 0 or negative errno with a->e set. */
typedef int apply_fn(struct apply *a, const struct plan_step *s);
apply_fn apply_join_ns, apply_join_cgroup, apply_join_box, apply_unshare, apply_root_ids;
apply_fn apply_time_ns, apply_box_root;
apply_fn apply_propagation, apply_root_overlay, apply_root_dir, apply_root_attr, apply_pivot;
apply_fn apply_chroot;
apply_fn apply_mount, apply_bind_source, apply_bind, apply_attr;
apply_fn apply_symlink, apply_node, apply_node_bind, apply_console;
apply_fn apply_mask, apply_readonly;
apply_fn apply_hostname, apply_domainname, apply_sysctl, apply_oom_score, apply_rlimit;
apply_fn apply_keyring, apply_personality, apply_scheduler, apply_io_priority;
apply_fn apply_apparmor, apply_selinux, apply_cwd, apply_caps_bound, apply_groups, apply_user;
apply_fn apply_umask, apply_no_new_privs, apply_seccomp, apply_caps;
apply_fn apply_affinity, apply_memory_policy;
apply_fn apply_state, apply_ask_hooks, apply_hook;

/* --- shared by the steps -----------------------------------------------------------------------
 */

static inline const char *apply_str(const struct apply *a, const struct plan_step *s, int i) {
    return plan_str(a->plan, s->ref[i]);
}
/* "cannot <what> <path>: <errno>" */
int apply_failed(struct apply *a, int code, const char *what, const char *path);
/* O_PATH descriptor of a mount target in the box, made (as directory or file) when missing. */
int apply_target(struct apply *a, const char *path, bool dir, uint32_t flags);
/* The same, as it is: fd or -errno. */
int apply_open_target(struct apply *a, const char *path, uint32_t flags);
/* Directory of the box, made when missing; kept open for the next step that names it. Borrowed. */
int apply_dir(struct apply *a, uint32_t ref);
/* Write a file of procfs beneath the host's /proc: "self/oom_score_adj". */
int apply_write_proc(struct apply *a, const char *path, const char *value);
/* The starter's death kills us; must be renewed after a change of user. */
int apply_die_with_starter(struct apply *a);
/* Not any more. */
int apply_part_from_starter(struct apply *a);

/* copyup.c: copy what directory `from` holds into `to`, with owners, modes, times, attributes. */
int copyup_tree(int from, int to, struct err *e);
/* 1 empty, 0 not, -errno. */
int copyup_is_empty(int dir);

/* apply_exec.c: a list as execve wants it, in pages of its own (*len bytes); NULL = no memory. */
char **apply_vector(const struct plan *p, uint32_t ref, size_t *len);
/* Such a list with the user's HOME before it, in pages of its own (*len: of both). */
char **apply_with_home(char **envp, size_t *len);
/* apply_exec.c: is there a command? OCI's create must say so, not start. */
int apply_exec_check(struct apply *a);
/* apply_fds.c: nothing of the host stays open but the standard streams, the sockets, what is
 * preserved, and the files of hooks. */
void apply_close_rest(struct apply *a);
/* Close everything from `first` on, and before it what closes on exec, but these (sorted here;
 * -1 = none). */
void apply_close_but(unsigned first, int *keep, size_t n);
/* The last step. Returns only on failure. */
int apply_exec(struct apply *a, const struct plan_step *s);
/* init.c: PID 1 of the box: start `run`, forward signals, reap; returns the box's exit code. */
int init_main(struct apply *a, int (*run)(struct apply *a, const struct plan_step *s),
              const struct plan_step *s, int *exit_code);
