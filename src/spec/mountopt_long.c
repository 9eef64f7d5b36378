/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/mountopt.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "spec/mountopt_parts.h"

/* --- CSV ----------------------------------------------------------------------------------- */

static int bad_csv(size_t column, const char *why, struct err *e) {
    return err_set(e, ERR_USAGE, -EINVAL, "parse error on line 1, column %zu: %s", column, why);
}

/* One field starting at s, unquoted into out. Returns what follows it, or NULL with `e` set. */
static const char *csv_field(const char *s, const char *start, char *out, struct err *e) {
    bool quoted = *s == '"';
    if (!quoted) {
        for (; *s && *s != ','; s++) {
            if (*s == '"') {
                (void)bad_csv((size_t)(s - start) + 1, "bare \" in non-quoted field", e);
                return NULL;
            }
            *out++ = *s;
        }
        *out = 0;
        return s;
    }
    for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
        s += *s == '"';
        *out++ = *s;
    }
    *out = 0;
    if (*s != '"' || (s[1] && s[1] != ',')) {
        (void)bad_csv((size_t)(s - start) + 1, "extraneous or missing \" in quoted-field", e);
        return NULL;
    }
    return s + 1;
}

/* One CSV record as Go's encoding/csv reads it: "a,b" in quotes keeps its comma. */
static int csv_split(const char *text, struct arena *a, struct strlist *ret, struct err *e) {
    struct strlist out = {0};
    const char *s = text;
    char *field = arena_strdup(a, text); /* no field is longer */
    if (!field)
        return err_oom(e);
    if (strpbrk(text, "\r\n"))
        return bad_csv(strcspn(text, "\r\n") + 1, "line break in a mount", e);
    for (;;) {
        s = csv_field(s, text, field, e);
        if (!s)
            return -EINVAL;
        if (strlist_add(a, &out, field) < 0)
            return err_oom(e);
        if (!*s)
            break;
        s++;
    }
    *ret = out;
    return 0;
}

/* --- keys ---------------------------------------------------------------------------------- */

struct request {
    struct mount_request m;
    struct arena *a;
    struct err *e;
    const char *type, *source, *target; /* as given: their meaning depends on each other */
    bool group_used[4];                 /* an option of this kind was given, by mount_kind */
};

struct key {
    const char *name;
    int group;        /* enum mount_kind it belongs to, -1 = all */
    bool may_be_bare; /* "readonly" for "readonly=true" */
    int (*set)(struct request *q, const char *key, const char *value);
};

static int bad_value(struct request *q, const char *key, const char *value) {
    return err_set(q->e, ERR_USAGE, -EINVAL, "invalid value for %s: %.100s", key, value);
}

static int set_bool(struct request *q, const char *key, const char *value, bool *ret) {
    bool yes = str_eq(value, "1") || str_eq(value, "true");
    if (!yes && !str_eq(value, "0") && !str_eq(value, "false"))
        return err_set(q->e, ERR_USAGE, -EINVAL,
                       "invalid value for '%s': invalid boolean value (\"%.60s\"): must be one of "
                       "\"true\", \"1\", \"false\", or \"0\" (default \"true\")",
                       key, value);
    *ret = yes;
    return 0;
}

static int set_str(struct request *q, const char *value, char **ret) {
    *ret = arena_strdup(q->a, value);
    return *ret ? 0 : err_oom(q->e);
}

static int set_type(struct request *q, const char *key, const char *value) {
    q->type = value;
    return 0;
}

static int set_source(struct request *q, const char *key, const char *value) {
    q->source = value;
    return 0;
}

static int set_target(struct request *q, const char *key, const char *value) {
    q->target = value;
    return 0;
}

static int set_readonly(struct request *q, const char *key, const char *value) {
    return set_bool(q, key, value, &q->m.readonly);
}

/* Means something on macOS only; docker takes it everywhere. */
static int set_consistency(struct request *q, const char *key, const char *value) {
    bool known = str_eq(value, "consistent") || str_eq(value, "cached") ||
                 str_eq(value, "delegated") || str_eq(value, "default");
    return known ? 0 : bad_value(q, key, value);
}

static int set_propagation(struct request *q, const char *key, const char *value) {
    if (!mountopt_is_propagation(value))
        return err_set(q->e, ERR_USAGE, -EINVAL,
                       "invalid mount config for type \"bind\": invalid propagation mode: %.60s",
                       value);
    return set_str(q, value, &q->m.propagation);
}

static int refuse_nonrecursive(struct request *q, const char *key, const char *value) {
    return err_set(q->e, ERR_USAGE, -EINVAL,
                   "bind-nonrecursive is deprecated, use bind-recursive=disabled instead");
}

