/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -u and USER: names of the image's /etc/passwd and /etc/group → numbers. PURE: texts in, ids
 * out. The texts are the image's, hence hostile: bounded by the reader, parsed line by line.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct user_ids {
    uint32_t uid, gid;
    uint32_t *groups; /* supplementary, --group-add included */
    size_t n_groups;
    const char *home; /* "/" when unknown */
};

/* `user`: "", "name", "uid", "name:group", "uid:gid"… passwd and group may be "". */
int user_resolve(const char *user, const char *passwd, const char *group,
                 const struct strlist *group_add, struct arena *a, struct user_ids *ret,
                 struct err *e);
