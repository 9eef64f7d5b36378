/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/runtime_tables.h"

/* --- user, console ------------------------------------------------------------------------- */

static const struct field user_fields[] = {
    {FIELD(struct rt_user, U32, "uid", uid), .flags = FIELD_KEEP},
    {FIELD(struct rt_user, U32, "gid", gid), .flags = FIELD_KEEP},
    {FIELD_HAS(struct rt_user, U32, "umask", umask, has_umask), .min = 0, .max = 0777},
    {FIELD_N(struct rt_user, U32S, "additionalGids", additional_gids, n_additional_gids)},
};
static const struct field_table user_table = FIELD_TABLE(struct rt_user, user_fields);

static const struct field console_fields[] = {
    {FIELD(struct rt_process, U16, "height", console_height), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_process, U16, "width", console_width), .flags = FIELD_REQUIRED | FIELD_KEEP},
};
static const struct field_table console_table = FIELD_TABLE(struct rt_process, console_fields);

/* --- capabilities: lists of names ↔ bit sets ----------------------------------------------- */

/* The specification wants unknown capabilities warned about, not refused: they go to `unknown`,
 * and leaving one out can only grant less. */
static int caps_decode(struct field_in *in, const struct field *f, const js *v, void *base) {
    struct rt_caps *caps = base;
    uint64_t mask = 0;
    if (js_type(v) != JS_ARRAY)
        return field_fail_type(in, "an array", v);
    for (size_t i = 0; i < js_len(v); i++) {
        const char *name = js_str(js_at(v, i));
        if (!name) {
            field_push_index(in, i);
            int r = field_fail_type(in, "a string", js_at(v, i));
            field_pop(in);
            return r;
        }
        int cap = rt_cap_from_name(name);
        if (cap >= 0)
            mask |= UINT64_C(1) << cap;
        else if (caps->unknown.n < 64 && !strlist_has(&caps->unknown, name) &&
                 strlist_add(field_arena(in), &caps->unknown, name) < 0)
            return field_oom(in);
    }
    *(uint64_t *)((char *)base + f->off) = mask;
    return 0;
}

static int caps_encode(const struct field *f, const void *base, js **ret) {
    uint64_t mask = *(const uint64_t *)((const char *)base + f->off);
    if (!mask)
        return 0;
    AUTO_JS js *out = js_new_array();
    if (!out)
        return -ENOMEM;
    for (int cap = 0; cap <= RT_CAP_LAST; cap++) {
        if ((mask >> cap & 1) && js_push_str(out, rt_cap_name(cap)) < 0)
            return -ENOMEM;
    }
    *ret = TAKE_PTR(out);
    return 0;
}

#define CAPS(name_, m)                                                                             \
    {                                                                                              \
        .name = (name_), .type = FIELD_CUSTOM, .off = FIELD_OFF(struct rt_caps, m, uint64_t),      \
        .decode = caps_decode, .encode = caps_encode                                               \
    }
static const struct field caps_fields[] = {
    CAPS("bounding", bounding),   CAPS("effective", effective), CAPS("inheritable", inheritable),
    CAPS("permitted", permitted), CAPS("ambient", ambient),
};
static const struct field_table caps_table = FIELD_TABLE(struct rt_caps, caps_fields);

/* --- limits and scheduling ----------------------------------------------------------------- */

static const struct field rlimit_fields[] = {
    {FIELD(struct rt_rlimit, STR, "type", type), .flags = FIELD_REQUIRED,
     FIELD_WORDS("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE",
                 "RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",
                 "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
                 "RLIMIT_SIGPENDING", "RLIMIT_STACK")},
    {FIELD(struct rt_rlimit, U64, "soft", soft), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_rlimit, U64, "hard", hard), .flags = FIELD_REQUIRED | FIELD_KEEP},
};

static int check_rlimit(struct field_in *in, const void *obj) {
    const struct rt_rlimit *l = obj;
    if (l->soft > l->hard)
        return field_fail(in, "soft", "%llu is above the hard limit %llu",
                          (unsigned long long)l->soft, (unsigned long long)l->hard);
    return 0;
}
static const struct field_table rlimit_table =
    FIELD_TABLE_CHECKED(struct rt_rlimit, rlimit_fields, check_rlimit);