static int set_recursive(struct request *q, const char *key, const char *value) {
    if (str_eq(value, "disabled"))
        q->m.nonrecursive = true;
    else if (str_eq(value, "writable"))
        q->m.ro_top_only = true;
    else if (str_eq(value, "readonly"))
        q->m.ro_forced = true;
    else if (!str_eq(value, "enabled"))
        return err_set(q->e, ERR_USAGE, -EINVAL,
                       "invalid value for %s: %.60s (must be \"enabled\", \"disabled\", "
                       "\"writable\", or \"readonly\")",
                       key, value);
    return 0;
}

static int set_create_source(struct request *q, const char *key, const char *value) {
    return set_bool(q, key, value, &q->m.create_source);
}

static int set_subpath(struct request *q, const char *key, const char *value) {
    const char *s = value;
    bool local = *s && *s != '/';
    for (; local && s; s = strchr(s, '/')) {
        s += *s == '/';
        size_t n = strcspn(s, "/");
        local = !(n == 2 && s[0] == '.' && s[1] == '.');
    }
    if (!local)
        return err_set(q->e, ERR_USAGE, -EINVAL,
                       "invalid value for %s: %.100s: subpath must be a relative path within the "
                       "volume",
                       key, value);
    return set_str(q, value, &q->m.subpath);
}

static int set_nocopy(struct request *q, const char *key, const char *value) {
    return set_bool(q, key, value, &q->m.nocopy);
}

static int set_driver(struct request *q, const char *key, const char *value) {
    return set_str(q, value, &q->m.driver);
}

/* "key=value" or "key" into a map; the later of equal keys wins. */
static int add_pair(struct request *q, const char *value, struct rt_kv **v, size_t *n) {
    size_t len = strcspn(value, "=");
    if (len == 0)
        return 0;
    struct rt_kv kv = {.key = arena_strndup(q->a, value, len),
                       .value = arena_strdup(q->a, value[len] ? value + len + 1 : "")};
    struct rt_kv *grown = arena_array(q->a, *n + 1, struct rt_kv);
    if (!kv.key || !kv.value || !grown)
        return err_oom(q->e);
    for (size_t i = 0; i < *n; i++) {
        if (str_eq((*v)[i].key, kv.key)) {
            (*v)[i].value = kv.value;
            return 0;
        }
        grown[i] = (*v)[i];
    }
    grown[*n] = kv;
    *v = grown;
    (*n)++;
    return 0;
}

static int add_label(struct request *q, const char *key, const char *value) {
    return add_pair(q, value, &q->m.labels, &q->m.n_labels);
}

static int add_driver_opt(struct request *q, const char *key, const char *value) {
    return add_pair(q, value, &q->m.driver_opts, &q->m.n_driver_opts);
}

static int set_tmpfs_size(struct request *q, const char *key, const char *value) {
    return mountopt_tmpfs_size(value, &q->m) ? 0 : bad_value(q, key, value);
}

static int set_tmpfs_mode(struct request *q, const char *key, const char *value) {
    return mountopt_tmpfs_mode(value, &q->m) ? 0 : bad_value(q, key, value);
}

static const struct key keys[] = {
    {"type", -1, false, set_type},
    {"source", -1, false, set_source},
    {"src", -1, false, set_source},
    {"target", -1, false, set_target},
    {"dst", -1, false, set_target},
    {"destination", -1, false, set_target},
    {"readonly", -1, true, set_readonly},
    {"ro", -1, true, set_readonly},
    {"consistency", -1, false, set_consistency},
    {"bind-propagation", MOUNT_BIND, false, set_propagation},
    {"bind-nonrecursive", MOUNT_BIND, true, refuse_nonrecursive},
    {"bind-recursive", MOUNT_BIND, false, set_recursive},
    {"bind-create-src", MOUNT_BIND, true, set_create_source},
    {"volume-subpath", MOUNT_VOLUME, false, set_subpath},
    {"volume-nocopy", MOUNT_VOLUME, true, set_nocopy},
    {"volume-label", MOUNT_VOLUME, false, add_label},
    {"volume-driver", MOUNT_VOLUME, false, set_driver},
    {"volume-opt", MOUNT_VOLUME, false, add_driver_opt},
    {"image-subpath", MOUNT_IMAGE, false, set_subpath},
    {"tmpfs-size", MOUNT_TMPFS, false, set_tmpfs_size},
    {"tmpfs-mode", MOUNT_TMPFS, false, set_tmpfs_mode},
};

static bool has_outer_space(const char *s) {
    size_t n = strlen(s);
    return n && (isspace((unsigned char)s[0]) || isspace((unsigned char)s[n - 1]));
}

static bool is_blank(const char *s) {
    return !s[strspn(s, " \t\r\n\v\f")];
}

