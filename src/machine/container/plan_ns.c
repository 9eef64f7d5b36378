/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: new ones, those of others, and how their members are mapped. */
#include "machine/container/build.h"

#include "base/str.h"

#include <sched.h>
#include <string.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* --- mappings ----------------------------------------------------------------------------------
 */

const char *build_map_text(struct build *b, const struct rt_idmaps *map) {
    AUTO_STR struct str s = STR_INIT(4096);
    for (size_t i = 0; i < map->n; i++) {
        if (str_addf(&s, "%u %u %u\n", map->v[i].container_id, map->v[i].host_id, map->v[i].size) <
            0)
            return NULL;
    }
    return arena_strdup(b->a, str_c(&s));
}

static int add_maps(struct build *b) {
    const struct rt_spec *s = b->spec;
    if (!(b->made & CLONE_NEWUSER)) {
        if ((s->uid_mappings.n || s->gid_mappings.n) && !(b->all & CLONE_NEWUSER))
            return err_set(b->e, ERR_USAGE, -EINVAL,
                           "linux.uidMappings is given, but linux.namespaces has no user "
                           "namespace");
        return 0;
    }
    if (!s->uid_mappings.n || !s->gid_mappings.n)
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "linux.uidMappings and linux.gidMappings are needed with a user namespace");
    const char *uid = build_map_text(b, &s->uid_mappings),
               *gid = build_map_text(b, &s->gid_mappings);
    if (!uid || !gid)
        return err_set(b->e, ERR_USAGE, -E2BIG, "linux.uidMappings: too many ranges");
    b->w.h.uid_map = build_str(b, uid);
    b->w.h.gid_map = build_str(b, gid);
    return 0;
}

/* --- namespaces --------------------------------------------------------------------------------
 */

static int add_namespace(struct build *b, const struct rt_namespace *ns) {
    uint64_t flag = rt_ns_flag(ns->type);
    if (b->all & flag)
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.namespaces: %s is given twice",
                       rt_ns_name(ns->type));
    if (ns->path && ns->path[0] != '/')
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "linux.namespaces: the path of %s must be absolute, not \"%s\"",
                       rt_ns_name(ns->type), ns->path);
    b->all |= flag;
    if (!ns->path)
        b->made |= flag;
    return 0;
}

/* The box's mounts then lie in somebody else's namespace. */
static int check_mount_ns(struct build *b) {
    const struct rt_spec *s = b->spec;
    const char *what = NULL;
    if (b->made & CLONE_NEWNS)
        return 0;
    if (b->root->kind != ROOT_DIR)
        what = "an image as root";
    else if (s->root_readonly)
        what = "root.readonly";
    else if (s->rootfs_propagation)
        what = "linux.rootfsPropagation";
    else if (!(b->all & CLONE_NEWNS) && s->masked_paths.n)
        what = "linux.maskedPaths";
    else if (!(b->all & CLONE_NEWNS) && s->readonly_paths.n)
        what = "linux.readonlyPaths";
    return what ? err_set(b->e, ERR_USAGE, -EINVAL,
                          "%s needs a new mount namespace: add {\"type\": \"mount\"} to "
                          "linux.namespaces",
                          what)
                : 0;
}

static int check_offsets(struct build *b) {
    if (b->spec->n_time_offsets && !(b->made & CLONE_NEWTIME))
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "linux.timeOffsets is given, but linux.namespaces has no new time "
                       "namespace");
    return 0;
}

int build_namespaces(struct build *b) {
    int r = 0;
    if (!b->root && b->host->box)
        b->all = b->made = b->host->box->h->all_ns;
    for (size_t i = 0; (b->root || !b->host->box) && i < b->spec->n_namespaces && r == 0; i++)
        r = add_namespace(b, &b->spec->namespaces[i]);
    if (r == 0 && b->root)
        r = check_mount_ns(b);
    if (r == 0 && b->root)
        r = check_offsets(b);
    if (r < 0)
        return r;
    b->own_mounts = b->made & CLONE_NEWNS;
    b->cgroup_ns = b->made & CLONE_NEWCGROUP;
    b->in_userns = b->host->rootless || (b->all & CLONE_NEWUSER);
    b->w.h.clone_ns = b->made & ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME);
    b->w.h.all_ns = b->all;
    return b->root ? add_maps(b) : 0;
}

/* --- entering ----------------------------------------------------------------------------------
 */

