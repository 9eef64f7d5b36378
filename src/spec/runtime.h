/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI runtime-spec 1.2 and what 1.3 adds (config.json) as C structs. Pure data: no system calls.
 *
 * All memory belongs to the arena given to the decoder or chosen by the builder. Strings may be
 * NULL = absent. "has_x" says whether an optional number was given; absent pointers are NULL.
 * Decoding and encoding run over the same field tables (spec/field.h), so that what is read is
 * what is written. Unknown members are kept out; wrong types give an error with the JSON path.
 * Source: opencontainers/runtime-spec, config.md and config-linux.md.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "spec/kv.h"

enum rt_ns {
    RT_NS_PID,
    RT_NS_NET,
    RT_NS_MOUNT,
    RT_NS_IPC,
    RT_NS_UTS,
    RT_NS_USER,
    RT_NS_CGROUP,
    RT_NS_TIME,
    RT_NS_COUNT
};

struct rt_idmap {
    uint32_t container_id, host_id, size;
};
struct rt_idmaps {
    struct rt_idmap *v;
    size_t n;
};

struct rt_rlimit {
    char *type;          /* "RLIMIT_NOFILE" */
    uint64_t soft, hard; /* UINT64_MAX = infinity */
};

struct rt_user {
    uint32_t uid, gid;
    uint32_t umask;
    bool has_umask;
    uint32_t *additional_gids;
    size_t n_additional_gids;
};

struct rt_caps {
    bool given; /* false: `capabilities` absent */
    uint64_t bounding, effective, inheritable, permitted, ambient; /* bit = capability number */
    struct strlist unknown; /* decoder: names left out because unknown; warn about them */
};

struct rt_process {
    bool terminal;
    uint16_t console_width, console_height; /* 0 = unset */
    struct rt_user user;
    struct strlist args, env;
    char *cwd;
    struct rt_caps caps;
    struct rt_rlimit *rlimits;
    size_t n_rlimits;
    bool no_new_privileges;
    char *apparmor_profile, *selinux_label;
    bool has_oom_score_adj;
    int oom_score_adj;
    struct {
        char *policy; /* SCHED_OTHER … ; NULL = unset */
        int nice, priority;
        struct strlist flags;
        uint64_t runtime, deadline, period;
    } scheduler;
    struct {
        char *cls; /* IOPRIO_CLASS_BE … ; NULL = unset */
        int priority;
    } io_priority;
    struct {
        char *initial, *final;
    } exec_cpu_affinity;
};

struct rt_mount {
    char *destination;
    char *type;   /* may be NULL for bind */
    char *source; /* may be NULL */
    struct strlist options;
    struct rt_idmaps uid_mappings, gid_mappings;
};

struct rt_namespace {
    enum rt_ns type;
    char *path; /* NULL = new */
};

struct rt_device {
    char *path;
    char type; /* c b u p */
    int64_t major, minor;
    bool has_mode;
    uint32_t mode;
    bool has_uid, has_gid;
    uint32_t uid, gid;
};

struct rt_net_device {
    char *host_name, *name; /* name in the container; NULL = the same */
};

struct rt_device_rule {
    bool allow;
    char type;            /* a b c */
    int64_t major, minor; /* -1 = any */
    char *access;         /* "rwm" */
};

struct rt_throttle {
    int64_t major, minor;
    uint64_t rate;
};
struct rt_weight {
    int64_t major, minor;
    struct rt_opt_u64 weight, leaf_weight;
};

struct rt_resources {
    struct rt_device_rule *devices;
    size_t n_devices;
    struct {
        struct rt_opt_i64 limit, reservation, swap, kernel, kernel_tcp; /* bytes; -1 = unlimited */
        struct rt_opt_u64 swappiness;
        bool has_disable_oom_killer, disable_oom_killer;
        bool has_use_hierarchy, use_hierarchy, has_check_before_update, check_before_update;
    } memory;
    struct {
        struct rt_opt_u64 shares, period, realtime_period, burst;
        struct rt_opt_i64 quota, realtime_runtime, idle; /* µs; quota -1 = unlimited */
        char *cpus, *mems;
    } cpu;
    struct rt_opt_i64 pids_limit; /* -1 or 0 = unlimited */
    struct {
        struct rt_opt_u64 weight, leaf_weight;
        struct rt_weight *weight_device;
        size_t n_weight_device;
        struct rt_throttle *rbps, *wbps, *riops, *wiops;
        size_t n_rbps, n_wbps, n_riops, n_wiops;
    } block_io;
    struct rt_hugepage {
        char *page_size;
        uint64_t limit;
    } * hugepages;
    size_t n_hugepages;
    struct rt_kv *unified; /* cgroup v2 files */
    size_t n_unified;
    struct {
        struct rt_opt_u64 class_id;
        struct rt_netprio {
            char *name;
            uint32_t priority;
        } * priorities;
        size_t n_priorities;
    } network;
    struct rt_rdma {
        char *name;
        struct rt_opt_u64 hca_handles, hca_objects;
    } * rdma;
    size_t n_rdma;
};

