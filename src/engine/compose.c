/* SPDX-License-Identifier: Apache-2.0 */
/* A resolved box → runtime-spec. PURE: no system call, so that golden tests and --dry-run see all.
 */
#include "engine/box.h"

#include "base/str.h"
#include "sys/caps.h"

#include <stdio.h>
#include <string.h>

static const char *const compose_masked[] = {
    "/proc/asound",      "/proc/acpi",          "/proc/interrupts", "/proc/kcore",
    "/proc/keys",        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
    "/proc/sched_debug", "/proc/scsi",          "/sys/firmware",    "/sys/devices/virtual/powercap",
};
static const char *const compose_readonly[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static int compose_paths(const struct box *b, struct rt_spec *s) {
    if (b->sec.unmask)
        return 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(compose_masked); i++)
        r = strlist_add(b->a, &s->masked_paths, compose_masked[i]);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(compose_readonly); i++)
        r = strlist_add(b->a, &s->readonly_paths, compose_readonly[i]);
    return r;
}

static void compose_caps(const struct box *b, struct rt_process *p) {
    p->caps.given = true;
    p->caps.bounding = b->sec.caps;
    /* a user other than root starts without capabilities but may regain them by setuid files */
    bool root = p->user.uid == 0;
    p->caps.effective = p->caps.permitted = root ? b->sec.caps : 0;
}

static int compose_process(const struct box *b, struct rt_spec *s, struct err *e) {
    struct rt_process *p = &s->process;
    s->has_process = true;
    p->terminal = b->o->tty;
    p->user.uid = b->user.uid;
    p->user.gid = b->user.gid;
    p->user.additional_gids = b->user.groups;
    p->user.n_additional_gids = b->user.n_groups;
    p->args = b->args;
    p->env = b->env;
    p->cwd = arena_strdup(b->a, b->rec.workdir);
    p->no_new_privileges = b->sec.no_new_privileges;
    p->apparmor_profile = arena_strdup(b->a, b->sec.apparmor);
    p->selinux_label = arena_strdup(b->a, b->sec.label);
    p->rlimits = b->ulimits;
    p->n_rlimits = b->n_ulimits;
    p->has_oom_score_adj = b->o->oom_score_adj != 0;
    p->oom_score_adj = (int)b->o->oom_score_adj;
    compose_caps(b, p);
    return p->cwd ? 0 : err_oom(e);
}

static int compose_namespaces(const struct box *b, struct rt_spec *s, struct err *e) {
    struct rt_namespace *v = arena_array(b->a, RT_NS_COUNT, struct rt_namespace);
    if (!v)
        return err_oom(e);
    size_t n = 0;
    for (int ns = 0; ns < RT_NS_COUNT; ns++) {
        if (ns == RT_NS_TIME || (ns == RT_NS_USER && !b->host.rootless))
            continue;
        const char *join = b->join[ns];
        if (join && !join[0])
            continue; /* the host's */
        v[n].type = (enum rt_ns)ns;
        v[n++].path = arena_strdup(b->a, join);
    }
    s->namespaces = v;
    s->n_namespaces = n;
    return 0;
}

/* Rootless: the monitor is root of the user's namespace; the box gets one of its own in it. */
static int compose_idmaps(const struct box *b, struct rt_spec *s, struct err *e) {
    if (!b->host.rootless || b->join[RT_NS_USER])
        return 0;
    struct rt_idmap *m = arena_new_of(b->a, struct rt_idmap);
    if (!m)
        return err_oom(e);
    *m = (struct rt_idmap){.container_id = 0, .host_id = 0, .size = (uint32_t)b->ids};
    s->uid_mappings = (struct rt_idmaps){m, 1};
    s->gid_mappings = (struct rt_idmaps){m, 1};
    return 0;
}

static int compose_sysctls(const struct box *b, struct rt_spec *s, struct err *e) {
    struct rt_kv *v = arena_array(b->a, b->n_sysctls + 2, struct rt_kv);
    size_t n = 0;
    if (!v)
        return err_oom(e);
    if (!b->join[RT_NS_NET] && !b->sec.privileged) {
        v[n++] = (struct rt_kv){arena_strdup(b->a, "net.ipv4.ip_unprivileged_port_start"),
                                arena_strdup(b->a, "0")};
        if (!b->host.rootless)
            v[n++] = (struct rt_kv){arena_strdup(b->a, "net.ipv4.ping_group_range"),
                                    arena_strdup(b->a, "0 2147483647")};
    }
    for (size_t i = 0; i < b->n_sysctls; i++) {
        size_t at = n;
        for (size_t k = 0; k < n; k++)
            if (str_eq(v[k].key, b->sysctls[i].key))
                at = k;
        v[at] = b->sysctls[i];
        n = MAX_OF(n, at + 1);
    }
    s->sysctl = v;
    s->n_sysctl = n;
    return 0;
}

static int compose_annotations(const struct box *b, struct rt_spec *s, struct err *e) {
    const struct hako_strings *words = &b->o->annotation;
    s->annotations = arena_array(b->a, words->n + 1, struct rt_kv);
    if (!s->annotations)
        return err_oom(e);
    for (size_t i = 0; i < words->n; i++) {
        char *key = arena_strdup(b->a, words->v[i]);
        char *eq = key ? strchr(key, '=') : NULL;
        if (!eq || eq == key)
            return err_set(e, ERR_USAGE, -EINVAL, "invalid annotation \"%s\": expected key=value",
                           words->v[i]);
        *eq = 0;
        s->annotations[s->n_annotations++] = (struct rt_kv){key, eq + 1};
    }
    return 0;
}

int compose_spec(const struct box *b, struct rt_spec *ret, struct err *e) {
    struct rt_spec s = {.version = arena_strdup(b->a, "1.2.0"),
                        .root_path = arena_strdup(b->a, "rootfs"),
                        .root_readonly = b->o->read_only,
                        .devices = b->devices,
                        .n_devices = b->n_devices};
    if (!b->join[RT_NS_UTS]) {
        s.hostname = arena_strdup(b->a, b->hostname);
        s.domainname = arena_strdup(b->a, b->o->domainname);
    }
    int r = compose_process(b, &s, e);
    if (r == 0)
        r = compose_namespaces(b, &s, e);
    if (r == 0)
        r = compose_idmaps(b, &s, e);
    if (r == 0)
        r = compose_mounts(b, &s, e);
    if (r == 0)
        r = compose_resources(b, &s, e);
    if (r == 0)
        r = compose_sysctls(b, &s, e);
    if (r == 0)
        r = compose_annotations(b, &s, e);
    if (r == 0 && compose_paths(b, &s) < 0)
        r = err_oom(e);
    s.cgroups_path = arena_strdup(b->a, b->rec.cgroup);
    s.rootfs_propagation = arena_strdup(b->a, "rslave");
    if (r == 0)
        *ret = s;
    return r;
}
