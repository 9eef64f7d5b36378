/* SPDX-License-Identifier: Apache-2.0 */
/* Where it runs: CPUs, memory nodes, cache classes. */
#include "machine/container/build.h"

#include "base/str.h"
#include "machine/container/rdt.h"

#include <string.h>

#define PLACE_MAX_BITS 8192

/* --- lists of numbers --------------------------------------------------------------------------
 */

struct place_set {
    unsigned long words[PLACE_MAX_BITS / (8 * sizeof(unsigned long))];
    size_t bits; /* one above the highest */
};

static const char *read_number(const char *s, size_t *ret) {
    size_t v = 0;
    const char *p = s;
    for (; *p >= '0' && *p <= '9' && v < PLACE_MAX_BITS; p++)
        v = v * 10 + (size_t)(*p - '0');
    *ret = v;
    return p == s || v >= PLACE_MAX_BITS ? NULL : p;
}

/* "0-3,7", as the kernel writes it. */
static bool read_set(const char *s, struct place_set *ret) {
    *ret = (struct place_set){0};
    for (;;) {
        size_t first, last;
        while (*s == ' ')
            s++;
        s = read_number(s, &first);
        if (!s)
            return false;
        last = first;
        if (*s == '-' && !(s = read_number(s + 1, &last)))
            return false;
        if (last < first)
            return false;
        for (size_t i = first; i <= last; i++)
            ret->words[i / (8 * sizeof(long))] |= 1UL << i % (8 * sizeof(long));
        ret->bits = MAX_OF(ret->bits, last + 1);
        while (*s == ' ' || *s == '\n')
            s++;
        if (!*s)
            return true;
        if (*s++ != ',')
            return false;
    }
}

static uint32_t add_set(struct build *b, const struct place_set *set) {
    size_t per = 8 * sizeof(unsigned long);
    return plan_writer_blob(&b->w, set->words, (set->bits + per - 1) / per * sizeof(unsigned long));
}

/* --- CPUs --------------------------------------------------------------------------------------
 */

static int add_affinity(struct build *b, enum plan_section section, const char *field,
                        const char *list) {
    struct place_set set;
    if (str_empty(list))
        return 0;
    if (!read_set(list, &set))
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "process.execCPUAffinity.%s: \"%s\" is no list of CPUs like 0-3,7", field,
                       list);
    plan_writer_step(&b->w, section,
                     (struct plan_step){.op = PLAN_AFFINITY, .ref = {add_set(b, &set)}});
    return 0;
}

int build_affinity_initial(struct build *b) {
    return add_affinity(b, PLAN_BIRTH, "initial", b->process->exec_cpu_affinity.initial);
}

int build_affinity_final(struct build *b) {
    return add_affinity(b, PLAN_INIT, "final", b->process->exec_cpu_affinity.final);
}

/* --- memory nodes ------------------------------------------------------------------------------
 */

struct place_word {
    const char *word;
    uint32_t value;
};

/* The kernel's MPOL_*. */
static const struct place_word modes[] = {
    {"MPOL_DEFAULT", 0},
    {"MPOL_PREFERRED", 1},
    {"MPOL_BIND", 2},
    {"MPOL_INTERLEAVE", 3},
    {"MPOL_LOCAL", 4},
    {"MPOL_PREFERRED_MANY", 5},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
};
static const struct place_word mode_flags[] = {
    {"MPOL_F_STATIC_NODES", 1U << 15},
    {"MPOL_F_RELATIVE_NODES", 1U << 14},
    {"MPOL_F_NUMA_BALANCING", 1U << 13},
};

static const struct place_word *find_word(const struct place_word *v, size_t n, const char *word) {
    for (size_t i = 0; i < n; i++) {
        if (str_eq(v[i].word, word))
            return &v[i];
    }
    return NULL;
}

