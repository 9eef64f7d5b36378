/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables: one static table per command is the single source of parsing, --help,
 * shell completion and the man page.
 *
 * Parsing follows docker (pflag): long options are never abbreviated, `--flag=false` works for
 * booleans, short booleans combine (-itd), `-e X`, `-eX` and `-e=X` are the same, "--" ends
 * options. With stop_at_first_arg, the first non-option ends options too (run, exec).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define OPT_PROGRAM "hako"

enum opt_type {
    OPT_BOOL,         /* bool *          */
    OPT_STRING,       /* const char **   last wins */
    OPT_LIST,         /* struct strlist *  each use adds one */
    OPT_CSV,          /* struct strlist *  each use adds comma-separated values */
    OPT_I64,          /* int64_t *       */
    OPT_U64,          /* uint64_t *      */
    OPT_BYTES,        /* uint64_t *      docker size: 64k, 1.5g, 2GiB */
    OPT_SIGNED_BYTES, /* int64_t *   as BYTES, and -1 */
    OPT_DURATION,     /* int64_t * (ns)  Go duration; a bare number is seconds */
    OPT_DOUBLE,       /* double *        */
};

struct opt {
    char short_name; /* 0 = none */
    const char *name;
    enum opt_type type;
    size_t offset;       /* of the target in the command's option struct */
    const char *metavar; /* shown in help; NULL for booleans */
    const char *help;    /* one line; NULL hides the option (aliases) */
    size_t set_offset;   /* of a bool set to true when the option was given; 0 = none, so that
                            bool must not be the first member */
    const char *bare;    /* the value of "--name" alone: then a value follows behind "=", or in the
                            next word when that ends like this one (".lock"); NULL = needed */
};

/* OPT(struct run_args, 'm', memory, "memory", OPT_BYTES, "bytes", "Memory limit") */
#define OPT(T, short_, field, name_, type_, metavar_, help_)                                       \
    { (short_), (name_), (type_), offsetof(T, field), (metavar_), (help_), 0, NULL }
#define OPT_SEEN(T, short_, field, seen, name_, type_, metavar_, help_)                            \
    { (short_), (name_), (type_), offsetof(T, field), (metavar_), (help_), offsetof(T, seen), NULL }
#define OPT_BARE(T, field, name_, bare_, metavar_, help_)                                          \
    { 0, (name_), OPT_STRING, offsetof(T, field), (metavar_), (help_), 0, (bare_) }

struct opt_table {
    const char *command; /* "run" */
    const char *usage;   /* "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
    const char *summary; /* one sentence */
    const struct opt *opts;
    size_t nopts;
    bool stop_at_first_arg;
    size_t min_args, max_args; /* max_args 0 = no arguments; SIZE_MAX = any */
};

/* Parse argv[1..] into `target`. On success `args` holds the `nargs` remaining arguments, NULL
 * behind them (array in the arena, strings borrowed from argv). 0; 1 when --help/-h was asked
 * (nothing else to do); -EINVAL with an ERR_USAGE error in docker's words ("unknown flag: --foo").
 */
int opt_parse(const struct opt_table *t, struct arena *a, int argc, char **argv, void *target,
              char ***args, size_t *nargs, struct err *e);

/* --- texts made from the same tables; all append to `out`, 0 or -errno ------------------------ */

/* docker-like help: usage, summary, options in alphabetical order, wrapped at 80 columns. */
int opt_help(const struct opt_table *t, struct str *out);
/* The part of a man page (roff) that describes one command. */
int opt_man(const struct opt_table *t, struct str *out);
/* A completion script of all commands for "bash", "zsh" or "fish"; -EINVAL for another shell.
 * A command may have two words ("network create"). */
int opt_completion(const struct opt_table *const tables[], size_t n, const char *shell,
                   struct str *out);

/* The options that have a help text, sorted by name; *n of them. Caller frees the array (not the
 * options); NULL when out of memory. */
const struct opt **opt_visible(const struct opt_table *t, size_t *n);
/* What an option's value is called in texts; NULL for booleans. */
const char *opt_metavar(const struct opt *o);
