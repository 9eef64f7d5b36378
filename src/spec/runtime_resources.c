/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/runtime_tables.h"

#include <ctype.h>
#include <string.h>

typedef struct rt_resources res;

/* --- device rules -------------------------------------------------------------------------- */

static const struct field rule_fields[] = {
    {FIELD(struct rt_device_rule, BOOL, "allow", allow), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_device_rule, CHAR, "type", type), .dflt = 'a', FIELD_WORDS("abc")},
    {FIELD(struct rt_device_rule, I64, "major", major), .dflt = -1},
    {FIELD(struct rt_device_rule, I64, "minor", minor), .dflt = -1},
    {FIELD(struct rt_device_rule, STR, "access", access)},
};

static int check_rule(struct field_in *in, const void *obj) {
    const struct rt_device_rule *r = obj;
    /* a rule that denies may say more than there is: all of it is denied */
    if (r->allow && r->access && r->access[strspn(r->access, "rwm")])
        return field_fail(in, "access", "expected letters of \"rwm\", got \"%.40s\"", r->access);
    return 0;
}
static const struct field_table rule_table =
    FIELD_TABLE_CHECKED(struct rt_device_rule, rule_fields, check_rule);

/* --- memory, cpu, pids --------------------------------------------------------------------- */

static const struct field memory_fields[] = {
    {FIELD(res, OPT_I64, "limit", memory.limit)},
    {FIELD(res, OPT_I64, "reservation", memory.reservation)},
    {FIELD(res, OPT_I64, "swap", memory.swap)},
    {FIELD(res, OPT_I64, "kernel", memory.kernel)},
    {FIELD(res, OPT_I64, "kernelTCP", memory.kernel_tcp)},
    {FIELD(res, OPT_U64, "swappiness", memory.swappiness), .min = 0, .max = 200},
    {FIELD_HAS(res, BOOL, "disableOOMKiller", memory.disable_oom_killer,
               memory.has_disable_oom_killer)},
    {FIELD_HAS(res, BOOL, "useHierarchy", memory.use_hierarchy, memory.has_use_hierarchy)},
    {FIELD_HAS(res, BOOL, "checkBeforeUpdate", memory.check_before_update,
               memory.has_check_before_update)},
};
static const struct field_table memory_table = FIELD_TABLE(res, memory_fields);

static const struct field cpu_fields[] = {
    {FIELD(res, OPT_U64, "shares", cpu.shares)},
    {FIELD(res, OPT_I64, "quota", cpu.quota)},
    {FIELD(res, OPT_U64, "burst", cpu.burst)},
    {FIELD(res, OPT_U64, "period", cpu.period)},
    {FIELD(res, OPT_I64, "realtimeRuntime", cpu.realtime_runtime)},
    {FIELD(res, OPT_U64, "realtimePeriod", cpu.realtime_period)},
    {FIELD(res, STR, "cpus", cpu.cpus)},
    {FIELD(res, STR, "mems", cpu.mems)},
    {FIELD(res, OPT_I64, "idle", cpu.idle)},
};
static const struct field_table cpu_table = FIELD_TABLE(res, cpu_fields);

static const struct field pids_fields[] = {
    {FIELD(res, OPT_I64, "limit", pids_limit)},
};
static const struct field_table pids_table = FIELD_TABLE(res, pids_fields);

/* --- block devices ------------------------------------------------------------------------- */

static const struct field weight_fields[] = {
    {FIELD(struct rt_weight, I64, "major", major), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_weight, I64, "minor", minor), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_weight, OPT_U64, "weight", weight), .min = 0, .max = UINT16_MAX},
    {FIELD(struct rt_weight, OPT_U64, "leafWeight", leaf_weight), .min = 0, .max = UINT16_MAX},
};
static const struct field_table weight_table = FIELD_TABLE(struct rt_weight, weight_fields);

static const struct field throttle_fields[] = {
    {FIELD(struct rt_throttle, I64, "major", major), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_throttle, I64, "minor", minor), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_throttle, U64, "rate", rate), .flags = FIELD_KEEP},
};
static const struct field_table throttle_table = FIELD_TABLE(struct rt_throttle, throttle_fields);