struct rt_seccomp_arg {
    uint32_t index;
    uint64_t value, value_two;
    char *op; /* SCMP_CMP_EQ … */
};
struct rt_seccomp_rule {
    struct strlist names;
    char *action; /* SCMP_ACT_… */
    struct rt_opt_u64 errno_ret;
    struct rt_seccomp_arg *args;
    size_t n_args;
};
struct rt_seccomp {
    char *default_action;
    struct rt_opt_u64 default_errno_ret;
    struct strlist architectures, flags;
    char *listener_path, *listener_metadata;
    struct rt_seccomp_rule *rules;
    size_t n_rules;
};

struct rt_hook {
    char *path;
    struct strlist args, env;
    int timeout; /* seconds, 0 = none */
};
struct rt_hooks {
    struct rt_hook *v;
    size_t n;
};

struct rt_spec {
    char *version; /* ociVersion */
    bool has_process;
    struct rt_process process;
    char *root_path;
    bool root_readonly;
    char *hostname, *domainname;
    struct rt_mount *mounts;
    size_t n_mounts;
    struct rt_hooks prestart, create_runtime, create_container, start_container, poststart,
        poststop;
    struct rt_kv *annotations;
    size_t n_annotations;
    /* linux */
    struct rt_namespace *namespaces;
    size_t n_namespaces;
    struct rt_idmaps uid_mappings, gid_mappings;
    struct rt_device *devices;
    size_t n_devices;
    struct rt_net_device *net_devices;
    size_t n_net_devices;
    struct rt_resources resources;
    char *cgroups_path;
    char *rootfs_propagation; /* shared slave private unbindable, or NULL */
    struct strlist masked_paths, readonly_paths;
    struct rt_kv *sysctl;
    size_t n_sysctl;
    struct rt_seccomp *seccomp; /* NULL = none */
    char *mount_label;
    struct {
        bool given;
        char *clos_id, *l3_cache_schema, *mem_bw_schema;
        struct strlist schemata;
        bool enable_monitoring, enable_cmt, enable_mbm; /* the latter two until 1.2 */
    } intel_rdt;
    struct {
        char *mode, *nodes; /* MPOL_BIND …, "0-3,7"; NULL mode = unset */
        struct strlist flags;
    } memory_policy;
    struct {
        char *domain; /* NULL = unset; "LINUX" or "LINUX32" */
        struct strlist flags;
    } personality;
    struct rt_timens {
        char *clock; /* monotonic boottime */
        int64_t secs;
        uint32_t nanosecs;
    } * time_offsets;
    size_t n_time_offsets;
};

/* Parse and check a config.json. Errors name the JSON path and the value. */
int rt_spec_decode(const js *doc, struct arena *a, struct rt_spec *ret, struct err *e);
/* A process document alone (`exec --process`). */
int rt_process_decode(const js *doc, struct arena *a, struct rt_process *ret, struct err *e);
/* A resources document alone (`update`). */
int rt_resources_decode(const js *doc, struct arena *a, struct rt_resources *ret, struct err *e);
/* The same as JSON; caller frees. */
int rt_spec_encode(const struct rt_spec *s, js **ret, struct err *e);

/* Namespace names: runtime-spec word ("network"), CLONE_NEW* flag, /proc/PID/ns file ("net"). */
const char *rt_ns_name(enum rt_ns ns);
uint64_t rt_ns_flag(enum rt_ns ns);
const char *rt_ns_proc(enum rt_ns ns);
const struct rt_namespace *rt_spec_ns(const struct rt_spec *s, enum rt_ns type); /* or NULL */

/* Capability names ("CAP_NET_ADMIN", also without the prefix, any case) ↔ numbers. -1 unknown.
 * The table is uapi/linux/capability.h; kept here because it is a vocabulary, not a system call. */
int rt_cap_from_name(const char *name);
const char *rt_cap_name(int cap);
#define RT_CAP_LAST 40 /* CAP_CHECKPOINT_RESTORE */
