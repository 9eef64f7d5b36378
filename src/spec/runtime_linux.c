/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/runtime_tables.h"

#include <linux/sched.h>

/* --- namespaces ---------------------------------------------------------------------------- */

#define NS_NAMES "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"

static const struct {
    uint64_t flag;
    const char *name, *proc;
} ns_table[RT_NS_COUNT] = {
    [RT_NS_PID] = {CLONE_NEWPID, "pid", "pid"},
    [RT_NS_NET] = {CLONE_NEWNET, "network", "net"},
    [RT_NS_MOUNT] = {CLONE_NEWNS, "mount", "mnt"},
    [RT_NS_IPC] = {CLONE_NEWIPC, "ipc", "ipc"},
    [RT_NS_UTS] = {CLONE_NEWUTS, "uts", "uts"},
    [RT_NS_USER] = {CLONE_NEWUSER, "user", "user"},
    [RT_NS_CGROUP] = {CLONE_NEWCGROUP, "cgroup", "cgroup"},
    [RT_NS_TIME] = {CLONE_NEWTIME, "time", "time"},
};

const char *rt_ns_name(enum rt_ns ns) {
    return ns_table[ns].name;
}

uint64_t rt_ns_flag(enum rt_ns ns) {
    return ns_table[ns].flag;
}

const char *rt_ns_proc(enum rt_ns ns) {
    return ns_table[ns].proc;
}

const struct rt_namespace *rt_spec_ns(const struct rt_spec *s, enum rt_ns type) {
    for (size_t i = 0; i < s->n_namespaces; i++) {
        if (s->namespaces[i].type == type)
            return &s->namespaces[i];
    }
    return NULL;
}

_Static_assert(sizeof(enum rt_ns) == sizeof(int), "FIELD_WORD writes an int");
static const struct field namespace_fields[] = {
    {.name = "type",
     .type = FIELD_WORD,
     .off = offsetof(struct rt_namespace, type),
     .flags = FIELD_REQUIRED | FIELD_KEEP,
     FIELD_WORDS(NS_NAMES)},
    {FIELD(struct rt_namespace, STR, "path", path)},
};
static const struct field_table namespace_table =
    FIELD_TABLE(struct rt_namespace, namespace_fields);

/* --- id mappings --------------------------------------------------------------------------- */

static const struct field idmap_fields[] = {
    {FIELD(struct rt_idmap, U32, "containerID", container_id),
     .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_idmap, U32, "hostID", host_id), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_idmap, U32, "size", size), .flags = FIELD_REQUIRED | FIELD_KEEP},
};
const struct field_table runtime_idmap_table = FIELD_TABLE(struct rt_idmap, idmap_fields);

/* --- devices ------------------------------------------------------------------------------- */

static const struct field device_fields[] = {
    {FIELD(struct rt_device, STR, "path", path), .flags = FIELD_REQUIRED},
    {FIELD(struct rt_device, CHAR, "type", type), .flags = FIELD_REQUIRED, FIELD_WORDS("cbup")},
    {FIELD(struct rt_device, I64, "major", major), .flags = FIELD_KEEP},
    {FIELD(struct rt_device, I64, "minor", minor), .flags = FIELD_KEEP},
    {FIELD_HAS(struct rt_device, U32, "fileMode", mode, has_mode)},
    {FIELD_HAS(struct rt_device, U32, "uid", uid, has_uid)},
    {FIELD_HAS(struct rt_device, U32, "gid", gid, has_gid)},
};
static const struct field_table device_table = FIELD_TABLE(struct rt_device, device_fields);

static const struct field net_device_fields[] = {
    {FIELD(struct rt_net_device, STR, "name", name)},
};
static const struct field_table net_device_table =
    FIELD_TABLE(struct rt_net_device, net_device_fields);

/* --- the small ones ------------------------------------------------------------------------ */

static const struct field rdt_fields[] = {
    {FIELD(struct rt_spec, STR, "closID", intel_rdt.clos_id)},
    {FIELD(struct rt_spec, STR, "l3CacheSchema", intel_rdt.l3_cache_schema)},
    {FIELD(struct rt_spec, STR, "memBwSchema", intel_rdt.mem_bw_schema)},
    {FIELD(struct rt_spec, STRLIST, "schemata", intel_rdt.schemata)},
    {FIELD(struct rt_spec, BOOL, "enableMonitoring", intel_rdt.enable_monitoring)},
    {FIELD(struct rt_spec, BOOL, "enableCMT", intel_rdt.enable_cmt)},
    {FIELD(struct rt_spec, BOOL, "enableMBM", intel_rdt.enable_mbm)},
};
static const struct field_table rdt_table = FIELD_TABLE(struct rt_spec, rdt_fields);

