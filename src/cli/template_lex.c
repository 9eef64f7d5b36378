/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/template_lex.h"

#include "base/str.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

int lexer_line(const struct lexer *l, const char *at) {
    int line = 1;
    for (const char *p = l->source; p < at; p++)
        line += *p == '\n';
    return line;
}

size_t lexer_column(const struct lexer *l, const char *at) {
    const char *p = at;
    while (p > l->source && p[-1] != '\n')
        p--;
    return (size_t)(at - p);
}

int lexer_fail(const struct lexer *l, const char *at, struct err *e, const char *fmt, ...) {
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_set(e, ERR_USAGE, -EINVAL, "template: :%d: %s", lexer_line(l, at), text);
}

static bool lexer_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool lexer_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool lexer_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static char lexer_peek(const struct lexer *l, size_t n) {
    return (size_t)(l->end - l->at) > n ? l->at[n] : '\0';
}

static const char *lexer_word(struct lexer *l, const char *from) {
    while (l->at < l->end && (lexer_letter(*l->at) || lexer_digit(*l->at)))
        l->at++;
    return arena_strndup(l->a, from, (size_t)(l->at - from));
}

/* --- literals -------------------------------------------------------------------------------- */

static int lexer_hex(struct lexer *l, int digits, uint32_t *ret) {
    uint32_t v = 0;
    for (int i = 0; i < digits; i++, l->at++) {
        char c = lexer_peek(l, 0);
        int d = lexer_digit(c)           ? c - '0'
                : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                         : -1;
        if (d < 0)
            return -EINVAL;
        v = v * 16 + (uint32_t)d;
    }
    *ret = v;
    return 0;
}

/* Behind a backslash. */
static int lexer_escape(struct lexer *l, char quote, char out[static 4], size_t *n) {
    static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
    char c = lexer_peek(l, 0);
    const char *known = c ? strchr(from, c) : NULL;
    uint32_t v = 0;
    if (l->at >= l->end)
        return -EINVAL;
    l->at++;
    *n = 1;
    if (known || c == quote) {
        out[0] = known ? to[known - from] : c;
        return 0;
    }
    if (c == 'x') {
        int r = lexer_hex(l, 2, &v);
        out[0] = (char)v;
        return r == 0 && v == 0 ? -EINVAL : r; /* no value may hold a NUL */
    }
    if (c != 'u' && c != 'U')
        return -EINVAL;
    if (lexer_hex(l, c == 'u' ? 4 : 8, &v) < 0 || v == 0 || v > 0x10ffff ||
        (v >= 0xd800 && v < 0xe000))
        return -EINVAL;
    *n = utf8_put(v, out);
    return 0;
}

static int lexer_string(struct lexer *l, struct token *t, struct err *e) {
    AUTO_STR struct str b = STR_INIT(0);
    char quote = *l->at++;
    while (l->at < l->end && *l->at != quote) {
        char c[4] = {*l->at};
        size_t n = 1;
        if (quote != '`' && *l->at == '\n')
            break;
        bool escape = quote != '`' && *l->at == '\\';
        l->at++;
        if (escape && lexer_escape(l, quote, c, &n) < 0)
            return lexer_fail(l, t->start, e, "invalid syntax in quoted string");
        if (str_addn(&b, c, n) < 0)
            return err_oom(e);
    }
    if (l->at >= l->end || *l->at != quote)
        return lexer_fail(l, t->start, e, "unterminated %squoted string",
                          quote == '`' ? "raw " : "");
    l->at++;
    t->kind = TOKEN_STRING;
    t->len = b.len;
    t->text = arena_memdup(l->a, b.s ? b.s : "", b.len + 1);
    return t->text ? 0 : err_oom(e);
}

/* 'a': its code point */
static int lexer_char(struct lexer *l, struct token *t, struct err *e) {
    uint32_t cp = 0;
    int r = lexer_string(l, t, e);
    if (r < 0)
        return r;
    size_t n = utf8_next(t->text, t->len, &cp);
    if (n == 0 || n != t->len)
        return lexer_fail(l, t->start, e, "malformed character constant: %.*s",
                          (int)MIN_OF(l->at - t->start, 40), t->start);
    t->kind = TOKEN_INT;
    t->integer = cp;
    return 0;
}

