/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of hako-oci, as runc has it: `[global options] command [options] arguments`.
 *
 * Go's flag rules: `-name` and `--name` are the same, a value follows behind "=" or as the next
 * word. Options may stand behind arguments, except for exec, whose arguments are a command.
 * Answers go to standard output; errors to --log and to standard error; exit code 1.
 */
#pragma once

#include "base/opt.h"
#include "oci/oci.h"

struct cmd_global {
    struct oci o;
    struct arena *a;
    const char *root, *log, *log_format, *criu, *rootless, *cgroup_manager;
    bool debug, systemd_cgroup, version;
    int log_fd;
};

struct cmd {
    const struct opt_table *table;
    /* Exit code, or negative errno with e set. `target` holds the parsed options. */
    int (*run)(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e);
    size_t size;        /* of the option struct */
    const char *prefix; /* of its errors, such as "runc create failed"; NULL = none */
    int failure;        /* exit code of a failure; 0 = 1 */
    bool joins;         /* becomes or enters a container: runs from a sealed copy */
};

extern const struct cmd cmd_checkpoint, cmd_create, cmd_delete, cmd_events, cmd_exec, cmd_features,
    cmd_kill, cmd_list, cmd_pause, cmd_ps, cmd_restore, cmd_resume, cmd_run, cmd_spec, cmd_start,
    cmd_state, cmd_update;

/* args.c: Go's ways turned into opt.h's. NULL when out of memory. */
char **args_normal(const struct opt_table *t, struct arena *a, int argc, char **argv);
/* LISTEN_FDS meant for us, else 0. */
unsigned args_listen_fds(void);
/* The number of descriptors to keep from 3 on. */
int args_preserve(int64_t asked, unsigned *ret, struct err *e);

/* log.c */
int log_open(struct cmd_global *g, struct err *e);
void log_line(const struct cmd_global *g, const char *level, const char *text);
void log_warning(void *data, const char *text);
void log_debug(void *data, const char *text);

/* print.c: a document with a newline to standard output. */
int print_json(const js *doc, int style, struct err *e);
int print_text(const char *text, struct err *e);

/* seal.c: run on from a copy that no container can write to; returns there, or with an error. */
int seal(char **argv, struct err *e);

/* attend.c: be there for a task until it ends: terminal, signals, exit code. */
int attend(struct oci_task *t, struct err *e);
