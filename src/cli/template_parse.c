/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/template_funcs.h"
#include "cli/template_lex.h"
#include "cli/template_tree.h"

#include <string.h>

struct parser {
    struct lexer lex;
    struct token tok; /* the token being looked at */
    struct arena *a;
    struct err *e;
    int depth, loops;
    const char *vars[64]; /* in scope */
    size_t nvars;
};

/* What ended a list of nodes. */
enum ending { ENDING_EOF, ENDING_END, ENDING_ELSE };

static int parser_next(struct parser *p) {
    return lexer_next(&p->lex, &p->tok, p->e);
}

static int parser_fail(struct parser *p, const char *where) {
    const struct token *t = &p->tok;
    if (t->kind == TOKEN_END)
        return lexer_fail(&p->lex, t->start, p->e, "unexpected \"}}\" in %s", where);
    return lexer_fail(&p->lex, t->start, p->e, "unexpected <%.*s> in %s",
                      (int)MIN_OF(t->end - t->start, 40), t->start, where);
}

static int parser_declare(struct parser *p, const char *name) {
    if (p->nvars == ARRAY_SIZE(p->vars))
        return lexer_fail(&p->lex, p->tok.start, p->e, "too many variables");
    p->vars[p->nvars++] = name;
    return 0;
}

static bool parser_knows(const struct parser *p, const char *name) {
    for (size_t i = 0; i < p->nvars; i++)
        if (strcmp(p->vars[i], name) == 0)
            return true;
    return false;
}

static int parser_enter(struct parser *p) {
    if (++p->depth > TEMPLATE_MAX_DEPTH)
        return lexer_fail(&p->lex, p->tok.start, p->e, "nested too deeply");
    return 0;
}

/* --- pipelines ------------------------------------------------------------------------------- */

static int parser_pipe(struct parser *p, enum token_kind until, const char *where,
                       struct pipe **ret);

/* The word itself; fields behind it are the caller's. */
static int parser_ident(struct parser *p, struct operand *o) {
    const char *s = p->tok.text;
    bool yes = strcmp(s, "true") == 0;
    if (yes || strcmp(s, "false") == 0) {
        o->kind = OPERAND_BOOL;
        o->boolean = yes;
    } else if (strcmp(s, "nil") == 0) {
        o->kind = OPERAND_NIL;
    } else {
        o->kind = OPERAND_IDENT;
        o->name = s;
        if (!template_func_find(s))
            return lexer_fail(&p->lex, p->tok.start, p->e, "function \"%s\" not defined", s);
    }
    return 0;
}

static int parser_parenthesis(struct parser *p, struct operand *o) {
    o->kind = OPERAND_PIPE;
    int r = parser_enter(p);
    if (r == 0)
        r = parser_next(p);
    if (r == 0)
        r = parser_pipe(p, TOKEN_CLOSE, "parenthesized pipeline", &o->pipe);
    p->depth--;
    return r;
}

/* One operand starts at the current token; leaves its last token current. */
static int parser_start(struct parser *p, struct operand *o) {
    const struct token *t = &p->tok;
    switch (t->kind) {
    case TOKEN_DOT:
        return 0;
    case TOKEN_FIELD:
        return strlist_add(p->a, &o->fields, t->text) < 0 ? err_oom(p->e) : 0;
    case TOKEN_VAR:
        o->kind = OPERAND_VAR;
        o->name = t->text;
        return parser_knows(p, t->text)
                   ? 0
                   : lexer_fail(&p->lex, t->start, p->e, "undefined variable \"%s\"", t->text);
    case TOKEN_IDENT:
        return parser_ident(p, o);
    case TOKEN_STRING:
        o->kind = OPERAND_STRING;
        o->string = t->text;
        return 0;
    case TOKEN_INT:
        o->kind = OPERAND_INT;
        o->integer = t->integer;
        return 0;
    case TOKEN_DOUBLE:
        o->kind = OPERAND_DOUBLE;
        o->number = t->number;
        return 0;
    case TOKEN_OPEN:
        return parser_parenthesis(p, o);
    default:
        return parser_fail(p, "command");
    }
}

