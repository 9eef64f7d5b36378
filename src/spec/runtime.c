/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/runtime.h"
#include "spec/runtime_tables.h"

#include <ctype.h>

/* --- root, mounts, hooks ------------------------------------------------------------------- */

static const struct field root_fields[] = {
    {FIELD(struct rt_spec, STR, "path", root_path), .flags = FIELD_REQUIRED},
    {FIELD(struct rt_spec, BOOL, "readonly", root_readonly)},
};
static const struct field_table root_table = FIELD_TABLE(struct rt_spec, root_fields);

static const struct field mount_fields[] = {
    {FIELD(struct rt_mount, STR, "destination", destination), .flags = FIELD_REQUIRED},
    {FIELD(struct rt_mount, STR, "type", type)},
    {FIELD(struct rt_mount, STR, "source", source)},
    {FIELD(struct rt_mount, STRLIST, "options", options)},
    {FIELD_ITEMS(struct rt_mount, LIST, "uidMappings", struct rt_idmap, uid_mappings.v,
                 uid_mappings.n, runtime_idmap_table)},
    {FIELD_ITEMS(struct rt_mount, LIST, "gidMappings", struct rt_idmap, gid_mappings.v,
                 gid_mappings.n, runtime_idmap_table)},
};

static int check_mount(struct field_in *in, const void *obj) {
    const struct rt_mount *m = obj;
    if (!m->uid_mappings.n != !m->gid_mappings.n)
        return field_fail(in, NULL, "uidMappings and gidMappings must be given together");
    return 0;
}
static const struct field_table mount_table =
    FIELD_TABLE_CHECKED(struct rt_mount, mount_fields, check_mount);

static const struct field hook_fields[] = {
    {FIELD(struct rt_hook, STR, "path", path), .flags = FIELD_REQUIRED},
    {FIELD(struct rt_hook, STRLIST, "args", args)},
    {FIELD(struct rt_hook, STRLIST, "env", env)},
    {FIELD(struct rt_hook, INT, "timeout", timeout), .min = 1, .max = INT32_MAX},
};

static int check_hook(struct field_in *in, const void *obj) {
    const struct rt_hook *h = obj;
    if (h->path[0] != '/')
        return field_fail(in, "path", "\"%.200s\": must be an absolute path", h->path);
    return 0;
}
static const struct field_table hook_table =
    FIELD_TABLE_CHECKED(struct rt_hook, hook_fields, check_hook);

#define HOOKS(name, m)                                                                             \
    { FIELD_ITEMS(struct rt_spec, LIST, name, struct rt_hook, m.v, m.n, hook_table) }
static const struct field hooks_fields[] = {
    HOOKS("prestart", prestart),
    HOOKS("createRuntime", create_runtime),
    HOOKS("createContainer", create_container),
    HOOKS("startContainer", start_container),
    HOOKS("poststart", poststart),
    HOOKS("poststop", poststop),
};
static const struct field_table hooks_table = FIELD_TABLE(struct rt_spec, hooks_fields);

/* --- the whole document -------------------------------------------------------------------- */

static const struct field spec_fields[] = {
    {FIELD(struct rt_spec, STR, "ociVersion", version), .flags = FIELD_REQUIRED},
    {FIELD_NEST(struct rt_spec, "process", process, runtime_process_table),
     .has = 1 + FIELD_OFF(struct rt_spec, has_process, bool)},
    {FIELD_INLINE("root", root_table)},
    {FIELD(struct rt_spec, STR, "hostname", hostname)},
    {FIELD(struct rt_spec, STR, "domainname", domainname)},
    {FIELD_ITEMS(struct rt_spec, LIST, "mounts", struct rt_mount, mounts, n_mounts, mount_table)},
    {FIELD_INLINE("hooks", hooks_table)},
    {FIELD_N(struct rt_spec, KVS, "annotations", annotations, n_annotations)},
    {FIELD_INLINE("linux", runtime_linux_table)},
};

/* Major version 1, and the 0.x drafts that tools still write; later minors only add members. */
static int check_spec(struct field_in *in, const void *obj) {
    const struct rt_spec *s = obj;
    const char *v = s->version;
    if ((v[0] != '0' && v[0] != '1') || v[1] != '.' || !isdigit((unsigned char)v[2]))
        return field_fail(in, "ociVersion", "expected 1.x.y, got \"%.40s\"", v);
    return 0;
}
static const struct field_table spec_table =
    FIELD_TABLE_CHECKED(struct rt_spec, spec_fields, check_spec);

int rt_spec_decode(const js *doc, struct arena *a, struct rt_spec *ret, struct err *e) {
    struct rt_spec s = {0};
    int r = field_decode(&spec_table, doc, "config.json", a, &s, e);
    if (r < 0)
        return r;
    *ret = s;
    return 0;
}

int rt_process_decode(const js *doc, struct arena *a, struct rt_process *ret, struct err *e) {
    struct rt_process p = {0};
    int r = field_decode(&runtime_process_table, doc, "process document", a, &p, e);
    if (r < 0)
        return r;
    *ret = p;
    return 0;
}

int rt_resources_decode(const js *doc, struct arena *a, struct rt_resources *ret, struct err *e) {
    struct rt_resources res = {0};
    int r = field_decode(&runtime_resources_table, doc, "resources document", a, &res, e);
    if (r < 0)
        return r;
    *ret = res;
    return 0;
}

int rt_spec_encode(const struct rt_spec *s, js **ret, struct err *e) {
    return field_encode(&spec_table, s, ret, e);
}