static void add_join(struct build *b, enum rt_ns type, enum plan_section where) {
    const struct rt_namespace *ns = rt_spec_ns(b->spec, type);
    if (ns && ns->path)
        plan_writer_step(
            &b->w, where,
            (struct plan_step){.op = PLAN_JOIN_NS,
                               .ref = {build_str(b, ns->path), build_str(b, rt_ns_name(type))},
                               .num = {rt_ns_flag(type)}});
}

/* The mount namespace after those that are found by paths of ours, the user namespace last: what
 * it does not own is entered with the caller's rights, what the caller may not enter with its
 * (birth.c). */
static void add_joins(struct build *b) {
    static const enum rt_ns order[] = {RT_NS_NET, RT_NS_IPC,   RT_NS_UTS,
                                       RT_NS_PID, RT_NS_MOUNT, RT_NS_USER};
    bool user = b->all & CLONE_NEWUSER;
    for (size_t i = 0; i < ARRAY_SIZE(order); i++)
        add_join(b, order[i], PLAN_BIRTH);
    /* cgroups are entered from outside of any cgroup namespace; root of a user namespace has no
     * right to the host's */
    add_join(b, RT_NS_CGROUP, user ? PLAN_BIRTH : PLAN_INIT);
    /* a process that shares its memory, as the helper does, cannot enter a time namespace */
    add_join(b, RT_NS_TIME, PLAN_INIT);
}

static void add_time(struct build *b) {
    char *text = arena_strdup(b->a, "");
    for (size_t i = 0; i < b->spec->n_time_offsets && text; i++) {
        const struct rt_timens *t = &b->spec->time_offsets[i];
        text =
            arena_printf(b->a, "%s%s %lld %u\n", text, t->clock, (long long)t->secs, t->nanosecs);
    }
    build_init(b, PLAN_TIME_NS, .ref = {text && text[0] ? build_str(b, text) : 0});
}

int build_enter(struct build *b) {
    /* root of a user namespace may not write the host's cgroup files: the helper does */
    enum plan_section where = b->all & CLONE_NEWUSER ? PLAN_BIRTH : PLAN_INIT;
    for (size_t i = 0; i < b->cgroups.n_join; i++)
        plan_writer_step(
            &b->w, where,
            (struct plan_step){.op = PLAN_JOIN_CGROUP, .ref = {build_str(b, b->cgroups.join[i])}});
    add_joins(b);
    if (b->all & CLONE_NEWUSER)
        build_init(b, PLAN_ROOT_IDS, .flags = 0);
    if (b->cgroup_ns)
        build_init(b, PLAN_UNSHARE, .num = {CLONE_NEWCGROUP});
    if (b->made & CLONE_NEWTIME)
        add_time(b);
    return 0;
}

/* --- network devices ---------------------------------------------------------------------------
 */

#define DEVICE_NAME_MAX 15 /* IFNAMSIZ - 1 */

static bool is_device_name(const char *s) {
    size_t n = strlen(s);
    return n > 0 && n <= DEVICE_NAME_MAX && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
           s[strcspn(s, "/: \t\n\r\v\f")] == 0;
}

int build_net_devices(struct build *b) {
    for (size_t i = 0; i < b->spec->n_net_devices; i++) {
        const struct rt_net_device *d = &b->spec->net_devices[i];
        const char *inside = d->name ? d->name : d->host_name;
        if (!(b->all & CLONE_NEWNET))
            return err_set(b->e, ERR_USAGE, -EINVAL,
                           "linux.netDevices: %s is given, but the container is on the host's "
                           "network: add {\"type\": \"network\"} to linux.namespaces",
                           d->host_name);
        const char *bad = !is_device_name(d->host_name) || strchr(d->host_name, '%') ? d->host_name
                          : is_device_name(inside)                                   ? NULL
                                                                                     : inside;
        const char *percent = strchr(inside, '%');
        if (!bad && percent && (percent[1] != 'd' || strchr(percent + 1, '%')))
            bad = inside;
        if (bad)
            return err_set(b->e, ERR_USAGE, -EINVAL,
                           "linux.netDevices: \"%s\" is not the name of a network device", bad);
        plan_writer_step(
            &b->w, PLAN_BORN,
            (struct plan_step){.op = PLAN_NET_DEVICE,
                               .ref = {build_str(b, d->host_name), build_str(b, inside)}});
    }
    return 0;
}