static const struct field personality_fields[] = {
    {FIELD(struct rt_spec, STR, "domain", personality.domain), .flags = FIELD_REQUIRED,
     FIELD_WORDS("LINUX", "LINUX32")},
    {FIELD(struct rt_spec, STRLIST, "flags", personality.flags)},
};
static const struct field_table personality_table = FIELD_TABLE(struct rt_spec, personality_fields);

static const struct field memory_policy_fields[] = {
    {FIELD(struct rt_spec, STR, "mode", memory_policy.mode), .flags = FIELD_REQUIRED,
     FIELD_WORDS("MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
                 "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL")},
    {FIELD(struct rt_spec, STR, "nodes", memory_policy.nodes)},
    {FIELD(struct rt_spec, STRLIST, "flags", memory_policy.flags),
     FIELD_WORDS("MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES")},
};
static const struct field_table memory_policy_table =
    FIELD_TABLE(struct rt_spec, memory_policy_fields);

static const struct field timens_fields[] = {
    {FIELD(struct rt_timens, I64, "secs", secs)},
    {FIELD(struct rt_timens, U32, "nanosecs", nanosecs), .min = 0, .max = 999999999},
};
static const struct field_table timens_table = FIELD_TABLE(struct rt_timens, timens_fields);

/* --- linux --------------------------------------------------------------------------------- */

static const struct field linux_fields[] = {
    {FIELD_ITEMS(struct rt_spec, LIST, "namespaces", struct rt_namespace, namespaces, n_namespaces,
                 namespace_table)},
    {FIELD_ITEMS(struct rt_spec, LIST, "uidMappings", struct rt_idmap, uid_mappings.v,
                 uid_mappings.n, runtime_idmap_table)},
    {FIELD_ITEMS(struct rt_spec, LIST, "gidMappings", struct rt_idmap, gid_mappings.v,
                 gid_mappings.n, runtime_idmap_table)},
    {FIELD_ITEMS(struct rt_spec, LIST, "devices", struct rt_device, devices, n_devices,
                 device_table)},
    {FIELD_ITEMS(struct rt_spec, MAP, "netDevices", struct rt_net_device, net_devices,
                 n_net_devices, net_device_table),
     .map_key = FIELD_OFF(struct rt_net_device, host_name, char *)},
    {FIELD(struct rt_spec, STR, "cgroupsPath", cgroups_path)},
    {FIELD_NEST(struct rt_spec, "resources", resources, runtime_resources_table)},
    {FIELD_N(struct rt_spec, KVS, "sysctl", sysctl, n_sysctl)},
    {.name = "seccomp",
     .type = FIELD_PTR,
     .off = FIELD_OFF(struct rt_spec, seccomp, struct rt_seccomp *),
     .sub = &runtime_seccomp_table},
    {FIELD(struct rt_spec, STR, "rootfsPropagation", rootfs_propagation),
     FIELD_WORDS("shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate",
                 "runbindable")},
    {FIELD(struct rt_spec, STRLIST, "maskedPaths", masked_paths)},
    {FIELD(struct rt_spec, STRLIST, "readonlyPaths", readonly_paths)},
    {FIELD(struct rt_spec, STR, "mountLabel", mount_label)},
    {FIELD_INLINE("intelRdt", rdt_table),
     .has = 1 + FIELD_OFF(struct rt_spec, intel_rdt.given, bool)},
    {FIELD_INLINE("personality", personality_table)},
    {FIELD_INLINE("memoryPolicy", memory_policy_table)},
    {FIELD_ITEMS(struct rt_spec, MAP, "timeOffsets", struct rt_timens, time_offsets, n_time_offsets,
                 timens_table),
     .map_key = FIELD_OFF(struct rt_timens, clock, char *), FIELD_WORDS("monotonic", "boottime")},
};

static int check_linux(struct field_in *in, const void *obj) {
    const struct rt_spec *s = obj;
    for (size_t i = 0; i < s->n_namespaces; i++) {
        if (rt_spec_ns(s, s->namespaces[i].type) != &s->namespaces[i])
            return field_fail(in, "namespaces", "\"%s\" is given twice",
                              rt_ns_name(s->namespaces[i].type));
    }
    return 0;
}
const struct field_table runtime_linux_table =
    FIELD_TABLE_CHECKED(struct rt_spec, linux_fields, check_linux);
