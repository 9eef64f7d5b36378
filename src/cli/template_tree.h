/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed template. */
#pragma once

#include "cli/template.h"

struct pipe;

enum operand_kind {
    OPERAND_DOT,   /* . and .A.B */
    OPERAND_VAR,   /* $x.A */
    OPERAND_PIPE,  /* (pipeline).A */
    OPERAND_IDENT, /* a function */
    OPERAND_NIL,
    OPERAND_BOOL,
    OPERAND_INT,
    OPERAND_DOUBLE,
    OPERAND_STRING,
};

struct operand {
    enum operand_kind kind;
    int line;
    size_t column;      /* bytes from the line's beginning */
    const char *source; /* as written, for errors */
    const char *name;   /* VAR (with "$"), IDENT */
    struct strlist fields;
    struct pipe *pipe;
    const char *string;
    int64_t integer;
    double number;
    bool boolean;
    struct operand *next; /* argument of the same command */
};

struct command_node {
    struct operand *args;
    struct command_node *next; /* gets our value as its last argument */
};

struct pipe {
    const char *vars[2]; /* $i, $e := */
    size_t nvars;
    bool assign; /* = of a variable that exists */
    struct command_node *commands;
};

enum node_kind {
    NODE_TEXT,
    NODE_PIPE,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_BREAK,
    NODE_CONTINUE,
};

struct node {
    enum node_kind kind;
    const char *text;
    size_t len;
    struct pipe *pipe;
    struct node *body, *otherwise;
    struct node *next;
};

struct template {
    struct node *list;
};

#define TEMPLATE_MAX_DEPTH 50 /* blocks and parentheses within each other */
