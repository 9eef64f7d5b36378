/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, the root file system, and the paths that are hidden in it. */
#include "machine/container/build.h"

#include "base/str.h"

#include <linux/mount.h>
#include <sched.h>
#include <string.h>

static const char *map_text(struct build *b, const struct rt_idmaps *map) {
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
    if (!(b->made & CLONE_NEWUSER))
        return 0;
    if (!s->uid_mappings.n || !s->gid_mappings.n)
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "linux.uidMappings and linux.gidMappings are needed with a user namespace");
    const char *uid = map_text(b, &s->uid_mappings), *gid = map_text(b, &s->gid_mappings);
    if (!uid || !gid)
        return err_set(b->e, ERR_USAGE, -E2BIG, "linux.uidMappings: too many ranges");
    b->w.h.uid_map = build_str(b, uid);
    b->w.h.gid_map = build_str(b, gid);
    return 0;
}

static int add_namespace(struct build *b, const struct rt_namespace *ns) {
    uint64_t flag = rt_ns_flag(ns->type);
    if (b->all & flag)
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.namespaces: %s is given twice",
                       rt_ns_name(ns->type));
    b->all |= flag;
    if (ns->path && ns->type == RT_NS_MOUNT)
        return err_set(b->e, ERR_USAGE, -ENOTSUP,
                       "linux.namespaces: joining a mount namespace is not supported");
    if (ns->type == RT_NS_TIME)
        return err_set(b->e, ERR_USAGE, -ENOTSUP,
                       "linux.namespaces: time namespaces are not supported");
    if (!ns->path) {
        b->made |= flag;
        return 0;
    }
    if (b->root)
        plan_writer_step(
            &b->w, PLAN_BIRTH,
            (struct plan_step){.op = PLAN_JOIN_NS, .ref = {build_str(b, ns->path)}, .num = {flag}});
    return 0;
}

/* A joined user namespace comes first: the others are entered with its rights. */
int build_namespaces(struct build *b) {
    int r = 0;
    if (!b->root && b->host->box)
        b->all = b->made = b->host->box->h->all_ns;
    for (size_t i = 0; i < b->spec->n_namespaces && r == 0; i++) {
        if (b->spec->namespaces[i].type == RT_NS_USER)
            r = add_namespace(b, &b->spec->namespaces[i]);
    }
    for (size_t i = 0; i < b->spec->n_namespaces && r == 0; i++) {
        if (b->spec->namespaces[i].type != RT_NS_USER)
            r = add_namespace(b, &b->spec->namespaces[i]);
    }
    if (r < 0)
        return r;
    if (!(b->made & CLONE_NEWNS))
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.namespaces: a mount namespace is needed");
    b->cgroup_ns = b->made & CLONE_NEWCGROUP;
    b->in_userns = b->host->rootless || (b->all & CLONE_NEWUSER);
    b->w.h.clone_ns = b->made & ~(uint64_t)CLONE_NEWCGROUP;
    b->w.h.all_ns = b->all;
    return b->root ? add_maps(b) : 0;
}

/* --- root --------------------------------------------------------------------------------------
 */

int build_root(struct build *b) {
    const struct root_recipe *r = b->root;
    const char *word = b->spec->rootfs_propagation;
    uint64_t propagation = word ? mount_words_propagation(word) : 0;
    if (word && !propagation)
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.rootfsPropagation: \"%s\" is unknown",
                       word);
    /* slave unless private is asked for: mounts of the host appear in binds that want them, ours
     * never on the host */
    build_init(b, PLAN_PROPAGATION,
               .num = {MS_REC | (propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE)});
    if (r->kind == ROOT_DIR) {
        if (!r->dir || r->dir[0] != '/')
            return err_set(b->e, ERR_INTERNAL, -EINVAL, "root: an absolute directory is needed");
        build_init(b, PLAN_ROOT_DIR, .ref = {build_str(b, r->dir)});
        return 0;
    }
    if (r->lower.n == 0)
        return err_set(b->e, ERR_CORRUPT, -EINVAL, "root: the image has no layers");
    build_init(b, PLAN_ROOT_OVERLAY,
               .ref = {plan_writer_list(&b->w, r->lower.v, r->lower.n), build_str(b, r->upper),
                       build_str(b, r->work)},
               .num = {(r->userxattr ? PLAN_OVL_USERXATTR : 0) |
                       (r->throwaway && r->upper ? PLAN_OVL_VOLATILE : 0)});
    return 0;
}

int build_paths(struct build *b) {
    const struct rt_spec *s = b->spec;
    for (size_t i = 0; i < s->readonly_paths.n; i++)
        build_init(b, PLAN_READONLY, .ref = {build_str(b, s->readonly_paths.v[i])});
    for (size_t i = 0; i < s->masked_paths.n; i++)
        build_init(b, PLAN_MASK, .ref = {build_str(b, s->masked_paths.v[i])});
    return 0;
}

int build_root_done(struct build *b) {
    const char *word = b->spec->rootfs_propagation;
    uint64_t propagation = word ? mount_words_propagation(word) : 0;
    uint64_t ro = b->spec->root_readonly ? MOUNT_ATTR_RDONLY : 0;
    if (ro)
        build_init(b, PLAN_ROOT_ATTR, .num = {ro, 0});
    build_init(b, PLAN_PIVOT, .flags = 0);
    /* after the pivot, which refuses shared roots */
    if (propagation & (MS_SHARED | MS_UNBINDABLE))
        build_init(b, PLAN_ROOT_ATTR, .num = {0, propagation & ~(uint64_t)MS_REC});
    return 0;
}
