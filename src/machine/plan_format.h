/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a plan. Header, steps of one size, then a pool; native byte order, same build.
 *
 * Pool objects are named by their offset from the pool's start; 0 = absent. The pool's first and
 * last bytes are NUL, so that every offset inside is a terminated string.
 *   string  bytes up to NUL
 *   list    u32 n, then n u32 offsets of strings; 8-aligned
 *   blob    u32 len, u32 0, then the bytes; 8-aligned
 * What a step's refs and numbers are is said once, in PLAN_OPS, for the check, the printer and
 * the reader of this page.
 */
#pragma once

#include "machine/plan.h"
#include "sys/cgroup.h"

#define PLAN_MAGIC 0x4c504b48u /* "HKPL" */
#define PLAN_VERSION 4u
#define PLAN_MAX_BYTES (16u << 20)
#define PLAN_MAX_STEPS 65535u

enum plan_section {
    PLAN_HOST_OPEN, /* monitor */
    PLAN_BIRTH,     /* a helper that clones init: what init must find itself in from the start */
    PLAN_BORN,      /* the starter, once init has its namespaces */
    PLAN_INIT,      /* init */
    PLAN_HOOKS,     /* STATE and HOOK: what the runtime runs beside the box (machine_hooks) */
    PLAN_SECTIONS
};

/*
 * X(op, word, refs, nums)
 *   refs  S string, s string or absent, L list of strings, l list or absent, B blob
 *   nums  x hexadecimal, d decimal, o octal; how they are printed
 */
/* clang-format off */
#define PLAN_OPS(X)                                                                                \
    /* HOST_OPEN; PLAN_OPTIONAL: carry on when it fails */                                         \
    X(CG_MKDIR, "cgroup-mkdir", "S", "")          /* dir */                                        \
    X(CG_LEAF, "cgroup-leaf", "S", "")            /* dir */                                        \
    X(CG_ENABLE, "cgroup-enable", "SS", "")       /* dir, controllers */                           \
    X(CG_CPUSET, "cgroup-cpuset", "S", "")        /* dir */                                        \
    X(CG_WRITE, "cgroup-write", "SSSs", "")       /* dir, file, value; JSON path of the limit */   \
    X(CG_DEVICES, "cgroup-devices", "SB", "")     /* dir, BPF instructions */                      \
    X(RDT_GROUP, "rdt-group", "Sls", "d")         /* dir, schemata, monitoring dir; RDT_* */       \
    X(CG_OWNER, "cgroup-owner", "S", "d")         /* dir; uid */                                   \
    /* INIT: namespaces and cgroups */                                                             \
    X(JOIN_NS, "join-ns", "SS", "x")              /* path, kind; CLONE_NEW* */                     \
    X(JOIN_CGROUP, "join-cgroup", "S", "")        /* v1 dir */                                     \
    X(JOIN_BOX, "join-box", "", "x")              /* exec: CLONE_NEW* of init to enter */          \
    X(UNSHARE, "unshare", "", "x")                /* CLONE_NEW* */                                 \
    X(TIME_NS, "time-ns", "s", "")                /* lines "clock secs nanosecs" */                \
    X(ROOT_IDS, "root-ids", "", "")               /* become 0:0 of our user namespace */           \
    /* BIRTH: what the host's root alone may do */                                                 \
    X(IDMAP_SOURCE, "idmap-source", "Ssss", "")   /* path; uid map, gid map, or a namespace */     \
    /* after birth, by the starter */                                                              \
    X(NET_DEVICE, "net-device", "SS", "")         /* name of the host, name in the box */          \
    /* INIT: root and mounts */                                                                    \
    X(BIND_SOURCE, "bind-source", "S", "")        /* path; while mounts are still the host's */    \
    X(PROPAGATION, "propagation", "", "x")        /* MS_* of the old root */                       \
    X(ROOT_OVERLAY, "root-overlay", "Lss", "x")   /* lower, upper, work; PLAN_OVL_* */             \
    X(ROOT_DIR, "root-dir", "S", "")              /* dir */                                        \
    X(MOUNT, "mount", "SSSl", "xx")               /* type, source, target, data; attr, MS_* */     \
    X(BIND, "bind", "SS", "xxxxx")                /* source, target; attr set, clear, recursive */ \
                                                  /* set, recursive clear, MS_* */                 \
    X(ATTR, "mount-attr", "Sl", "xxxxx")          /* target, data; as BIND */                      \
    X(SYMLINK, "symlink", "SSS", "")              /* dir, name, content */                         \
    X(NODE, "node", "SS", "oddd")                 /* dir, name; mode, dev, uid, gid */             \
    X(NODE_BIND, "node-bind", "SSS", "oddd")      /* dir, name, host path; mode, dev, uid, gid */  \
    X(CONSOLE, "console", "", "ddd")              /* uid, columns, rows */                         \
    X(MASK, "mask", "S", "")                      /* path */                                       \
    X(READONLY, "readonly", "S", "")              /* path */                                       \
    X(ROOT_ATTR, "root-attr", "", "xx")           /* set, MS_* */                                  \
    X(PIVOT, "pivot", "", "")                                                                      \
    X(BOX_ROOT, "box-root", "", "")               /* exec: find the root of the box's init… */     \
    X(CHROOT, "chroot", "", "")                   /* …and make it ours */                          \
    /* INIT: the task */                                                                           \
    X(HOSTNAME, "hostname", "S", "")                                                               \
    X(DOMAINNAME, "domainname", "S", "")                                                           \
    X(SYSCTL, "sysctl", "SS", "")                 /* path beneath /proc/sys, value */              \
    X(OOM_SCORE, "oom-score", "", "d")                                                             \
    X(RLIMIT, "rlimit", "S", "ddd")               /* name; resource, soft, hard */                 \
    X(KEYRING, "keyring", "S", "")                                                                 \
    X(PERSONALITY, "personality", "", "x")                                                         \
    X(SCHEDULER, "scheduler", "B", "")            /* struct sched_attr */                          \
    X(IO_PRIORITY, "io-priority", "", "d")                                                         \
    X(AFFINITY, "cpu-affinity", "B", "")          /* unsigned long[]; BIRTH as well */             \
    X(MEMORY_POLICY, "memory-policy", "BS", "xd") /* unsigned long[], word; mode, bits */          \
    X(APPARMOR, "apparmor", "S", "")                                                               \
    X(SELINUX, "selinux", "S", "")                                                                 \
    X(CWD, "cwd", "S", "")                                                                         \
    X(CAPS_BOUND, "caps-bound", "", "x")                                                           \
    X(GROUPS, "groups", "B", "")                  /* gid_t[] */                                    \
    X(USER, "user", "", "dd")                     /* uid, gid */                                   \
    X(UMASK, "umask", "", "o")                    /* -1 = the starter's */                         \
    X(STATE, "state", "SSss", "")                 /* JSON before status and pid, and after; */     \
                                                  /* files for the hooks' stdout and stderr */     \
    X(ASK_HOOKS, "ask-hooks", "", "")             /* the starter runs its part of HOOKS */         \
    X(HOOK, "hook", "SLl", "dd")                  /* path, argv, env; enum plan_hook, seconds */   \
    X(PARK, "park", "", "")                                                                        \
    X(NO_NEW_PRIVS, "no-new-privs", "", "")                                                        \
    X(SECCOMP, "seccomp", "Bss", "x")             /* filter, listener, JSON before pid; flags */   \
    X(CAPS, "caps", "", "xxxx")                   /* effective, permitted, inheritable, ambient */ \
    X(EXEC, "exec", "Lls", "")                    /* argv, env, search path */
