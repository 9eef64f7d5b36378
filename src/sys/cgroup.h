/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups: v2 is the model, v1 and hybrid hosts are served by the same calls.
 *
 * Theory of operation
 *   The command reads the host once into a cgroup_layout (cgroup_layout_read), and the pure
 *   translator in machine/container/cgroup_plan.h turns limits and layout into directories and
 *   file writes. The monitor does what the plan says (cgroup_mkdir, cgroup_write, …) and holds a
 *   cgroup_set: the directories of one machine, by controller. Nothing below needs a heap, except
 *   where an arena is asked for; everything but cgroup_layout_read belongs to the monitor too.
 *
 *   Where groups live. A relative cgroupsPath ("hako-<id>", the default) is beneath `base` of each
 *   hierarchy; an absolute one is beneath its mount point, as the OCI runtime-spec demands.
 *     v1         base = the caller's own cgroup.
 *     v2, root   base = the mount point: the root is exempt from the rule below.
 *     v2, user   base = the nearest ancestor-or-self which the user may write and which has no
 *                process of its own, so that its controllers can be given to children: v2 forbids
 *                processes beside children that have controllers ("no internal processes"). A
 *                systemd user session is such an ancestor. When there is only a cgroup that holds
 *                processes (a container without systemd), base is that one and `leaf` is set:
 *                cgroup_leaf() moves its processes into the child "hako-leaf" first.
 *
 *   Entering. v2: clone3(CLONE_INTO_CGROUP) with cgroup_open's descriptor. v1: the single-threaded
 *   child itself writes "0" to `tasks` of every hierarchy (cgroup_join_v1, about 10 us each), which
 *   on any kernel takes no thread-group lock; writing another process's id to cgroup.procs waits
 * for an RCU grace period on kernels without favordynmods or before 6.18. v1's cpu hierarchy is the
 *   dear one: who enters it goes to the end of the run queue, a time slice on a busy host.
 *
 *   Who joins what. A box of `hako` is in the hierarchies that something is asked of; a container
 *   of an OCI runtime in all of them, systemd's name=systemd among them, as the field expects.
 *   An update (machine/container/cgroup_update.h) writes to the set a machine has; everything the
 *   kernel counts is read by cgroup_usage.h, news of the OOM killer come from cgroup_oom.h.
 *
 *   Ending. v2: cgroup.kill. v1: freeze, SIGKILL to every process, thaw, wait on their pidfds.
 *   A hybrid host has an empty v2 tree next to v1: hako uses it for kill, freeze, CPU time and
 *   CLONE_INTO_CGROUP, so that v1's freezer and cpuacct need no entry. Device rules stay with v1
 *   where it has them: half the price of loading a program.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum cgroup_ctl {
    CG_CPU,
    CG_CPUACCT,
    CG_CPUSET,
    CG_MEMORY,
    CG_PIDS,
    CG_DEVICES, /* v1 only; v2: BPF */
    CG_FREEZER, /* v1 only; v2: cgroup.freeze */
    CG_IO,      /* v1 "blkio" */
    CG_HUGETLB,
    CG_NET_CLS,
    CG_NET_PRIO,
    CG_RDMA,
    CG_PERF,
    CG_MISC,
    CG_NAMED, /* v1 "name=systemd": no controller, systemd's own list of who belongs where */
    CG_COUNT
};
#define CG_BIT(ctl) (1U << (ctl))
/* v1 or v2 word of a controller ("blkio" / "io"). */
const char *cgroup_ctl_name(enum cgroup_ctl ctl, bool v2);

/* --- the host, as plain data ---------------------------------------------------------------- */

enum cgroup_kind {
    CGROUP_NONE,   /* nothing mounted */
    CGROUP_V1,     /* v1 hierarchies only */
    CGROUP_HYBRID, /* v1 hierarchies and a v2 tree without their controllers */
    CGROUP_V2,
};

struct cgroup_hierarchy {
    const char *mount; /* "/sys/fs/cgroup/pids" */
    const char *base;  /* absolute directory beneath which relative groups are made */
    uint32_t ctls;     /* CG_BIT()s it carries; on v2: those that children of base can get */
    uint32_t enabled;  /* v2: already in base's cgroup.subtree_control */
    bool writable;     /* we may make groups in base */
    bool mount_writable;
    bool leaf; /* v2: base holds processes which must move to base/hako-leaf first */
};

struct cgroup_layout {
    enum cgroup_kind kind;
    struct cgroup_hierarchy v1[CG_COUNT];
    size_t n_v1;
    bool has_v2;
    struct cgroup_hierarchy v2;
    bool v2_bpf_devices;   /* we may attach a device program (CAP_BPF or CAP_SYS_ADMIN) */
    bool can_make_devices; /* not in a user namespace: v1 devices.* accept our writes */
    bool swap_accounting;  /* memory.memsw.* (v1) or memory.swap.max (v2) exist */
};

