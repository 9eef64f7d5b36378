/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include "cli/template.h"

#include <string.h>

static int format_template(const char *format, js *doc, struct str *out, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct template *t = NULL;
    if (!a)
        return err_oom(e);
    struct template_data d = {.dot = doc};
    int r = template_parse(format, a, &t, e);
    if (r == 0)
        r = template_run(t, &d, out, e);
    return r < 0 ? err_wrap(e, "template parsing error") : 0;
}

int format_render(const char *format, js *doc, struct str *out, struct err *e) {
    int r = 0;
    if (strcmp(format, "json") == 0)
        r = js_print(doc, JS_COMPACT, out) < 0 ? err_oom(e) : 0;
    else
        r = format_template(format, doc, out, e);
    return r == 0 && str_addc(out, '\n') < 0 ? err_oom(e) : r;
}

int format_document(const char *format, js *doc) {
    AUTO_STR struct str out = STR_INIT(0);
    hako_error e = {0};
    if (format_render(format, doc, &out, cli_err(&e)) < 0)
        return cli_fail(&e, 1);
    return cli_print(&out);
}