/* One "key=value" or "key" of the list. */
static int set_field(struct request *q, const char *field) {
    char *name = arena_strndup(q->a, field, strcspn(field, "="));
    const char *eq = strchr(field, '=');
    const char *value = eq ? eq + 1 : NULL;
    const struct key *key = NULL;
    if (!name)
        return err_oom(q->e);
    if (has_outer_space(name))
        return err_set(q->e, ERR_USAGE, -EINVAL,
                       "invalid option '%.100s': option should not have whitespace", field);
    if (value && is_blank(value))
        return err_set(q->e, ERR_USAGE, -EINVAL, "invalid value for '%.60s': value is empty", name);
    if (value && has_outer_space(value))
        return err_set(q->e, ERR_USAGE, -EINVAL,
                       "invalid value for '%.60s' in '%.100s': value should not have whitespace",
                       name, field);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcasecmp(keys[i].name, name) == 0)
            key = &keys[i];
    }
    if (!value && (!key || !key->may_be_bare))
        return err_set(q->e, ERR_USAGE, -EINVAL, "invalid field '%.100s' must be a key=value pair",
                       field);
    if (!key)
        return err_set(q->e, ERR_USAGE, -EINVAL, "unknown option '%.60s' in '%.100s'", name, field);
    if (key->group >= 0)
        q->group_used[key->group] = true;
    return key->set(q, key->name, value ? value : "true");
}

/* --- the whole request --------------------------------------------------------------------- */

static int parse_kind(struct request *q) {
    static const enum mount_kind all[] = {MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS, MOUNT_IMAGE};
    bool found = !q->type;
    q->m.kind = MOUNT_VOLUME;
    for (size_t i = 0; q->type && i < ARRAY_SIZE(all); i++) {
        if (strcasecmp(q->type, mountopt_kind_name(all[i])) == 0) {
            q->m.kind = all[i];
            found = true;
        }
    }
    if (!found)
        return err_set(q->e, ERR_USAGE, -EINVAL,
                       "invalid mount config for type \"%.60s\": mount type unknown", q->type);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (q->group_used[all[i]] && all[i] != q->m.kind)
            return err_set(q->e, ERR_USAGE, -EINVAL,
                           "cannot mix '%s-*' options with mount type '%s'",
                           mountopt_kind_name(all[i]), mountopt_kind_name(q->m.kind));
    }
    return 0;
}

static int bad_field(struct request *q, const char *field, const char *must) {
    return err_set(q->e, ERR_USAGE, -EINVAL,
                   "invalid mount config for type \"%s\": field %s must %s",
                   mountopt_kind_name(q->m.kind), field, must);
}

static int check_bind(struct request *q) {
    const char *missing = NULL;
    if (q->m.ro_top_only && !q->m.readonly)
        missing = "'bind-recursive=writable' requires 'readonly'";
    if (q->m.ro_forced && !q->m.readonly)
        missing = "'bind-recursive=readonly' requires 'readonly'";
    else if (q->m.ro_forced && !str_eq(q->m.propagation, "rprivate"))
        missing = "'bind-recursive=readonly' requires 'bind-propagation=rprivate'";
    if (missing)
        return err_set(q->e, ERR_USAGE, -EINVAL, "option %s to be specified in conjunction",
                       missing);
    return 0;
}

static int resolve_source(struct request *q, const char *cwd) {
    switch (q->m.kind) {
    case MOUNT_BIND:
        if (!q->source)
            return bad_field(q, "Source", "not be empty");
        return mountopt_host_path(q->source, cwd, q->a, &q->m.source, q->e);
    case MOUNT_VOLUME:
        if (q->source)
            return mountopt_volume_name(q->source, q->a, &q->m.source, q->e);
        if (q->m.subpath)
            return err_set(q->e, ERR_USAGE, -EINVAL,
                           "invalid mount config for type \"volume\": must not set Subpath when "
                           "using anonymous volumes");
        return 0;
    case MOUNT_IMAGE:
        if (!q->source)
            return bad_field(q, "Source", "not be empty");
        return set_str(q, q->source, &q->m.source);
    case MOUNT_TMPFS:
        break;
    }
    return q->source ? bad_field(q, "Source", "not be specified") : 0;
}

int mountopt_mount(const char *text, const char *cwd, struct arena *a, struct mount_request *ret,
                   struct err *e) {
    struct request q = {.a = a, .e = e};
    struct strlist fields = {0};
    if (is_blank(text))
        return err_set(e, ERR_USAGE, -EINVAL, "invalid --mount: value is empty");
    int r = csv_split(text, a, &fields, e);
    for (size_t i = 0; r == 0 && i < fields.n; i++)
        r = set_field(&q, fields.v[i]);
    if (r == 0)
        r = parse_kind(&q);
    if (r == 0)
        r = check_bind(&q);
    if (r == 0 && !q.target)
        r = bad_field(&q, "Target", "not be empty");
    if (r == 0)
        r = mountopt_target(q.target, a, &q.m.target, e);
    if (r == 0)
        r = resolve_source(&q, cwd);
    if (r < 0)
        return r;
    *ret = q.m;
    return 0;
}