/* An operand and the fields that hang on it; the token behind is current afterwards. */
static int parser_operand(struct parser *p, struct operand **ret) {
    const char *start = p->tok.start, *end = p->tok.end;
    struct operand *o = arena_new_of(p->a, struct operand);
    if (!o)
        return err_oom(p->e);
    o->line = lexer_line(&p->lex, start);
    o->column = lexer_column(&p->lex, start);
    int r = parser_start(p, o);
    for (bool first = true; r == 0; first = false) {
        end = first && o->kind != OPERAND_PIPE ? end : p->tok.end;
        r = parser_next(p);
        if (r < 0 || p->tok.kind != TOKEN_FIELD || p->tok.spaced)
            break;
        if (o->kind > OPERAND_PIPE)
            return parser_fail(p, "operand");
        if (strlist_add(p->a, &o->fields, p->tok.text) < 0)
            return err_oom(p->e);
    }
    o->source = arena_strndup(p->a, start, (size_t)(end - start));
    if (r == 0 && !o->source)
        return err_oom(p->e);
    *ret = o;
    return r;
}

/* Operands up to "|" or the end of the pipeline. */
static int parser_command(struct parser *p, enum token_kind until, struct command_node **ret) {
    struct command_node *c = arena_new_of(p->a, struct command_node);
    if (!c)
        return err_oom(p->e);
    struct operand **tail = &c->args;
    while (p->tok.kind != TOKEN_BAR && p->tok.kind != until) {
        int r = parser_operand(p, tail);
        if (r < 0)
            return r;
        tail = &(*tail)->next;
    }
    *ret = c;
    return 0;
}

/* "$x :=", "$i, $e :=", "$x =": the current token is the first variable. */
static int parser_variables(struct parser *p, bool range, struct pipe *pipe) {
    struct parser saved = *p;
    const char *names[2];
    size_t n = 0;
    int r = 0;
    for (;;) {
        names[n++] = p->tok.text;
        r = parser_next(p);
        if (r < 0 || p->tok.kind != TOKEN_COMMA || n == 2 || !range)
            break;
        r = parser_next(p);
        if (r < 0 || p->tok.kind != TOKEN_VAR)
            break;
    }
    if (r < 0)
        return r;
    if (p->tok.kind != TOKEN_DECLARE && p->tok.kind != TOKEN_ASSIGN) {
        if (n == 2)
            return parser_fail(p, "range");
        *p = saved; /* it was an operand */
        return 0;
    }
    pipe->assign = p->tok.kind == TOKEN_ASSIGN;
    pipe->nvars = n;
    for (size_t i = 0; i < n; i++) {
        pipe->vars[i] = names[i];
        if (pipe->assign && !parser_knows(p, names[i]))
            return lexer_fail(&p->lex, p->tok.start, p->e, "undefined variable \"%s\"", names[i]);
    }
    return parser_next(p);
}

/* A value handed on must meet a function or a method. */
static int parser_check(struct parser *p, const struct pipe *pipe, const char *where) {
    if (!pipe->commands->args)
        return lexer_fail(&p->lex, p->tok.start, p->e, "missing value for %s", where);
    for (const struct command_node *c = pipe->commands->next; c; c = c->next) {
        if (!c->args)
            return lexer_fail(&p->lex, p->tok.start, p->e, "missing value for %s", where);
        if (c->args->kind >= OPERAND_NIL)
            return lexer_fail(&p->lex, p->tok.start, p->e,
                              "non executable command in pipeline: <%.40s>", c->args->source);
    }
    return 0;
}

/* From the current token to `until`, which stays current. */
static int parser_pipe(struct parser *p, enum token_kind until, const char *where,
                       struct pipe **ret) {
    struct pipe *pipe = arena_new_of(p->a, struct pipe);
    if (!pipe)
        return err_oom(p->e);
    int r = p->tok.kind == TOKEN_VAR && until == TOKEN_END
                ? parser_variables(p, strcmp(where, "range") == 0, pipe)
                : 0;
    struct command_node **tail = &pipe->commands;
    while (r == 0) {
        r = parser_command(p, until, tail);
        if (r < 0 || p->tok.kind == until)
            break;
        tail = &(*tail)->next;
        r = parser_next(p);
    }
    if (r == 0)
        r = parser_check(p, pipe, where);
    for (size_t i = 0; r == 0 && i < pipe->nvars && !pipe->assign; i++)
        r = parser_declare(p, pipe->vars[i]);
    *ret = pipe;
    return r;
}

