/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists as docker prints them: rows of cells under keys; one place for the default table, -q,
 * --format with a template, "table …" and "json".
 */
#pragma once

#include "cli/cli.h"

#include "base/json.h"

struct list_key {
    const char *key;    /* "ID", as templates name it */
    const char *header; /* "CONTAINER ID" */
};

struct list_row {
    const char **cells;        /* one per key; NULL = "" */
    const char *const *labels; /* "k=v", NULL-ended: for {{.Label "k"}}; or NULL */
};

struct list {
    const struct list_key *keys; /* in alphabetical order: so docker prints json */
    size_t nkeys;
    struct list_row *rows;
    size_t nrows;
    const char *format;  /* "table {{.ID}}\t{{.Names}}", "{{json .}}", "json", "table", or NULL */
    const char *columns; /* of the table: space-separated keys */
    const char *quiet;   /* only this key; NULL = no */
};

/* Append the whole list to out. 0 or a negative errno. */
int list_print(const struct list *l, struct str *out, struct err *e);
/* `\t` and `\n`, typed as two characters outside of {{ }}, are what they mean. NULL: no memory. */
char *list_unescape(struct arena *a, const char *format);