/* clang-format on */

enum plan_op {
#define PLAN_OP_ENUM(op, word, refs, nums) PLAN_##op,
    PLAN_OPS(PLAN_OP_ENUM)
#undef PLAN_OP_ENUM
        PLAN_OP_COUNT
};

/* Step flags. */
enum {
    PLAN_OPTIONAL = 1 << 0,     /* CG_*, MOUNT, SYSCTL…: a failure is no failure */
    PLAN_RECURSIVE = 1 << 1,    /* BIND: with submounts */
    PLAN_COPYUP = 1 << 2,       /* MOUNT, BIND: fill from the image when empty */
    PLAN_NOFOLLOW = 1 << 3,     /* MOUNT: the target must not be a symlink (proc, sysfs) */
    PLAN_IN_PROC = 1 << 4,      /* the target may lie in procfs */
    PLAN_CLAMP = 1 << 5,        /* RLIMIT, OOM_SCORE: as far as we may */
    PLAN_AS_INIT = 1 << 6,      /* EXEC: stay as PID 1, run the command as a child */
    PLAN_SECOND_TRY = 1 << 7,   /* CWD: only if root could not enter it */
    PLAN_EARLY = 1 << 8,        /* BIND: the source is that of the next BIND_SOURCE */
    PLAN_STRAIGHT = 1 << 9,     /* BIND: the source's path holds no symlink, or is refused */
    PLAN_MAPPED = 1 << 10,      /* BIND: the source is that of the next IDMAP_SOURCE */
    PLAN_MAP_ALL = 1 << 11,     /* IDMAP_SOURCE, BIND: the mounts beneath, too */
    PLAN_COPY_LINK = 1 << 12,   /* BIND: a source that is a symlink is made again */
    PLAN_SOURCE_LINK = 1 << 13, /* BIND: a source that is a symlink is bound as such */
    PLAN_ELSE = 1 << 14,        /* MOUNT: instead of the next step, unless it is forbidden */
    PLAN_IN_PLACE = 1 << 15,    /* ROOT_DIR: as it lies there */
    PLAN_MOVE = 1 << 16,        /* PIVOT: where that cannot be done (ramdisk) */
    PLAN_MAKE = 1 << 17,        /* CWD: only make it, while the root can be written */
    PLAN_FIND_HOME = 1 << 18,   /* EXEC, HOOK: HOME as the box's /etc/passwd has it */
    PLAN_GIVEN = 1 << 19,       /* NODE_BIND: the starter makes the node, with mode and owner */
    PLAN_IN_ROOT = 1 << 22,     /* BIND: the source lies in the root, as it is by then */
    PLAN_WHOLE = 1 << 23,       /* BIND: what is not set is off, unless that is locked */
    PLAN_MODE_BELOW = 1 << 20,  /* MOUNT: with the mode of the directory it covers */
    PLAN_BRIEF = 1 << 21,       /* EXEC: no advice in its errors */
};