/* --- blocks ---------------------------------------------------------------------------------- */

static int parser_list(struct parser *p, struct node **ret, enum ending *ending);
static int parser_block(struct parser *p, enum node_kind kind, struct node *n);

/* Behind {{else: "}}", or "if …}}" and "with …}}", which are a block of their own. */
static int parser_else(struct parser *p, struct node *n) {
    enum ending ending = ENDING_EOF;
    const char *at = p->tok.start;
    bool chain = n->kind != NODE_RANGE;
    int r = parser_next(p);
    if (r < 0)
        return r;
    if (p->tok.kind == TOKEN_END) {
        r = parser_list(p, &n->otherwise, &ending);
        if (r == 0 && ending != ENDING_END)
            r = lexer_fail(&p->lex, at, p->e,
                           ending == ENDING_EOF ? "unexpected EOF" : "unexpected {{else}}");
        return r;
    }
    if (!chain || p->tok.kind != TOKEN_IDENT ||
        (strcmp(p->tok.text, "if") != 0 && strcmp(p->tok.text, "with") != 0))
        return parser_fail(p, "else");
    enum node_kind kind = strcmp(p->tok.text, "if") == 0 ? NODE_IF : NODE_WITH;
    n->otherwise = arena_new_of(p->a, struct node);
    if (!n->otherwise)
        return err_oom(p->e);
    return parser_block(p, kind, n->otherwise); /* its {{end}} is ours */
}

/* The word that opened the block is current. */
static int parser_block(struct parser *p, enum node_kind kind, struct node *n) {
    static const char *const words[] = {
        [NODE_IF] = "if", [NODE_WITH] = "with", [NODE_RANGE] = "range"};
    enum ending ending = ENDING_EOF;
    size_t scope = p->nvars;
    n->kind = kind;
    p->loops += kind == NODE_RANGE;
    int r = parser_enter(p);
    if (r == 0)
        r = parser_next(p);
    if (r == 0)
        r = parser_pipe(p, TOKEN_END, words[kind], &n->pipe);
    if (r == 0)
        r = parser_list(p, &n->body, &ending);
    p->loops -= kind == NODE_RANGE;
    if (r == 0 && ending == ENDING_EOF)
        r = lexer_fail(&p->lex, p->lex.end, p->e, "unexpected EOF");
    if (r == 0 && ending == ENDING_ELSE)
        r = parser_else(p, n);
    p->nvars = scope;
    p->depth--;
    return r;
}

static int parser_lone(struct parser *p, const char *word) {
    int r = parser_next(p);
    if (r == 0 && p->tok.kind != TOKEN_END)
        r = parser_fail(p, word);
    return r;
}

/* {{break}} and {{continue}} */
static int parser_jump(struct parser *p, struct node *n, enum node_kind kind, const char *word) {
    n->kind = kind;
    if (p->loops == 0)
        return lexer_fail(&p->lex, p->tok.start, p->e, "{{%s}} outside {{range}}", word);
    return parser_lone(p, word);
}

/* An action that begins with a word of the language. 1 = it does not. */
static int parser_keyword(struct parser *p, struct node *n) {
    const char *w = p->tok.text;
    if (p->tok.kind != TOKEN_IDENT)
        return 1;
    if (strcmp(w, "if") == 0)
        return parser_block(p, NODE_IF, n);
    if (strcmp(w, "with") == 0)
        return parser_block(p, NODE_WITH, n);
    if (strcmp(w, "range") == 0)
        return parser_block(p, NODE_RANGE, n);
    if (strcmp(w, "break") == 0)
        return parser_jump(p, n, NODE_BREAK, w);
    if (strcmp(w, "continue") == 0)
        return parser_jump(p, n, NODE_CONTINUE, w);
    if (strcmp(w, "define") == 0 || strcmp(w, "template") == 0 || strcmp(w, "block") == 0)
        return lexer_fail(&p->lex, p->tok.start, p->e, "{{%s}} is not supported", w);
    return 1;
}