/* Command side; reads /proc/self/cgroup, /proc/self/mountinfo and a few access(2)s. */
int cgroup_layout_read(struct arena *a, struct cgroup_layout *ret, struct err *e);
/* The same from given texts, for tests: `probe` answers what access(2) and readers would. */
struct cgroup_probe {
    bool (*writable)(const char *dir, void *data);
    /* content of a file into buf; false = missing */
    bool (*read)(const char *path, char *buf, size_t size, void *data);
    void *data;
    bool root; /* no user namespace, uid 0 */
};
int cgroup_layout_parse(const char *proc_cgroup, const char *mountinfo,
                        const struct cgroup_probe *probe, struct arena *a,
                        struct cgroup_layout *ret, struct err *e);
/* The hierarchy that carries `ctl`, or NULL. *v2 tells which kind it is. */
const struct cgroup_hierarchy *cgroup_layout_find(const struct cgroup_layout *l,
                                                  enum cgroup_ctl ctl, bool *v2);

/* --- doing (monitor; musl-safe, no heap) ------------------------------------------------------ */

/* Directories of one machine. Borrowed strings; NULL = not joined. On v1 several controllers may
 * name the same directory (cpu,cpuacct). On v2 `ctl` is all NULL and v2_ctls says what is there. */
struct cgroup_set {
    const char *v2;
    uint32_t v2_ctls;
    const char *ctl[CG_COUNT];
};

/* The distinct directories of a set, the v2 one first. At most CG_COUNT + 1. */
size_t cgroup_dirs(const struct cgroup_set *s, const char **dirs);

/* mkdir -p of an absolute cgroup directory. *made (may be NULL): the last component was new. */
int cgroup_mkdir(const char *dir, bool *made, struct err *e);
/* Write to dir/file; each line of value is a write(2) of its own, as the kernel wants rules. */
int cgroup_write(const char *dir, const char *file, const char *value, struct err *e);
/* v1 cpuset: fill empty cpuset.cpus and cpuset.mems of one level from its parent, without which no
 * process may join. */
int cgroup_inherit_cpuset(const char *dir, struct err *e);
/* v2: give the controllers ("+cpu +memory") to children of dir; those that are there already cost
 * nothing. */
int cgroup_enable(const char *dir, const char *controllers, struct err *e);
/* v2: move the processes of dir into dir/hako-leaf. Idempotent. */
int cgroup_leaf(const char *dir, struct err *e);
/* v2: give dir to a user, as far as the kernel says that is safe: to make groups and move her own
 * processes in it, not to change its limits. */
int cgroup_own(const char *dir, uid_t uid, struct err *e);
/* Descriptor for clone3(CLONE_INTO_CGROUP): O_PATH|O_DIRECTORY. fd or -errno. */
int cgroup_open(const char *dir);
/* For a process that follows `pid` into a machine: where pid is, when that is a group beneath dir
 * (it may have moved itself, which closes dir for processes). fd or -errno. */
int cgroup_open_beside(const char *dir, pid_t pid);
/* Calling process, single-threaded, child-safe: enter a v1 group. 0 or -errno. */
int cgroup_join_v1(const char *dir);
/* Calling process or another into any group by cgroup.procs (exec on v2; slow on v1). */
int cgroup_join_pid(const char *dir, pid_t pid);

/* SIGKILL everything in the set, children groups included, and wait until it is gone (bounded:
 * -ETIMEDOUT after timeout_ms). Missing groups are fine. */
int cgroup_kill(const struct cgroup_set *s, int timeout_ms, struct err *e);
/* Send a signal to every process of the set (`kill --all`). */
int cgroup_signal(const struct cgroup_set *s, int signo, struct err *e);
/* rmdir every directory of the set with the children the box made. Missing is fine. */
int cgroup_remove(const struct cgroup_set *s, struct err *e);
/* The same where others may be in the groups: they live on, and so does what holds them. Waits for
 * the dying, a tenth of a second. */
int cgroup_leave(const struct cgroup_set *s, struct err *e);
/* Remove the parent of a group when it is empty now ("/docker" of "/docker/<id>"). */
void cgroup_remove_parent(const char *dir);
/* Returns when everything is frozen. */
int cgroup_freeze(const struct cgroup_set *s, bool frozen, struct err *e);
/* Asked to be frozen, by us or by anybody in v1's freezer: paused. Missing groups are not. */
bool cgroup_is_frozen(const struct cgroup_set *s);
/* True while a process is in the set. */
bool cgroup_populated(const struct cgroup_set *s);

struct cgroup_stats {
    uint64_t cpu_ns, cpu_user_ns, cpu_system_ns, throttled_ns, throttled_periods;
    uint64_t memory_bytes; /* without inactive page cache, as docker stats counts */
    uint64_t memory_usage; /* as the kernel counts */
    uint64_t memory_limit; /* UINT64_MAX = none */
    uint64_t memory_swap;
    uint64_t pids, pids_limit; /* UINT64_MAX = none */
    uint64_t oom_kills;
    uint64_t io_read_bytes, io_write_bytes;
};
/* What is missing stays 0 (limits: UINT64_MAX). */
int cgroup_stats(const struct cgroup_set *s, struct cgroup_stats *ret, struct err *e);
uint64_t cgroup_oom_kills(const struct cgroup_set *s);
/* Process ids in the set (as this process sees them), at most max. Count or -errno. */
ssize_t cgroup_pids(const struct cgroup_set *s, pid_t *ret, size_t max);