enum {
    PLAN_OVL_USERXATTR = 1 << 0,
    PLAN_OVL_VOLATILE = 1 << 1,
};

/* Header flags. */
enum {
    PLAN_F_EXEC = 1 << 0, /* an exec plan */
    PLAN_F_TERMINAL = 1 << 1,
    PLAN_F_LATE_UNMOUNT = 1 << 2, /* see container.h */
    PLAN_F_OUTLIVE = 1 << 3, /* the task lives on when its starter ends (OCI create, exec -d) */
    PLAN_F_CGROUP_ASKED = 1 << 5,  /* exec: that group or none, not where init went */
    PLAN_F_BORN_INSIDE = 1 << 7,   /* exec: the task never sees the host's mounts */
    PLAN_F_CGROUP_SHARED = 1 << 6, /* others may be in its groups: they are left alone */
    PLAN_F_CHROOT = 1 << 4,        /* the box's root is not that of its mount namespace */
};

#define PLAN_MAX_EARLY 16  /* BIND_SOURCE steps */
#define PLAN_MAX_MAPPED 64 /* IDMAP_SOURCE steps */
#define PLAN_REFS 4
#define PLAN_NUMS 5

struct plan_step {
    uint16_t op, reserved;
    uint32_t flags;
    uint32_t ref[PLAN_REFS];
    uint64_t num[PLAN_NUMS];
};

struct plan_header {
    uint32_t magic, version, size, flags;
    uint64_t clone_ns;       /* namespaces made with init; an exec plan: namespaces to join */
    uint64_t all_ns;         /* made, unshared or joined: where the task is not in the host's */
    uint32_t steps, n_steps; /* offset from the header's start */
    uint32_t pool, pool_len;
    struct {
        uint32_t first, n;
    } section[PLAN_SECTIONS];
    uint32_t uid_map, gid_map; /* string: lines "inside outside size"; absent = none */
    uint32_t cg_v2, cg_v2_ctls, cg_ctl[CG_COUNT]; /* strings: struct cgroup_set */
};

static inline const struct plan_step *plan_steps(const struct plan *p, enum plan_section s,
                                                 uint32_t *n) {
    const char *base = (const char *)p->h;
    *n = p->h->section[s].n;
    return (const struct plan_step *)(const void *)(base + p->h->steps) + p->h->section[s].first;
}
/* NULL when absent. */
static inline const char *plan_str(const struct plan *p, uint32_t ref) {
    return ref ? (const char *)p->h + p->h->pool + ref : NULL;
}
/* Offsets of a list's strings; *n = 0 when absent. */
static inline const uint32_t *plan_list(const struct plan *p, uint32_t ref, uint32_t *n) {
    const uint32_t *l = (const uint32_t *)(const void *)((const char *)p->h + p->h->pool + ref);
    *n = ref ? l[0] : 0;
    return l + 1;
}
static inline const void *plan_blob(const struct plan *p, uint32_t ref, uint32_t *len) {
    const uint32_t *b = (const uint32_t *)(const void *)((const char *)p->h + p->h->pool + ref);
    *len = ref ? b[0] : 0;
    return b + 2;
}
/* The machine's cgroups, borrowed from the plan. */
void plan_cgroups(const struct plan *p, struct cgroup_set *ret);

struct plan_op_info {
    const char *word, *refs, *nums;
};
extern const struct plan_op_info plan_op_info[PLAN_OP_COUNT];