#define THROTTLE(name, m)                                                                          \
    { FIELD_ITEMS(res, LIST, name, struct rt_throttle, block_io.m, block_io.n_##m, throttle_table) }
static const struct field block_io_fields[] = {
    {FIELD(res, OPT_U64, "weight", block_io.weight), .min = 0, .max = UINT16_MAX},
    {FIELD(res, OPT_U64, "leafWeight", block_io.leaf_weight), .min = 0, .max = UINT16_MAX},
    {FIELD_ITEMS(res, LIST, "weightDevice", struct rt_weight, block_io.weight_device,
                 block_io.n_weight_device, weight_table)},
    THROTTLE("throttleReadBpsDevice", rbps),
    THROTTLE("throttleWriteBpsDevice", wbps),
    THROTTLE("throttleReadIOPSDevice", riops),
    THROTTLE("throttleWriteIOPSDevice", wiops),
};
static const struct field_table block_io_table = FIELD_TABLE(res, block_io_fields);

/* --- huge pages, network, RDMA ------------------------------------------------------------- */

static const struct field hugepage_fields[] = {
    {FIELD(struct rt_hugepage, STR, "pageSize", page_size), .flags = FIELD_REQUIRED},
    {FIELD(struct rt_hugepage, U64, "limit", limit), .flags = FIELD_REQUIRED | FIELD_KEEP},
};

/* "2MB": the name is part of a cgroup file name, so nothing else may pass. */
static int check_hugepage(struct field_in *in, const void *obj) {
    const char *size = ((const struct rt_hugepage *)obj)->page_size;
    size_t digits = strspn(size, "0123456789");
    const char *unit = size + digits;
    if (digits == 0 || digits > 9 || size[0] == '0' || !strchr("KMG", unit[0]) ||
        !str_eq(unit[0] ? unit + 1 : unit, "B"))
        return field_fail(in, "pageSize", "expected a size such as \"2MB\", got \"%.40s\"", size);
    return 0;
}
static const struct field_table hugepage_table =
    FIELD_TABLE_CHECKED(struct rt_hugepage, hugepage_fields, check_hugepage);

static const struct field netprio_fields[] = {
    {FIELD(struct rt_netprio, STR, "name", name), .flags = FIELD_REQUIRED},
    {FIELD(struct rt_netprio, U32, "priority", priority), .flags = FIELD_REQUIRED | FIELD_KEEP},
};
static const struct field_table netprio_table = FIELD_TABLE(struct rt_netprio, netprio_fields);

static const struct field network_fields[] = {
    {FIELD(res, OPT_U64, "classID", network.class_id), .min = 0, .max = UINT32_MAX},
    {FIELD_ITEMS(res, LIST, "priorities", struct rt_netprio, network.priorities,
                 network.n_priorities, netprio_table)},
};
static const struct field_table network_table = FIELD_TABLE(res, network_fields);

static const struct field rdma_fields[] = {
    {FIELD(struct rt_rdma, OPT_U64, "hcaHandles", hca_handles), .min = 0, .max = UINT32_MAX},
    {FIELD(struct rt_rdma, OPT_U64, "hcaObjects", hca_objects), .min = 0, .max = UINT32_MAX},
};
static const struct field_table rdma_table = FIELD_TABLE(struct rt_rdma, rdma_fields);

/* --- resources ----------------------------------------------------------------------------- */

static const struct field resources_fields[] = {
    {FIELD_ITEMS(res, LIST, "devices", struct rt_device_rule, devices, n_devices, rule_table)},
    {FIELD_INLINE("memory", memory_table)},
    {FIELD_INLINE("cpu", cpu_table)},
    {FIELD_INLINE("pids", pids_table)},
    {FIELD_INLINE("blockIO", block_io_table)},
    {FIELD_ITEMS(res, LIST, "hugepageLimits", struct rt_hugepage, hugepages, n_hugepages,
                 hugepage_table)},
    {FIELD_INLINE("network", network_table)},
    {FIELD_ITEMS(res, MAP, "rdma", struct rt_rdma, rdma, n_rdma, rdma_table),
     .map_key = FIELD_OFF(struct rt_rdma, name, char *)},
    {FIELD_N(res, KVS, "unified", unified, n_unified)},
};

/* A key of `unified` is a file name in the cgroup: "memory.high", never a path. */
static int check_resources(struct field_in *in, const void *obj) {
    const res *r = obj;
    for (size_t i = 0; i < r->n_unified; i++) {
        const char *key = r->unified[i].key;
        if (strchr(key, '/') || !strchr(key, '.') || key[0] == '.' || !isalpha((unsigned char)*key))
            return field_fail(in, "unified", "\"%.60s\" is no cgroup file name", key);
    }
    return 0;
}
const struct field_table runtime_resources_table =
    FIELD_TABLE_CHECKED(res, resources_fields, check_resources);
