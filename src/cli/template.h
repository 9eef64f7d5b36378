/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of Go's text/template that --format is used for, over JSON values.
 *
 * Actions: {{pipeline}}, if/else if/else, with, range/else, break, continue, end, comments, trim
 * markers; variables; operands .A.B, $x.A, (pipeline).A, literals; the comparison, and/or/not,
 * len, index, slice, print* functions, and docker's json, join, split, lower, upper, title, pad,
 * truncate. Not: define, template, block.
 *
 * Theory of operation
 *   template_parse.c (over template_lex.c) makes a tree in an arena; template_eval.c walks it;
 *   template_funcs.c holds the functions, template_printf.c Go's printf, template_value.c what
 *   values are to Go: their truth, order and text. Everything is bounded: nesting at parsing;
 *   steps, made bytes and output at running. Fields are found as encoding/json finds them, exact
 *   first, then whatever the case ({{.ID}} and {{.Id}} both work); a missing one is an error.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct template;

/* ERR_USAGE: "template: :1: unclosed action". The tree lives in the arena. */
int template_parse(const char *text, struct arena *a, struct template **ret, struct err *e);

struct template_data {
    js *dot;      /* borrowed */
    js *methods;  /* {"Label": {"k": "v"}} answers {{.Label "k"}}; or NULL */
    bool headers; /* the cells are column titles: missing ones are empty, helpers do nothing */
};
/* Append the result to out. ERR_USAGE: "template: :1:2: executing "" at <.Foo>: map has no entry
 * for key "Foo"". */
int template_run(const struct template *t, const struct template_data *d, struct str *out,
                 struct err *e);
