/* SPDX-License-Identifier: Apache-2.0 */
/* A running template: what its functions may use. */
#pragma once

#include "cli/template_tree.h"

struct template_eval {
    const struct template_data *data;
    struct str *out;
    struct err *e;
    js *made; /* array that owns every value made on the way */
    size_t steps, bytes;
    struct {
        const char *name;
        js *value;
    } vars[64];
    size_t nvars;
    const struct operand *at; /* for errors */
};

/* Values are borrowed: from the data, or from `made`. NULL is Go's nil. */
struct template_func {
    const char *name;
    size_t min, max; /* arguments */
    bool helper;     /* does nothing to column titles */
    int (*fn)(struct template_eval *t, js **args, size_t n, js **ret);
};
const struct template_func *template_func_find(const char *name);

/* --- template_eval.c ------------------------------------------------------------------------- */

/* Own `take`; fails when out of memory or beyond the bounds. */
int template_make(struct template_eval *t, js *take, size_t bytes, js **ret);
int template_make_str(struct template_eval *t, const struct str *s, js **ret);
/* template: :1:2: executing "" at <…>: … Returns -EINVAL. */
int template_fail(struct template_eval *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* --- template_value.c ------------------------------------------------------------------------ */

bool value_true(const js *v);
/* As Go's %v: "[a b]", "map[k:v]", "<nil>". 0 or -errno. */
int value_print(const js *v, struct str *out);
/* As Go's %q */
int value_quote(const char *s, size_t n, struct str *out);
int value_double(double d, struct str *out);
const char *value_type(const js *v); /* "string", "map" … */
size_t value_strlen(const js *v);    /* bytes of a string */
bool value_is_number(const js *v);
/* a ? b: sets *order to <0, 0, >0. -EINVAL: they cannot be compared; -ERANGE: only for equality. */
int value_compare(const js *a, const js *b, int *order);
/* Keys of an object, sorted; *n of them. NULL: out of memory (when *n). Borrowed strings. */
const char **value_keys(const js *obj, struct arena *a, size_t *n);
/* Member: exact, else whatever the case. False when there is none. */
bool value_member(const js *obj, const char *key, js **ret);

/* --- template_printf.c ----------------------------------------------------------------------- */

/* Go's fmt.Sprintf, for what JSON has. 0 or -errno. */
int printf_go(const char *format, js **args, size_t n, struct str *out);
