/* SPDX-License-Identifier: Apache-2.0 */
/* The root file system, and the paths that are hidden in it. */
#include "machine/container/build.h"

#include "base/str.h"

#include <linux/mount.h>
#include <sched.h>
#include <string.h>

int build_root(struct build *b) {
    const struct root_recipe *r = b->root;
    const char *word = b->spec->rootfs_propagation;
    uint64_t propagation = word ? mount_words_propagation(word) : 0;
    if (word && !propagation)
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.rootfsPropagation: \"%s\" is unknown",
                       word);
    if (!b->own_mounts) {
        b->w.h.flags |= PLAN_F_CHROOT;
        build_init(b, PLAN_ROOT_DIR, .flags = PLAN_IN_PLACE, .ref = {build_str(b, r->dir)});
        return 0;
    }
    /* slave unless private is asked for: mounts of the host appear in binds that want them, ours
     * never on the host */
    build_init(b, PLAN_PROPAGATION,
               .num = {MS_REC | (propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE)});
    if (r->kind == ROOT_DIR) {
        if (!r->dir || r->dir[0] != '/')
            return err_set(b->e, ERR_INTERNAL, -EINVAL, "root: an absolute directory is needed");
        build_init(b, PLAN_ROOT_DIR, .flags = PLAN_RECURSIVE, .ref = {build_str(b, r->dir)});
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
    const char *cwd = b->process->cwd;
    if (ro && cwd && cwd[0] == '/' && cwd[1])
        build_init(b, PLAN_CWD, .flags = PLAN_MAKE, .ref = {build_str(b, cwd)});
    if (ro)
        build_init(b, PLAN_ROOT_ATTR, .num = {ro, 0});
    if (!b->own_mounts) {
        build_init(b, PLAN_CHROOT, .flags = 0);
        return 0;
    }
    build_init(b, PLAN_PIVOT, .flags = b->host->no_pivot ? PLAN_MOVE : 0);
    /* after the pivot, which refuses shared roots */
    if (propagation & (MS_SHARED | MS_UNBINDABLE))
        build_init(b, PLAN_ROOT_ATTR, .num = {0, propagation});
    return 0;
}
