/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_build in parts: each file turns one topic of the runtime-spec into steps. PURE. What hako
 * cannot do is refused here, by name, never passed over.
 */
#pragma once

#include "machine/container/cgroup_plan.h"
#include "machine/plan_writer.h"

struct build {
    const struct rt_spec *spec;
    const struct rt_process *process;
    const struct root_recipe *root; /* NULL: exec */
    const struct plan_host *host;
    struct plan_writer w;
    struct arena *a;
    struct err *e;
    uint64_t made;   /* namespaces of its own (CLONE_NEW*) */
    uint64_t all;    /* and joined ones */
    bool cgroup_ns;  /* made by unshare once the cgroups are joined */
    bool own_mounts; /* in a new mount namespace */
    bool in_userns;  /* the box's root is not the host's */
    struct cgroup_plan cgroups;
    size_t n_early;                /* binds that stay shared with the host */
    size_t n_mapped;               /* binds with their ids mapped */
    char *state_head, *state_tail; /* plan_hooks.c */
};

/* Add one INIT step. */
#define build_init(b, op_, ...) plan_writer_init(&(b)->w, (op_), __VA_ARGS__)
static inline uint32_t build_str(struct build *b, const char *s) {
    return plan_writer_str(&b->w, s);
}

typedef int build_fn(struct build *b);
build_fn build_refuse;                /* refuse.c */
build_fn build_namespaces;            /* plan_ns.c */
build_fn build_cgroups;               /* plan_cgroups.c */
build_fn build_mapped_binds;          /* plan_idmap.c: taken while all is still the host's */
build_fn build_enter;                 /* plan_ns.c: joins and unshare, at the head of INIT */
build_fn build_net_devices;           /* plan_ns.c */
build_fn build_root, build_root_done; /* plan_root.c */
build_fn build_shared_binds, build_mounts, build_mounts_done; /* plan_mounts.c */
build_fn build_devices;                                       /* plan_devices.c */
build_fn build_paths;   /* plan_root.c: masked and read-only */
build_fn build_kernel;  /* plan_task.c: names, sysctl */
build_fn build_oom;     /* plan_limits.c: before a user namespace is entered */
build_fn build_limits;  /* plan_limits.c: rlimits, oom, scheduling */
build_fn build_user;    /* plan_task.c: labels, directory, user */
build_fn build_rights;  /* plan_task.c: filter, capabilities */
build_fn build_seccomp; /* plan_seccomp.c */
build_fn build_hooks, build_hooks_create, build_hooks_start;                /* plan_hooks.c */
build_fn build_affinity_initial, build_affinity_final, build_memory_policy; /* plan_place.c */
build_fn build_rdt;                                                         /* plan_place.c */
build_fn build_exec; /* plan_task.c: the command */

/* plan_hooks.c: the state of the container, at the head of a section that needs it. */
int build_state(struct build *b, enum plan_section section);
/* plan_hooks.c: of the spec; NULL = not there. */
const char *build_annotation(const struct build *b, const char *key);
/* plan_task.c */
int build_keyring(struct build *b);
bool build_lacks_home(const struct build *b);
/* What was passed over, for whoever asks. */
void build_warn(struct build *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* plan_seccomp.c: the filter has a listener. */
bool build_listens(const struct build *b);

/* plan_ns.c: lines "inside outside size", or NULL when they are too many. */
const char *build_map_text(struct build *b, const struct rt_idmaps *map);

/* plan_mounts.c: where a bind mount comes from, absolute, or NULL with an error. */
const char *build_mount_source(struct build *b, const struct rt_mount *m);

/* plan_cgroup_mount.c: mount type "cgroup" at `m`'s destination. */
struct mount_words;
int build_cgroup_mount(struct build *b, const struct rt_mount *m, const struct mount_words *w);

/* mount_words.c: the options of one mount. */
enum mount_idmap { MOUNT_IDMAP_NONE, MOUNT_IDMAP_ONE, MOUNT_IDMAP_ALL };
struct mount_words {
    uint64_t set, clear, rset, rclear; /* MOUNT_ATTR_* */
    uint64_t propagation;              /* MS_* */
    bool bind, recursive, tmpcopyup, remount;
    bool named; /* one of the attributes of the mount itself, be it to clear it */
    bool copy_symlink, src_nofollow, dest_nofollow; /* crun's */
    enum mount_idmap idmap;                         /* the mount, or all beneath it too */
    const char *idmap_text; /* crun's "idmap=TEXT"; NULL = uidMappings, or the box's own */
    struct strlist data;    /* for the file system */
};
/* plan_mounts.c: the source of a bind as the root will have it, where earlier mounts may be what is
 * meant; NULL = it is the host's. */
const char *build_source_in_root(struct build *b, const char *source, const struct mount_words *w);
int mount_words_parse(const struct rt_mount *m, struct arena *a, struct mount_words *ret,
                      struct err *e);
/* "rslave" → MS_SLAVE | MS_REC; 0 = no such word. */
uint64_t mount_words_propagation(const char *word);