static const struct field scheduler_fields[] = {
    {FIELD(struct rt_process, STR, "policy", scheduler.policy), .flags = FIELD_REQUIRED,
     FIELD_WORDS("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE",
                 "SCHED_DEADLINE")},
    {FIELD(struct rt_process, INT, "nice", scheduler.nice), .min = -20, .max = 19},
    {FIELD(struct rt_process, INT, "priority", scheduler.priority), .min = 0, .max = 99},
    {FIELD(struct rt_process, STRLIST, "flags", scheduler.flags),
     FIELD_WORDS("SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN",
                 "SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
                 "SCHED_FLAG_UTIL_CLAMP_MAX")},
    {FIELD(struct rt_process, U64, "runtime", scheduler.runtime)},
    {FIELD(struct rt_process, U64, "deadline", scheduler.deadline)},
    {FIELD(struct rt_process, U64, "period", scheduler.period)},
};
static const struct field_table scheduler_table = FIELD_TABLE(struct rt_process, scheduler_fields);

static const struct field io_priority_fields[] = {
    {FIELD(struct rt_process, STR, "class", io_priority.cls), .flags = FIELD_REQUIRED,
     FIELD_WORDS("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")},
    {FIELD(struct rt_process, INT, "priority", io_priority.priority), .min = 0, .max = 7},
};
static const struct field_table io_priority_table =
    FIELD_TABLE(struct rt_process, io_priority_fields);

static const struct field affinity_fields[] = {
    {FIELD(struct rt_process, STR, "initial", exec_cpu_affinity.initial)},
    {FIELD(struct rt_process, STR, "final", exec_cpu_affinity.final)},
};
static const struct field_table affinity_table = FIELD_TABLE(struct rt_process, affinity_fields);

/* --- process ------------------------------------------------------------------------------- */

static const struct field process_fields[] = {
    {FIELD(struct rt_process, BOOL, "terminal", terminal)},
    {FIELD_INLINE("consoleSize", console_table)},
    {FIELD_NEST(struct rt_process, "user", user, user_table), .flags = FIELD_KEEP},
    {FIELD(struct rt_process, STRLIST, "args", args)},
    {FIELD(struct rt_process, STRLIST, "env", env)},
    {FIELD(struct rt_process, STR, "cwd", cwd), .flags = FIELD_REQUIRED},
    {FIELD_NEST(struct rt_process, "capabilities", caps, caps_table),
     .has = 1 + FIELD_OFF(struct rt_process, caps.given, bool)},
    {FIELD_ITEMS(struct rt_process, LIST, "rlimits", struct rt_rlimit, rlimits, n_rlimits,
                 rlimit_table)},
    {FIELD(struct rt_process, BOOL, "noNewPrivileges", no_new_privileges)},
    {FIELD(struct rt_process, STR, "apparmorProfile", apparmor_profile)},
    {FIELD_HAS(struct rt_process, INT, "oomScoreAdj", oom_score_adj, has_oom_score_adj),
     .min = -1000, .max = 1000},
    {FIELD(struct rt_process, STR, "selinuxLabel", selinux_label)},
    {FIELD_INLINE("scheduler", scheduler_table)},
    {FIELD_INLINE("ioPriority", io_priority_table)},
    {FIELD_INLINE("execCPUAffinity", affinity_table)},
};

static int check_process(struct field_in *in, const void *obj) {
    const struct rt_process *p = obj;
    if (p->cwd[0] != '/')
        return field_fail(in, "cwd", "\"%.200s\": must be an absolute path", p->cwd);
    for (size_t i = 0; i < p->n_rlimits; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq(p->rlimits[i].type, p->rlimits[k].type))
                return field_fail(in, "rlimits", "%s is given twice", p->rlimits[i].type);
        }
    }
    return 0;
}
const struct field_table runtime_process_table =
    FIELD_TABLE_CHECKED(struct rt_process, process_fields, check_process);