int build_memory_policy(struct build *b) {
    const struct rt_spec *s = b->spec;
    struct place_set set = {0};
    if (!s->memory_policy.mode)
        return 0;
    const struct place_word *mode = find_word(modes, ARRAY_SIZE(modes), s->memory_policy.mode);
    if (!mode)
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.memoryPolicy.mode: \"%s\" is unknown",
                       s->memory_policy.mode);
    uint32_t value = mode->value;
    for (size_t i = 0; i < s->memory_policy.flags.n; i++) {
        const char *word = s->memory_policy.flags.v[i];
        const struct place_word *flag = find_word(mode_flags, ARRAY_SIZE(mode_flags), word);
        if (!flag)
            return err_set(b->e, ERR_USAGE, -EINVAL, "linux.memoryPolicy.flags: \"%s\" is unknown",
                           word);
        value |= flag->value;
    }
    if (!str_empty(s->memory_policy.nodes) && !read_set(s->memory_policy.nodes, &set))
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "linux.memoryPolicy.nodes: \"%s\" is no list of nodes like 0-3,7",
                       s->memory_policy.nodes);
    build_init(b, PLAN_MEMORY_POLICY, .ref = {add_set(b, &set), build_str(b, mode->word)},
               .num = {value, set.bits});
    return 0;
}

/* --- cache classes -----------------------------------------------------------------------------
 */

static int rdt_line(struct build *b, const char *field, const char *line, const char *start,
                    struct strlist *ret) {
    if (str_empty(line))
        return 0;
    if (strchr(line, '\n') || (start && !str_starts(line, start)))
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "linux.intelRdt.%s: \"%.200s\" must be one line%s%s", field, line,
                       start ? " that starts with " : "", start ? start : "");
    return strlist_add(b->a, ret, line) < 0 ? err_oom(b->e) : 0;
}

static int rdt_lines(struct build *b, struct strlist *ret) {
    const struct rt_spec *s = b->spec;
    int r = rdt_line(b, "l3CacheSchema", s->intel_rdt.l3_cache_schema, NULL, ret);
    if (r == 0)
        r = rdt_line(b, "memBwSchema", s->intel_rdt.mem_bw_schema, "MB:", ret);
    for (size_t i = 0; i < s->intel_rdt.schemata.n && r == 0; i++)
        r = rdt_line(b, "schemata", s->intel_rdt.schemata.v[i], NULL, ret);
    return r;
}

static bool rdt_name(const char *s) {
    return !str_empty(s) && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

int build_rdt(struct build *b) {
    const struct rt_spec *s = b->spec;
    const char *clos = s->intel_rdt.clos_id, *id = b->host->id, *mount = b->host->resctrl;
    struct strlist lines = {0};
    if (!s->intel_rdt.given)
        return 0;
    if (!mount)
        return err_set(b->e, ERR_UNAVAILABLE, -ENOTSUP,
                       "intelRdt is specified in config, but Intel RDT is not supported or "
                       "enabled: resctrl is not mounted");
    bool root = str_eq(clos, "/");
    if (clos && !root && !rdt_name(clos))
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.intelRdt.closID: \"%s\" is no name", clos);
    if (!rdt_name(id))
        return err_set(b->e, ERR_INTERNAL, -EINVAL, "linux.intelRdt needs the container's id");
    int r = rdt_lines(b, &lines);
    if (r < 0)
        return r;
    const char *dir = root ? mount : arena_printf(b->a, "%s/%s", mount, clos ? clos : id);
    const char *monitor = NULL;
    if (s->intel_rdt.enable_monitoring || s->intel_rdt.enable_cmt || s->intel_rdt.enable_mbm)
        monitor = arena_printf(b->a, "%s/mon_groups/%s", dir, id);
    plan_writer_step(
        &b->w, PLAN_HOST_OPEN,
        (struct plan_step){.op = PLAN_RDT_GROUP,
                           .ref = {build_str(b, dir), plan_writer_list(&b->w, lines.v, lines.n),
                                   build_str(b, monitor)},
                           .num = {!clos     ? RDT_OWN
                                   : lines.n ? RDT_NAMED
                                             : RDT_FOUND}});
    return 0;
}
