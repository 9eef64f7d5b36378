/* SPDX-License-Identifier: Apache-2.0 */
/* One container's document, and all of them. */
#include "oci/open.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

int oci_show(const struct oci *o, const char *id, js **ret, struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    int r = oci_open(o, id, &c, e);
    return r < 0 ? r : oci_state_document(&c.st, c.status, ret, e);
}

static int list_compare(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static int list_names(const struct oci *o, struct arena *a, struct strlist *ret, struct err *e) {
    struct err ignored;
    int r = 0;
    DIR *d = opendir(o->root);
    if (!d)
        return errno == ENOENT ? 0 : err_sys(e, "cannot open the state directory %s", o->root);
    for (const struct dirent *x; r == 0 && (x = readdir(d));) {
        if (x->d_type == DT_DIR && oci_check_id(x->d_name, &ignored) == 0)
            r = strlist_add(a, ret, x->d_name);
    }
    closedir(d);
    if (r < 0)
        return err_oom(e);
    if (ret->n)
        qsort(ret->v, ret->n, sizeof(char *), list_compare);
    return 0;
}

int oci_list(const struct oci *o, js **ret, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *all = js_new_array();
    struct strlist names = {0};
    if (!a || !all)
        return err_oom(e);
    int r = list_names(o, a, &names, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < names.n; i++) {
        js *one = NULL;
        struct err why = {0};
        r = oci_show(o, names.v[i], &one, &why);
        if (r == 0 && js_push(all, one) < 0)
            return err_oom(e);
        if (r < 0 && r != -ENOENT) /* in the making or just removed */
            oci_warn(o, "load container %s: %s", names.v[i], why.msg);
    }
    *ret = TAKE_PTR(all);
    return 0;
}
