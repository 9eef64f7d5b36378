/* SPDX-License-Identifier: Apache-2.0 */
/* A new name: link it, write the record, drop the old link. */
#include "engine/container.h"

#include "base/names.h"
#include "base/str.h"

#include <string.h>

int hako_container_rename(hako_container *c, const char *name, hako_error *he) {
    struct err *e = as_err(he);
    const char *n = name[0] == '/' ? name + 1 : name;
    if (!names_valid(n))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                       n);
    if (symlinkat(c->id, c->g->namesfd, n) < 0) {
        if (errno != EEXIST)
            return err_sys(e, "cannot take the name %s", n);
        return err_set(e, ERR_CONFLICT, -EEXIST,
                       "Conflict. The container name \"/%s\" is already "
                       "in use",
                       n);
    }
    char *old = c->rec.name;
    c->rec.name = arena_strdup(c->a, n);
    int r = c->rec.name ? record_write(c->dirfd, &c->rec, e) : err_oom(e);
    if (r < 0) {
        c->rec.name = old;
        unlinkat(c->g->namesfd, n, 0);
        return r;
    }
    unlinkat(c->g->namesfd, old, 0);
    return 0;
}
