/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/user.h"

#include "base/str.h"

#include <string.h>

#define USER_MAX_GROUPS 256

/* One line "a:b:c…" cut into fields, in place. */
static size_t user_fields(char *line, char **v, size_t max) {
    size_t n = 0;
    for (char *p = line; n < max; p++) {
        v[n++] = p;
        p = strchr(p, ':');
        if (!p)
            break;
        *p = 0;
    }
    return n;
}

static bool user_number(const char *s, uint32_t *ret) {
    uint64_t v;
    if (str_to_u64(s, &v) < 0 || v > INT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

/* Calls fn with the fields of each line until it returns true. `text` is copied. */
static bool user_each(const char *text, struct arena *a, size_t min_fields,
                      bool (*fn)(char **v, size_t n, void *data), void *data) {
    char *copy = arena_strdup(a, text);
    for (char *line = copy, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        char *v[8];
        size_t n = user_fields(line, v, ARRAY_SIZE(v));
        if (n >= min_fields && fn(v, n, data))
            return true;
    }
    return false;
}

struct user_query {
    const char *name; /* NULL: by number */
    uint32_t id;
    uint32_t gid;
    const char *login, *home;
};

static bool user_match_passwd(char **v, size_t n, void *data) {
    struct user_query *q = data;
    uint32_t uid, gid;
    if (!user_number(v[2], &uid) || !user_number(v[3], &gid))
        return false;
    if (q->name ? strcmp(v[0], q->name) != 0 : uid != q->id)
        return false;
    q->id = uid;
    q->gid = gid;
    q->login = v[0];
    q->home = n > 5 ? v[5] : NULL;
    return true;
}

static bool user_match_group(char **v, size_t n, void *data) {
    struct user_query *q = data;
    uint32_t gid;
    if (!user_number(v[2], &gid) || strcmp(v[0], q->name) != 0)
        return false;
    q->id = gid;
    return true;
}

struct user_members {
    const char *login;
    struct user_ids *ids;
};

static void user_add_group(struct user_ids *ids, uint32_t gid) {
    for (size_t i = 0; i < ids->n_groups; i++)
        if (ids->groups[i] == gid)
            return;
    if (ids->n_groups < USER_MAX_GROUPS)
        ids->groups[ids->n_groups++] = gid;
}

static bool user_member(char **v, size_t n, void *data) {
    struct user_members *m = data;
    uint32_t gid;
    if (n < 4 || !user_number(v[2], &gid))
        return false;
    for (char *p = v[3]; *p;) {
        size_t len = strcspn(p, ",");
        if (strlen(m->login) == len && strncmp(p, m->login, len) == 0)
            user_add_group(m->ids, gid);
        p += len + (p[len] == ',');
    }
    return false; /* every line counts */
}

static int user_group_id(const char *name, const char *group, struct arena *a, uint32_t *ret,
                         struct err *e) {
    struct user_query q = {.name = name};
    if (user_number(name, ret))
        return 0;
    if (!user_each(group, a, 3, user_match_group, &q))
        return err_set(e, ERR_USAGE, -ENOENT,
                       "unable to find group %s: no matching entries in group file", name);
    *ret = q.id;
    return 0;
}

static int user_find(const char *name, const char *passwd, struct arena *a, struct user_query *q,
                     struct err *e) {
    q->name = user_number(name, &q->id) ? NULL : name;
    if (!user_each(passwd, a, 4, user_match_passwd, q) && q->name)
        return err_set(e, ERR_USAGE, -ENOENT,
                       "unable to find user %s: no matching entries in passwd file", name);
    return 0;
}

int user_resolve(const char *user, const char *passwd, const char *group,
                 const struct strlist *group_add, struct arena *a, struct user_ids *ret,
                 struct err *e) {
    char *name = arena_strdup(a, str_empty(user) ? "0" : user);
    struct user_ids ids = {.groups = arena_array(a, USER_MAX_GROUPS, uint32_t)};
    if (!name || !ids.groups)
        return err_oom(e);
    char *colon = strchr(name, ':');
    if (colon)
        *colon = 0;
    struct user_query q = {0};
    int r = user_find(name[0] ? name : "0", passwd, a, &q, e);
    if (r < 0)
        return r;
    ids.uid = q.id;
    ids.gid = q.gid;
    ids.home = str_empty(q.home) ? "/" : q.home;
    if (colon && colon[1])
        r = user_group_id(colon + 1, group, a, &ids.gid, e);
    else if (q.login) /* an explicit group replaces the user's own, as docker has it */
        user_each(group, a, 4, user_member, &(struct user_members){q.login, &ids});
    for (size_t i = 0; r == 0 && i < group_add->n; i++) {
        uint32_t gid;
        r = user_group_id(group_add->v[i], group, a, &gid, e);
        if (r == 0)
            user_add_group(&ids, gid);
    }
    if (r == 0)
        *ret = ids;
    return r;
}
