/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prune_filter.h"

#include "cli/when.h"

#include <string.h>

static int prune_filter_add(struct arena *a, struct hako_strings *l, const char *value,
                            struct err *e) {
    return strlist_add(a, (struct strlist *)(void *)l, value) < 0 ? err_oom(e) : 0;
}

int prune_filter(const struct hako_strings *words, struct arena *a, struct prune_filter *ret,
                 struct err *e) {
    struct prune_filter f = {.before_ns = 0};
    int r = 0;
    for (size_t i = 0; i < words->n && r == 0; i++) {
        const char *w = words->v[i], *eq = strchr(w, '=');
        if (!eq)
            return err_set(e, ERR_USAGE, -EINVAL,
                           "invalid argument \"%s\" for \"--filter\" flag: bad format of filter "
                           "(expected name=value)",
                           w);
        if (str_starts(w, "label!="))
            r = prune_filter_add(a, &f.label_not, eq + 1, e);
        else if (str_starts(w, "label="))
            r = prune_filter_add(a, &f.label, eq + 1, e);
        else if (str_starts(w, "dangling="))
            f.dangling_off = strcmp(eq + 1, "false") == 0 || strcmp(eq + 1, "0") == 0;
        else if (!str_starts(w, "until="))
            return err_set(e, ERR_USAGE, -EINVAL, "invalid filter '%.*s'", (int)(eq - w), w);
        else if (when_parse(eq + 1, now_unix_ns(), &f.before_ns) < 0 || f.before_ns <= 0)
            return err_set(e, ERR_USAGE, -EINVAL, "invalid filter 'until=%s'", eq + 1);
    }
    if (r == 0)
        *ret = f;
    return r;
}