static int lexer_number(struct lexer *l, struct token *t, struct err *e) {
    char text[64], *end;
    if (*l->at == '+' || *l->at == '-')
        l->at++;
    while (l->at < l->end &&
           (lexer_letter(*l->at) || lexer_digit(*l->at) || *l->at == '.' ||
            ((*l->at == '-' || *l->at == '+') && (l->at[-1] == 'e' || l->at[-1] == 'E'))))
        l->at++;
    size_t n = 0;
    for (const char *p = t->start; p < l->at && n < sizeof(text) - 1; p++)
        if (*p != '_')
            text[n++] = *p;
    text[n] = '\0';
    errno = 0;
    t->integer = strtoll(text, &end, 0);
    t->kind = TOKEN_INT;
    if (*end || errno) {
        errno = 0;
        t->number = strtod(text, &end);
        t->kind = TOKEN_DOUBLE;
    }
    if (*end || errno || n == sizeof(text) - 1)
        return lexer_fail(l, t->start, e, "bad number syntax: \"%s\"", text);
    return 0;
}

/* --- tokens ---------------------------------------------------------------------------------- */

/* True when }} or " -}}" stands here; goes behind it. */
static bool lexer_close(struct lexer *l, bool spaced) {
    size_t n = 0;
    l->trim = spaced && lexer_peek(l, 0) == '-';
    n = l->trim;
    if (lexer_peek(l, n) != '}' || lexer_peek(l, n + 1) != '}')
        return false;
    l->at += n + 2;
    return true;
}

static int lexer_sign(struct lexer *l, struct token *t, struct err *e) {
    static const struct {
        char c;
        enum token_kind kind;
    } signs[] = {{'(', TOKEN_OPEN},
                 {')', TOKEN_CLOSE},
                 {'|', TOKEN_BAR},
                 {',', TOKEN_COMMA},
                 {'=', TOKEN_ASSIGN}};
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (*l->at == signs[i].c) {
            t->kind = signs[i].kind;
            l->at++;
            return 0;
        }
    if (*l->at == ':' && lexer_peek(l, 1) == '=') {
        t->kind = TOKEN_DECLARE;
        l->at += 2;
        return 0;
    }
    return (unsigned char)*l->at < 0x20
               ? lexer_fail(l, t->start, e, "unexpected control character in action")
               : lexer_fail(l, t->start, e, "unexpected '%c' in action", *l->at);
}

/* A field's text has no dot, a variable's has its $. */
static int lexer_name(struct lexer *l, struct token *t, enum token_kind kind, struct err *e) {
    const char *from = kind == TOKEN_FIELD ? l->at + 1 : l->at;
    l->at += kind != TOKEN_IDENT;
    t->kind = kind;
    t->text = lexer_word(l, from);
    if (!t->text)
        return err_oom(e);
    t->len = strlen(t->text);
    return 0;
}

int lexer_next(struct lexer *l, struct token *ret, struct err *e) {
    struct token t = {.start = l->at};
    int r;
    while (l->at < l->end && lexer_blank(*l->at))
        l->at++;
    t.spaced = l->at > t.start;
    t.start = l->at;
    char c = lexer_peek(l, 0), next = lexer_peek(l, 1);
    if (l->at >= l->end)
        return lexer_fail(l, l->at, e, "unclosed action");
    if (lexer_close(l, t.spaced))
        r = 0; /* TOKEN_END */
    else if (c == '"' || c == '`')
        r = lexer_string(l, &t, e);
    else if (c == '\'')
        r = lexer_char(l, &t, e);
    else if (lexer_digit(c) || ((c == '+' || c == '-' || c == '.') && lexer_digit(next)))
        r = lexer_number(l, &t, e);
    else if (c == '.' && lexer_letter(next))
        r = lexer_name(l, &t, TOKEN_FIELD, e);
    else if (c == '.') {
        l->at++;
        t.kind = TOKEN_DOT;
        r = 0;
    } else if (c == '$')
        r = lexer_name(l, &t, TOKEN_VAR, e);
    else if (lexer_letter(c))
        r = lexer_name(l, &t, TOKEN_IDENT, e);
    else
        r = lexer_sign(l, &t, e);
    if (r < 0)
        return r;
    t.end = l->at;
    *ret = t;
    return 0;
}
