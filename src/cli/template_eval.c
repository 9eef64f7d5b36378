/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/template_funcs.h"

#include <stdio.h>
#include <string.h>

#define EVAL_STEPS 1000000
#define EVAL_BYTES ((size_t)32 << 20) /* made on the way */
#define EVAL_ARGS 32

enum jump { JUMP_NONE, JUMP_BREAK, JUMP_CONTINUE };

int template_fail(struct template_eval *t, const char *fmt, ...) {
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!t->at)
        return err_set(t->e, ERR_USAGE, -EINVAL, "template: %s", text);
    return err_set(t->e, ERR_USAGE, -EINVAL, "template: :%d:%zu: executing \"\" at <%.80s>: %s",
                   t->at->line, t->at->column, t->at->source, text);
}

int template_make(struct template_eval *t, js *take, size_t bytes, js **ret) {
    t->bytes += bytes + 64;
    if (!take || js_push(t->made, take) < 0)
        return err_oom(t->e);
    if (t->bytes > EVAL_BYTES)
        return template_fail(t, "the template makes too much");
    *ret = take;
    return 0;
}

int template_make_str(struct template_eval *t, const struct str *s, js **ret) {
    return template_make(t, js_new_strn(str_c(s), s->len), s->len, ret);
}

static int eval_step(struct template_eval *t) {
    return ++t->steps > EVAL_STEPS ? template_fail(t, "the template takes too many steps") : 0;
}

/* --- operands -------------------------------------------------------------------------------- */

static int eval_pipe(struct template_eval *t, const struct pipe *p, js *dot, js **ret);

static js *eval_var(const struct template_eval *t, const char *name) {
    for (size_t i = t->nvars; i > 0; i--)
        if (strcmp(t->vars[i - 1].name, name) == 0)
            return t->vars[i - 1].value;
    return NULL; /* the parser has seen to it that there is one */
}

static int eval_field(struct template_eval *t, js *v, const char *name, js **ret) {
    js *member = NULL;
    switch (js_type(v)) {
    case JS_OBJECT:
        if (value_member(v, name, &member)) {
            *ret = member;
            return 0;
        }
        break;
    case JS_NULL:
        if (!t->data->headers)
            return template_fail(t, "nil pointer evaluating interface {}.%s", name);
        break;
    default:
        if (!t->data->headers)
            return template_fail(t, "can't evaluate field %s in type %s", name, value_type(v));
    }
    if (t->data->headers)
        return template_make(t, js_new_str(""), 16, ret);
    return template_fail(t, "map has no entry for key \"%s\"", name);
}