/* {{end}} and {{else}}; the "if …" behind an else is the caller's. ENDING_EOF: it is neither. */
static int parser_ending(struct parser *p, enum ending *ret) {
    bool word = p->tok.kind == TOKEN_IDENT;
    *ret = word && strcmp(p->tok.text, "end") == 0    ? ENDING_END
           : word && strcmp(p->tok.text, "else") == 0 ? ENDING_ELSE
                                                      : ENDING_EOF;
    return *ret == ENDING_END ? parser_lone(p, "end") : 0;
}

/* {{- at the lexer: its trim mark is skipped. Comments are consumed: 1. */
static int parser_comment(struct parser *p) {
    struct lexer *l = &p->lex;
    if (l->end - l->at < 2 || l->at[0] != '/' || l->at[1] != '*')
        return 0;
    const char *close = strstr(l->at + 2, "*/");
    if (!close)
        return lexer_fail(l, l->at, p->e, "unclosed comment");
    l->at = close + 2;
    int r = parser_next(p);
    if (r < 0)
        return r;
    return p->tok.kind == TOKEN_END
               ? 1
               : lexer_fail(l, close, p->e, "comment ends before closing delimiter");
}

static bool parser_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Text up to "{{" or the end; the lexer stands behind "{{" or "{{- " then. */
static void parser_text(struct parser *p, const char **from, size_t *len, bool *action) {
    struct lexer *l = &p->lex;
    while (l->trim && l->at < l->end && parser_blank(*l->at))
        l->at++;
    l->trim = false;
    const char *open = strstr(l->at, "{{"), *end = open ? open : l->end;
    *from = l->at;
    *action = open != NULL;
    l->at = open ? open + 2 : l->end;
    if (open && open[2] == '-' && parser_blank(open[3])) {
        l->at += 2;
        while (end > *from && parser_blank(end[-1]))
            end--;
    }
    *len = (size_t)(end - *from);
}

static int parser_add(struct parser *p, struct node ***tail, struct node **ret) {
    *ret = arena_new_of(p->a, struct node);
    if (!*ret)
        return err_oom(p->e);
    **tail = *ret;
    *tail = &(*ret)->next;
    return 0;
}

/* Behind "{{". */
static int parser_action(struct parser *p, struct node ***tail, enum ending *ending) {
    struct node *n;
    int r = parser_comment(p);
    if (r != 0)
        return r < 0 ? r : 0;
    r = parser_next(p);
    if (r == 0)
        r = parser_ending(p, ending);
    if (r < 0 || *ending != ENDING_EOF)
        return r;
    r = parser_add(p, tail, &n);
    if (r == 0)
        r = parser_keyword(p, n);
    if (r != 1)
        return r;
    n->kind = NODE_PIPE;
    return parser_pipe(p, TOKEN_END, "command", &n->pipe);
}

static int parser_list(struct parser *p, struct node **ret, enum ending *ending) {
    struct node **tail = ret;
    size_t scope = p->nvars;
    *ending = ENDING_EOF;
    while (*ending == ENDING_EOF) {
        const char *from;
        size_t len;
        bool action;
        struct node *n;
        int r = 0;
        parser_text(p, &from, &len, &action);
        if (len > 0) {
            r = parser_add(p, &tail, &n);
            if (r < 0)
                return r;
            n->text = from;
            n->len = len;
        }
        if (!action)
            break;
        r = parser_action(p, &tail, ending);
        if (r < 0)
            return r;
    }
    p->nvars = scope;
    return 0;
}

int template_parse(const char *text, struct arena *a, struct template **ret, struct err *e) {
    char *source = arena_strdup(a, text);
    struct template *t = arena_new_of(a, struct template);
    enum ending ending;
    if (!source || !t)
        return err_oom(e);
    struct parser p = {.lex = {source, source, source + strlen(source), false, a}, .a = a, .e = e};
    p.vars[p.nvars++] = "$";
    int r = parser_list(&p, &t->list, &ending);
    if (r == 0 && ending != ENDING_EOF)
        r = lexer_fail(&p.lex, p.tok.start, e, "unexpected {{%s}}",
                       ending == ENDING_END ? "end" : "else");
    if (r == 0)
        *ret = t;
    return r;
}
