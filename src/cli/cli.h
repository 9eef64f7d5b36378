/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one file per command, each an option table and a function over hako.h.
 *
 * Theory of operation
 *   main.c reads the global options and finds the command in ONE list (commands.c), which is also
 *   the source of help, completion and man pages. A command translates argv into an option struct,
 *   calls the engine, prints. Results go to stdout, words to people to stderr. Exit codes are
 *   docker's: 0; 1 a failed command; 125 run/create/exec failed in hako; 126/127 the box's
 *   command; else the box's.
 *
 *   Lists (ps, images) are rows of cells under keys (list.h); filter.h chooses the rows, and
 *   --format renders them by a Go template (template.h) as it renders inspect's documents.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"
#include "hako.h"

struct cli {
    struct arena *a;     /* the process's */
    const char *command; /* as it was called: "ps", "container ls" */
    bool version;        /* --version */
    /* help_command(): the way back up from parsing to the list of commands */
    int (*help)(const struct opt_table *called, const struct opt_table *of, struct str *out);
    struct hako_engine_options engine_options;
    hako_engine *engine; /* opened on first use */
};

/* Parse into `target`; -1 = go on, else the exit code (help shown, or usage error printed).
 * `fail` is the exit code of a usage error: 125 for run-like commands, else 1. */
int cli_parse(struct cli *c, const struct opt_table *t, int argc, char **argv, void *target,
              char ***args, size_t *nargs, int fail);
/* 0, or the error's exit code after printing it. */
int cli_engine(struct cli *c, hako_engine **ret);
/* Print "hako: <message>" to stderr. Returns `code`. */
int cli_fail(const hako_error *e, int code);
/* For each argument: fn; prints failures and goes on. Exit code 1 if any failed. */
int cli_each(struct cli *c, char **args, size_t n,
             int (*fn)(struct cli *c, const char *arg, void *data, hako_error *e), void *data);
/* stdout, whole, with the error that a full disk or closed pipe deserves. 0 or 1. */
int cli_print(const struct str *text);
/* The same for what lies in stdio's buffer. 0 or 1. */
int cli_flush(void);
/* The engine's error is base's. */
static inline struct err *cli_err(hako_error *e) {
    return (struct err *)e;
}
