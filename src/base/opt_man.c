/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <string.h>

/* Text for roff: hyphens that can be copied, no backslash, no line that looks like a request. */
static int roff(const char *s, struct str *out) {
    int r = *s == '.' || *s == '\'' ? str_add(out, "\\&") : 0;

    for (; *s && r == 0; s++) {
        if (*s == '\\')
            r = str_add(out, "\\e");
        else if (*s == '-')
            r = str_add(out, "\\-");
        else
            r = str_addc(out, *s == '\n' ? ' ' : *s);
    }
    return r;
}

static int put(const char *before, const char *text, const char *behind, struct str *out) {
    int r = str_add(out, before);
    if (r == 0)
        r = roff(text, out);
    return r < 0 ? r : str_add(out, behind);
}

static int option(const struct opt *o, struct str *out) {
    const char shorthand[] = {'-', o->short_name, '\0'};
    const char *metavar = opt_metavar(o);
    int r = str_add(out, ".TP\n");

    if (r == 0 && o->short_name)
        r = put("\\fB", shorthand, "\\fR, ", out);
    if (r == 0)
        r = put("\\fB\\-\\-", o->name, "\\fR", out);
    if (r == 0 && metavar)
        r = put(" \\fI", metavar, "\\fR", out);
    return r < 0 ? r : put("\n", o->help, "\n", out);
}

int opt_man(const struct opt_table *t, struct str *out) {
    size_t n;
    AUTO_FREE const struct opt **v = opt_visible(t, &n);
    const char *usage = t->usage ? t->usage : "";

    if (!v)
        return -ENOMEM;
    int r = put(".SS ", OPT_PROGRAM, " ", out);
    if (r == 0)
        r = put("", t->command, *usage ? " " : "", out);
    if (r == 0)
        r = put("", usage, "\n", out);
    if (r == 0 && t->summary)
        r = put("", t->summary, "\n", out);
    for (size_t i = 0; i < n && r == 0; i++)
        r = option(v[i], out);
    return r;
}
