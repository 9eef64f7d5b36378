/* SPDX-License-Identifier: Apache-2.0 */
/* The words between {{ and }}. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum token_kind {
    TOKEN_END,     /* }} */
    TOKEN_FIELD,   /* .Name; text is the name */
    TOKEN_DOT,     /* . */
    TOKEN_VAR,     /* $ and $name */
    TOKEN_IDENT,   /* name */
    TOKEN_STRING,  /* "…" and `…`; text is the value */
    TOKEN_INT,     /* 7, 0x1f, 'a' */
    TOKEN_DOUBLE,  /* 1.5 */
    TOKEN_OPEN,    /* ( */
    TOKEN_CLOSE,   /* ) */
    TOKEN_BAR,     /* | */
    TOKEN_COMMA,   /* , */
    TOKEN_DECLARE, /* := */
    TOKEN_ASSIGN,  /* = */
};

struct token {
    enum token_kind kind;
    bool spaced;       /* blanks stand before it */
    const char *start; /* in the source */
    const char *end;
    const char *text; /* in the arena, NUL-terminated */
    size_t len;
    int64_t integer;
    double number;
};

struct lexer {
    const char *source, *at, *end;
    bool trim; /* the action that was left ended in -}} */
    struct arena *a;
};

/* The next token; at }} the lexer stands behind it. 0 or -EINVAL. */
int lexer_next(struct lexer *l, struct token *ret, struct err *e);
int lexer_line(const struct lexer *l, const char *at);
size_t lexer_column(const struct lexer *l, const char *at);
/* err_set with "template: :<line>: " before. Returns -EINVAL. */
int lexer_fail(const struct lexer *l, const char *at, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
