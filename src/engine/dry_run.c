/* SPDX-License-Identifier: Apache-2.0 */
/* --dry-run: the runtime-spec and the plan of a run that does not happen. */
#include "engine/create.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

static int dry_lines(const struct plan *p, js **ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT((size_t)8 << 20);
    AUTO_JS js *list = js_new_array();
    if (plan_print(p, &text) < 0)
        return err_oom(e);
    for (const char *s = str_c(&text); *s;) {
        size_t n = strcspn(s, "\n");
        js_push(list, js_new_strn(s, n));
        s += n + (s[n] == '\n');
    }
    *ret = TAKE_PTR(list);
    return 0;
}

static int dry_document(struct box *b, char **ret, struct err *e) {
    void *bytes = NULL;
    size_t len = 0;
    struct rt_spec spec;
    struct plan plan;
    int r = create_plan(b, &bytes, &len, &spec, e);
    if (r == 0)
        r = plan_open(bytes, len, &plan, e);
    if (r < 0)
        return r;
    AUTO_JS js *doc = js_new_object();
    js *part = NULL;
    r = rt_spec_encode(&spec, &part, e);
    if (r < 0)
        return r;
    js_set(doc, "spec", part);
    r = dry_lines(&plan, &part, e);
    if (r < 0)
        return r;
    js_set(doc, "plan", part);
    AUTO_STR struct str text = STR_INIT(0);
    if (js_print(doc, JS_PRETTY, &text) < 0)
        return err_oom(e);
    *ret = str_take(&text);
    return 0;
}

int hako_container_dry_run(hako_engine *g, const struct hako_run_options *o, char **ret_json,
                           hako_error *he) {
    struct err *e = as_err(he);
    struct create c = {.b.dry = true};
    int r = create_prepare(&c, g, o, e);
    if (r == 0)
        r = create_place(&c, e);
    if (r == 0)
        r = dry_document(&c.b, ret_json, e);
    create_undo(&c);
    create_done(&c);
    return r;
}
