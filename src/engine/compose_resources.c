/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and device rules of a box. */
#include "engine/box.h"

#include "base/str.h"

#include <string.h>

#define CPU_PERIOD_US 100000

static void resources_memory(const struct hako_run_options *o, struct rt_resources *r) {
    if (o->memory)
        r->memory.limit = (struct rt_opt_i64){true, (int64_t)o->memory};
    if (o->memory_reservation)
        r->memory.reservation = (struct rt_opt_i64){true, (int64_t)o->memory_reservation};
    if (o->memory_swap)
        r->memory.swap = (struct rt_opt_i64){true, o->memory_swap};
    else if (o->memory) /* docker's default: as much swap again */
        r->memory.swap = (struct rt_opt_i64){true, (int64_t)o->memory * 2};
    if (o->memory_swappiness_set)
        r->memory.swappiness = (struct rt_opt_u64){true, (uint64_t)o->memory_swappiness};
    if (o->oom_kill_disable)
        r->memory.has_disable_oom_killer = r->memory.disable_oom_killer = true;
}

static void resources_cpu(const struct box *b, struct rt_resources *r) {
    const struct hako_run_options *o = b->o;
    if (o->cpus > 0) {
        r->cpu.period = (struct rt_opt_u64){true, CPU_PERIOD_US};
        r->cpu.quota = (struct rt_opt_i64){true, (int64_t)(o->cpus * CPU_PERIOD_US + 0.5)};
    }
    if (o->cpu_period)
        r->cpu.period = (struct rt_opt_u64){true, (uint64_t)o->cpu_period};
    if (o->cpu_quota)
        r->cpu.quota = (struct rt_opt_i64){true, o->cpu_quota};
    if (o->cpu_shares)
        r->cpu.shares = (struct rt_opt_u64){true, (uint64_t)o->cpu_shares};
    r->cpu.cpus = arena_strdup(b->a, o->cpuset_cpus);
    r->cpu.mems = arena_strdup(b->a, o->cpuset_mems);
}

static const struct {
    char type;
    int major, minor;
    const char *access;
} standard_rules[] = {
    {'c', -1, -1, "m"}, {'b', -1, -1, "m"},    {'c', 1, 3, "rwm"}, {'c', 1, 5, "rwm"},
    {'c', 1, 7, "rwm"}, {'c', 1, 8, "rwm"},    {'c', 1, 9, "rwm"}, {'c', 5, 0, "rwm"},
    {'c', 5, 1, "rwm"}, {'c', 136, -1, "rwm"}, {'c', 5, 2, "rwm"},
};

static struct rt_device_rule resources_rule(const struct box *b, bool allow, char type,
                                            int64_t major, int64_t minor, const char *access) {
    return (struct rt_device_rule){.allow = allow,
                                   .type = type,
                                   .major = major,
                                   .minor = minor,
                                   .access = arena_strdup(b->a, access)};
}

/* "c 1:3 rwm", "a *:* rwm" */
static int resources_word(const struct box *b, const char *word, struct rt_device_rule *ret,
                          struct err *e) {
    char *copy = arena_strdup(b->a, word);
    char *colon = copy ? strchr(copy, ':') : NULL;
    char *space = colon ? strchr(colon, ' ') : NULL;
    uint64_t major = 0, minor = 0;
    if (!space || !strchr("abc", copy[0]) || copy[1] != ' ' || !space[1] ||
        strspn(space + 1, "rwm") != strlen(space + 1))
        goto bad;
    *colon = *space = 0;
    bool any_major = str_eq(copy + 2, "*"), any_minor = str_eq(colon + 1, "*");
    if ((!any_major && str_to_u64(copy + 2, &major) < 0) ||
        (!any_minor && str_to_u64(colon + 1, &minor) < 0))
        goto bad;
    *ret = resources_rule(b, true, copy[0], any_major ? -1 : (int64_t)major,
                          any_minor ? -1 : (int64_t)minor, space + 1);
    return 0;
bad:
    return err_set(e, ERR_USAGE, -EINVAL, "invalid device cgroup format '%s'", word);
}

static int resources_devices(const struct box *b, struct rt_resources *r, struct err *e) {
    if (b->host.rootless)
        return 0; /* a user cannot make device nodes: nothing to guard */
    size_t words = b->o->device_cgroup_rule.n;
    size_t max = ARRAY_SIZE(standard_rules) + b->n_devices + words + 1;
    struct rt_device_rule *v = arena_array(b->a, max, struct rt_device_rule);
    size_t n = 0;
    if (!v)
        return err_oom(e);
    v[n++] = resources_rule(b, b->sec.privileged, 'a', -1, -1, "rwm");
    for (size_t i = 0; !b->sec.privileged && i < ARRAY_SIZE(standard_rules); i++)
        v[n++] = resources_rule(b, true, standard_rules[i].type, standard_rules[i].major,
                                standard_rules[i].minor, standard_rules[i].access);
    for (size_t i = 0; !b->sec.privileged && i < b->n_devices; i++)
        v[n++] = resources_rule(b, true, b->devices[i].type, b->devices[i].major,
                                b->devices[i].minor, b->device_words[i].access);
    for (size_t i = 0; i < words; i++) {
        int rc = resources_word(b, b->o->device_cgroup_rule.v[i], &v[n++], e);
        if (rc < 0)
            return rc;
    }
    r->devices = v;
    r->n_devices = n;
    return 0;
}

int compose_resources(const struct box *b, struct rt_spec *s, struct err *e) {
    struct rt_resources *r = &s->resources;
    resources_memory(b->o, r);
    resources_cpu(b, r);
    if (b->pids_limit > 0)
        r->pids_limit = (struct rt_opt_i64){true, b->pids_limit};
    if (b->o->blkio_weight)
        r->block_io.weight = (struct rt_opt_u64){true, (uint64_t)b->o->blkio_weight};
    return resources_devices(b, r, e);
}
