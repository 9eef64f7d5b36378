/* SPDX-License-Identifier: Apache-2.0 */
/* rlimits, the OOM killer's preference, scheduling. */
#include "machine/container/build.h"

#include "base/str.h"

#include <string.h>
#include <sys/resource.h>

struct number_name {
    const char *name;
    int value;
};

static const struct number_name rlimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", 10},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", 12},
    {"RLIMIT_NICE", 13},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", 14},
    {"RLIMIT_RTTIME", 15},
    {"RLIMIT_SIGPENDING", 11},
    {"RLIMIT_STACK", RLIMIT_STACK},
};
static const struct number_name policies[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},
    {"SCHED_BATCH", 3}, {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
};
static const struct number_name sched_flags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01},  {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},     {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};
static const struct number_name io_classes[] = {
    {"IOPRIO_CLASS_RT", 1},
    {"IOPRIO_CLASS_BE", 2},
    {"IOPRIO_CLASS_IDLE", 3},
};

static int number_of(const struct number_name *v, size_t n, const char *name) {
    for (size_t i = 0; name && i < n; i++) {
        if (strcmp(v[i].name, name) == 0)
            return v[i].value;
    }
    return -1;
}

static int unknown(struct build *b, const char *where, const char *word) {
    return err_set(b->e, ERR_USAGE, -EINVAL, "%s: \"%s\" is unknown", where, word);
}

/* The kernel's struct sched_attr, version 0. */
struct sched_attr_v0 {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static int add_scheduler(struct build *b) {
    const struct rt_process *p = b->process;
    if (!p->scheduler.policy)
        return 0;
    int policy = number_of(policies, ARRAY_SIZE(policies), p->scheduler.policy);
    if (policy < 0)
        return unknown(b, "process.scheduler.policy", p->scheduler.policy);
    struct sched_attr_v0 s = {.size = sizeof(s),
                              .policy = (uint32_t)policy,
                              .nice = p->scheduler.nice,
                              .priority = (uint32_t)p->scheduler.priority,
                              .runtime = p->scheduler.runtime,
                              .deadline = p->scheduler.deadline,
                              .period = p->scheduler.period};
    for (size_t i = 0; i < p->scheduler.flags.n; i++) {
        int flag = number_of(sched_flags, ARRAY_SIZE(sched_flags), p->scheduler.flags.v[i]);
        if (flag < 0)
            return unknown(b, "process.scheduler.flags", p->scheduler.flags.v[i]);
        s.flags |= (uint64_t)flag;
    }
    build_init(b, PLAN_SCHEDULER, .ref = {plan_writer_blob(&b->w, &s, sizeof(s))});
    return 0;
}

static int add_io_priority(struct build *b) {
    const struct rt_process *p = b->process;
    if (!p->io_priority.cls)
        return 0;
    int cls = number_of(io_classes, ARRAY_SIZE(io_classes), p->io_priority.cls);
    if (cls < 0)
        return unknown(b, "process.ioPriority.class", p->io_priority.cls);
    build_init(b, PLAN_IO_PRIORITY,
               .num = {(uint64_t)((cls << 13) | (p->io_priority.priority & 7))});
    return 0;
}

/* While we are still the one who owns our files in /proc: a process that may not be looked at has
 * them owned by the root of its starter's user namespace. */
int build_oom(struct build *b) {
    const struct rt_process *p = b->process;
    if (p->has_oom_score_adj)
        build_init(b, PLAN_OOM_SCORE,
                   .flags = b->host->can_raise_oom || b->host->strict ? 0 : PLAN_CLAMP,
                   .num = {(uint64_t)(int64_t)p->oom_score_adj});
    return 0;
}

int build_limits(struct build *b) {
    const struct rt_process *p = b->process;
    for (size_t i = 0; i < p->n_rlimits; i++) {
        const struct rt_rlimit *l = &p->rlimits[i];
        int resource = number_of(rlimits, ARRAY_SIZE(rlimits), l->type);
        if (resource < 0)
            return unknown(b, "process.rlimits", l->type ? l->type : "");
        if (l->soft > l->hard)
            return err_set(b->e, ERR_USAGE, -EINVAL,
                           "process.rlimits: %s: the soft limit is above the hard one", l->type);
        build_init(b, PLAN_RLIMIT,
                   .flags = b->host->can_raise_rlimits || b->host->strict ? 0 : PLAN_CLAMP,
                   .ref = {build_str(b, l->type)}, .num = {(uint64_t)resource, l->soft, l->hard});
    }
    int r = add_scheduler(b);
    return r < 0 ? r : add_io_priority(b);
}