static int eval_fields(struct template_eval *t, const struct operand *o, size_t n, js **v) {
    t->at = o;
    for (size_t i = 0; i < n; i++) {
        int r = eval_field(t, *v, o->fields.v[i], v);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The operand before its fields. */
static int eval_base(struct template_eval *t, const struct operand *o, js *dot, js **ret) {
    t->at = o;
    switch (o->kind) {
    case OPERAND_DOT:
        *ret = dot;
        return 0;
    case OPERAND_VAR:
        *ret = eval_var(t, o->name);
        return 0;
    case OPERAND_PIPE:
        return eval_pipe(t, o->pipe, dot, ret);
    case OPERAND_NIL:
        *ret = NULL;
        return 0;
    case OPERAND_BOOL:
        return template_make(t, js_new_bool(o->boolean), 16, ret);
    case OPERAND_INT:
        return template_make(t, js_new_i64(o->integer), 16, ret);
    case OPERAND_DOUBLE:
        return template_make(t, js_new_double(o->number), 16, ret);
    case OPERAND_STRING:
        return template_make(t, js_new_str(o->string), strlen(o->string), ret);
    case OPERAND_IDENT:
        break;
    }
    return template_fail(t, "not an operand");
}

static int eval_call(struct template_eval *t, const struct operand *o, js *dot, bool piped,
                     js *final, js **ret);

static int eval_operand(struct template_eval *t, const struct operand *o, js *dot, js **ret) {
    js *v = NULL;
    int r = eval_step(t);
    if (r < 0)
        return r;
    if (o->kind == OPERAND_IDENT) { /* a function as an argument, without arguments of its own */
        struct operand alone = *o;
        alone.next = NULL;
        return eval_call(t, &alone, dot, false, NULL, ret);
    }
    r = eval_base(t, o, dot, &v);
    if (r == 0)
        r = eval_fields(t, o, o->fields.n, &v);
    if (r == 0)
        *ret = v;
    return r;
}

/* --- calls ----------------------------------------------------------------------------------- */

/* The arguments behind o, and the value that was piped in. */
static int eval_args(struct template_eval *t, const struct operand *o, js *dot, bool piped,
                     js *final, js *args[EVAL_ARGS], size_t *n) {
    *n = 0;
    for (const struct operand *arg = o->next; arg; arg = arg->next) {
        if (*n == EVAL_ARGS - 1)
            return template_fail(t, "too many arguments");
        int r = eval_operand(t, arg, dot, &args[*n]);
        if (r < 0)
            return r;
        (*n)++;
    }
    if (piped)
        args[(*n)++] = final;
    t->at = o;
    return 0;
}

/* "com.example.some-thing" → "some thing" */
static int eval_method_title(struct template_eval *t, const char *name, js **ret) {
    AUTO_STR struct str b = STR_INIT(4096);
    const char *dot = strrchr(name, '.');
    int r = str_add(&b, dot ? dot + 1 : name);
    for (size_t i = 0; i < b.len; i++)
        if (b.s[i] == '-' || b.s[i] == '_')
            b.s[i] = ' ';
    return r < 0 ? template_fail(t, "too long") : template_make_str(t, &b, ret);
}

/* .Label "k": the methods of the data are tables. */
static int eval_method(struct template_eval *t, const struct operand *o, js *dot, bool piped,
                       js *final, js **ret) {
    js *args[EVAL_ARGS] = {0}, *v = NULL, *ignored;
    size_t n;
    const char *name = o->fields.n ? o->fields.v[o->fields.n - 1] : "";
    int r = eval_args(t, o, dot, piped, final, args, &n);
    if (r < 0)
        return r;
    bool at_top = o->fields.n == 1 && (o->kind == OPERAND_DOT || str_eq(o->name, "$"));
    js *table = at_top ? js_get(t->data->methods, name) : NULL;
    if (!table) {
        r = eval_base(t, o, dot, &v);
        if (r == 0 && o->fields.n)
            r = eval_fields(t, o, o->fields.n, &v);
        return r < 0 ? r
               : o->fields.n
                   ? template_fail(t, "%s is not a method but has arguments", name)
                   : template_fail(t, "can't give argument to non-function %s", o->source);
    }
    const char *key = js_str(args[0]);
    if (n != 1 || !key)
        return template_fail(t, "%s wants one string", name);
    if (t->data->headers)
        return eval_method_title(t, key, ret);
    *ret = js_get(table, key);
    if (!*ret && !value_member(table, key, &ignored))
        return template_make(t, js_new_str(""), 16, ret);
    return 0;
}

/* and, or: the first argument that decides. */
static int eval_lazy(struct template_eval *t, const struct operand *o, js *dot, bool piped,
                     js *final, js **ret) {
    bool until = o->name[0] == 'o';
    js *v = NULL;
    size_t n = 0;
    for (const struct operand *arg = o->next; arg; arg = arg->next, n++) {
        int r = eval_operand(t, arg, dot, &v);
        if (r < 0)
            return r;
        if (value_true(v) == until) {
            *ret = v;
            return 0;
        }
    }
    t->at = o;
    if (n == 0 && !piped)
        return template_fail(t, "wrong number of args for %s: want at least 1 got 0", o->name);
    *ret = piped ? final : v;
    return 0;
}

static int eval_call(struct template_eval *t, const struct operand *o, js *dot, bool piped,
                     js *final, js **ret) {
    const struct template_func *f = template_func_find(o->name);
    js *args[EVAL_ARGS] = {0}, *v = NULL;
    size_t n;
    int r;
    t->at = o;
    if (strcmp(o->name, "and") == 0 || strcmp(o->name, "or") == 0)
        return eval_lazy(t, o, dot, piped, final, ret);
    r = eval_args(t, o, dot, piped, final, args, &n);
    if (r < 0)
        return r;
    if (n < f->min || n > f->max)
        return template_fail(t, "wrong number of args for %s: want %s%zu got %zu", o->name,
                             f->max == SIZE_MAX ? "at least " : "", n < f->min ? f->min : f->max,
                             n);
    if (t->data->headers && f->helper)
        v = args[0];
    else
        r = f->fn(t, args, n, &v);
    if (r == 0)
        *ret = v;
    return r;
}

/* --- pipelines ------------------------------------------------------------------------------- */

static int eval_command(struct template_eval *t, const struct command_node *c, js *dot, bool piped,
                        js *final, js **ret) {
    const struct operand *o = c->args;
    int r = eval_step(t);
    if (r < 0)
        return r;
    if (o->kind == OPERAND_IDENT)
        return eval_call(t, o, dot, piped, final, ret);
    if (o->next || piped)
        return eval_method(t, o, dot, piped, final, ret);
    return eval_operand(t, o, dot, ret);
}

static int eval_push(struct template_eval *t, const char *name, js *value) {
    if (t->nvars == ARRAY_SIZE(t->vars))
        return template_fail(t, "too many variables");
    t->vars[t->nvars].name = name;
    t->vars[t->nvars++].value = value;
    return 0;
}

static void eval_assign(struct template_eval *t, const char *name, js *value) {
    for (size_t i = t->nvars; i > 0; i--)
        if (strcmp(t->vars[i - 1].name, name) == 0) {
            t->vars[i - 1].value = value;
            return;
        }
}

static int eval_set(struct template_eval *t, const struct pipe *p, const char *name, js *value) {
    if (!p->assign)
        return eval_push(t, name, value);
    eval_assign(t, name, value);
    return 0;
}

static int eval_pipe(struct template_eval *t, const struct pipe *p, js *dot, js **ret) {
    js *v = NULL;
    bool piped = false;
    for (const struct command_node *c = p->commands; c; c = c->next) {
        int r = eval_command(t, c, dot, piped, v, &v);
        if (r < 0)
            return r;
        piped = true;
    }
    *ret = v;
    return 0;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static int eval_list(struct template_eval *t, const struct node *list, js *dot, enum jump *jump);

static int eval_print(struct template_eval *t, const struct node *n, js *dot) {
    js *v = NULL;
    int r = eval_pipe(t, n->pipe, dot, &v);
    if (r < 0)
        return r;
    if (n->pipe->nvars)
        return eval_set(t, n->pipe, n->pipe->vars[0], v);
    return value_print(v, t->out) < 0 ? template_fail(t, "the output is too long") : 0;
}

/* if and with */
static int eval_choice(struct template_eval *t, const struct node *n, js *dot, enum jump *jump) {
    size_t scope = t->nvars;
    js *v = NULL;
    int r = eval_pipe(t, n->pipe, dot, &v);
    if (r == 0 && n->pipe->nvars)
        r = eval_set(t, n->pipe, n->pipe->vars[0], v);
    if (r == 0 && value_true(v))
        r = eval_list(t, n->body, n->kind == NODE_WITH ? v : dot, jump);
    else if (r == 0)
        r = eval_list(t, n->otherwise, dot, jump);
    t->nvars = scope;
    return r;
}

static int eval_round(struct template_eval *t, const struct node *n, js *key, js *value,
                      enum jump *jump) {
    const struct pipe *p = n->pipe;
    size_t scope = t->nvars;
    int r = eval_step(t);
    if (r == 0 && p->nvars == 2)
        r = eval_set(t, p, p->vars[0], key);
    if (r == 0 && p->nvars)
        r = eval_set(t, p, p->vars[p->nvars - 1], value);
    if (r == 0)
        r = eval_list(t, n->body, value, jump);
    t->nvars = scope;
    return r;
}

/* The i-th round's key and value. */
static int eval_element(struct template_eval *t, js *v, const char **keys, size_t i, js **key,
                        js **value) {
    int r = keys ? template_make(t, js_new_str(keys[i]), strlen(keys[i]), key)
                 : template_make(t, js_new_u64(i), 16, key);
    if (r == 0)
        *value = keys ? js_get(v, keys[i]) : js_type(v) == JS_ARRAY ? js_at(v, i) : *key;
    return r;
}

static int eval_range(struct template_eval *t, const struct node *n, js *dot, enum jump *outer) {
    AUTO_ARENA struct arena *a = NULL;
    enum jump jump = JUMP_NONE;
    const char **keys = NULL;
    js *v = NULL;
    size_t count = 0;
    int r = eval_pipe(t, n->pipe, dot, &v);
    if (r < 0)
        return r;
    if (js_type(v) == JS_OBJECT) {
        a = arena_new();
        keys = a ? value_keys(v, a, &count) : NULL;
        if (!keys)
            return err_oom(t->e);
    } else if (js_type(v) == JS_ARRAY) {
        count = js_len(v);
    } else if (js_type(v) == JS_INT && js_i64(v, 0) >= 0) {
        count = (size_t)js_u64(v, 0);
    } else if (js_type(v) != JS_NULL && !t->data->headers) {
        AUTO_STR struct str b = STR_INIT(200);
        value_print(v, &b);
        return template_fail(t, "range can't iterate over %s", str_c(&b));
    }
    for (size_t i = 0; i < count && r == 0 && jump != JUMP_BREAK; i++) {
        js *key = NULL, *value = NULL;
        jump = JUMP_NONE;
        r = eval_element(t, v, keys, i, &key, &value);
        if (r == 0)
            r = eval_round(t, n, key, value, &jump);
    }
    if (r == 0 && count == 0)
        r = eval_list(t, n->otherwise, dot, outer); /* not in the loop */
    return r;
}

static int eval_node(struct template_eval *t, const struct node *n, js *dot, enum jump *jump) {
    switch (n->kind) {
    case NODE_TEXT:
        return str_addn(t->out, n->text, n->len) < 0 ? template_fail(t, "the output is too long")
                                                     : 0;
    case NODE_PIPE:
        return eval_print(t, n, dot);
    case NODE_IF:
    case NODE_WITH:
        return eval_choice(t, n, dot, jump);
    case NODE_RANGE:
        return eval_range(t, n, dot, jump);
    case NODE_BREAK:
        *jump = JUMP_BREAK;
        return 0;
    case NODE_CONTINUE:
        *jump = JUMP_CONTINUE;
        return 0;
    }
    return 0;
}

static int eval_list(struct template_eval *t, const struct node *list, js *dot, enum jump *jump) {
    size_t scope = t->nvars;
    int r = 0;
    for (const struct node *n = list; n && r == 0 && *jump == JUMP_NONE; n = n->next) {
        r = eval_step(t);
        if (r == 0)
            r = eval_node(t, n, dot, jump);
    }
    t->nvars = scope;
    return r;
}

int template_run(const struct template *t, const struct template_data *d, struct str *out,
                 struct err *e) {
    AUTO_JS js *made = js_new_array();
    struct template_eval ev = {.data = d, .out = out, .e = e, .made = made};
    enum jump jump = JUMP_NONE;
    if (!made)
        return err_oom(e);
    int r = eval_push(&ev, "$", d->dot);
    return r < 0 ? r : eval_list(&ev, t->list, d->dot, &jump);
}
