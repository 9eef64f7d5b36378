/* SPDX-License-Identifier: Apache-2.0 */
/* Names, kernel settings, labels, user, rights, command. */
#include "machine/container/build.h"

#include "base/str.h"

#include <sched.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CAP_BIT(n) (UINT64_C(1) << (n))
#define CAP_SYS_ADMIN_NR 21

/* --- sysctl ------------------------------------------------------------------------------------
 */

struct sysctl_rule {
    const char *prefix;
    uint64_t ns;
    const char *name;
};

/* Settings that belong to a namespace; all others are the host's. */
static const struct sysctl_rule sysctl_rules[] = {
    {"kernel/msgmax", CLONE_NEWIPC, "ipc"},
    {"kernel/msgmnb", CLONE_NEWIPC, "ipc"},
    {"kernel/msgmni", CLONE_NEWIPC, "ipc"},
    {"kernel/sem", CLONE_NEWIPC, "ipc"},
    {"kernel/shmall", CLONE_NEWIPC, "ipc"},
    {"kernel/shmmax", CLONE_NEWIPC, "ipc"},
    {"kernel/shmmni", CLONE_NEWIPC, "ipc"},
    {"kernel/shm_rmid_forced", CLONE_NEWIPC, "ipc"},
    {"kernel/msg_next_id", CLONE_NEWIPC, "ipc"},
    {"kernel/sem_next_id", CLONE_NEWIPC, "ipc"},
    {"kernel/shm_next_id", CLONE_NEWIPC, "ipc"},
    {"kernel/auto_msgmni", CLONE_NEWIPC, "ipc"},
    {"fs/mqueue/", CLONE_NEWIPC, "ipc"},
    {"kernel/hostname", CLONE_NEWUTS, "uts"},
    {"kernel/domainname", CLONE_NEWUTS, "uts"},
    {"net/", CLONE_NEWNET, "network"},
    {"user/", CLONE_NEWUSER, "user"},
};

/* "net.ipv4.ip_forward" and "net/ipv4/conf/eth0.1/x": whichever comes first separates. */
static char *sysctl_path(struct build *b, const char *key) {
    char *path = arena_strdup(b->a, key);
    size_t first = strcspn(key, "./");
    if (!path || key[first] != '.')
        return path;
    for (char *s = path; *s; s++) {
        if (*s == '.')
            *s = '/';
        else if (*s == '/')
            *s = '.';
    }
    return path;
}

static int add_sysctl(struct build *b, const struct rt_kv *kv) {
    const struct sysctl_rule *rule = NULL;
    char *path = sysctl_path(b, kv->key);
    if (!path)
        return err_oom(b->e);
    for (size_t i = 0; i < ARRAY_SIZE(sysctl_rules) && !rule; i++) {
        const char *prefix = sysctl_rules[i].prefix;
        if (str_ends(prefix, "/") ? str_starts(path, prefix) : strcmp(path, prefix) == 0)
            rule = &sysctl_rules[i];
    }
    if (!rule || strstr(path, ".."))
        return err_set(
            b->e, ERR_USAGE, -EINVAL,
            "sysctl \"%s\" is not in a separate kernel namespace: it would change the host",
            kv->key);
    if (!(b->all & rule->ns))
        return err_set(
            b->e, ERR_USAGE, -EINVAL,
            "sysctl \"%s\" is not allowed in the host's %s namespace: the box needs its own",
            kv->key, rule->name);
    if (b->host->strict && str_eq(path, "kernel/hostname"))
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "sysctl \"%s\" is not allowed as it conflicts with the OCI \"hostname\" "
                       "field",
                       kv->key);
    build_init(b, PLAN_SYSCTL, .ref = {build_str(b, path), build_str(b, kv->value)});
    return 0;
}

static bool box_has_keyring(const struct build *b) {
    uint32_t n = 0;
    const struct plan_step *s = b->host->box ? plan_steps(b->host->box, PLAN_INIT, &n) : NULL;
    bool has = !s;
    for (uint32_t i = 0; i < n; i++)
        has = has || s[i].op == PLAN_KEYRING;
    return has;
}

/* exec does as its box did. */
int build_keyring(struct build *b) {
    if (!b->host->no_keyring && (b->root || box_has_keyring(b)))
        build_init(b, PLAN_KEYRING, .flags = b->host->strict ? 0 : PLAN_CLAMP,
                   .ref = {build_str(b, "_hako")});
    return 0;
}

int build_kernel(struct build *b) {
    const struct rt_spec *s = b->spec;
    if ((s->hostname || s->domainname) && !(b->all & CLONE_NEWUTS))
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "a host name needs a UTS namespace: here it is the host's");
    if (s->hostname)
        build_init(b, PLAN_HOSTNAME, .ref = {build_str(b, s->hostname)});
    if (s->domainname)
        build_init(b, PLAN_DOMAINNAME, .ref = {build_str(b, s->domainname)});
    for (size_t i = 0; i < s->n_sysctl; i++) {
        int r = add_sysctl(b, &s->sysctl[i]);
        if (r < 0)
            return r;
    }
    return build_keyring(b);
}

/* --- user --------------------------------------------------------------------------------------
 */

static int add_personality(struct build *b) {
    const char *domain = b->spec->personality.domain;
    if (!domain)
        return 0;
    bool is32 = str_eq(domain, "LINUX32");
    if (!is32 && !str_eq(domain, "LINUX"))
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.personality.domain: \"%s\" is unknown",
                       domain);
    if (b->spec->personality.flags.n)
        return err_set(b->e, ERR_USAGE, -EINVAL, "linux.personality.flags: \"%s\" is unknown",
                       b->spec->personality.flags.v[0]);
    build_init(b, PLAN_PERSONALITY, .num = {is32 ? 8 : 0});
    return 0;
}

/* exec: a process document that says nothing has the container's. */
static const struct rt_caps *task_caps(const struct build *b) {
    return b->process->caps.given ? &b->process->caps : &b->spec->process.caps;
}

/* crun's: the groups of the caller, for files that only those may touch. */
static bool keeps_groups(const struct build *b) {
    return b->host->strict && build_annotation(b, "run.oci.keep_original_groups");
}

int build_user(struct build *b) {
    const struct rt_process *p = b->process;
    const struct rt_user *u = &p->user;
    int r = add_personality(b);
    if (r < 0)
        return r;
    const struct rt_process *box = &b->spec->process; /* exec: when it has no label of its own */
    const char *profile = p->apparmor_profile ? p->apparmor_profile : box->apparmor_profile;
    const char *label = p->selinux_label ? p->selinux_label : box->selinux_label;
    if (profile && b->host->has_apparmor)
        build_init(b, PLAN_APPARMOR, .ref = {build_str(b, profile)});
    if (label)
        build_init(b, PLAN_SELINUX, .ref = {build_str(b, label)});
    uint32_t cwd = build_str(b, p->cwd && p->cwd[0] ? p->cwd : "/");
    if (p->cwd && p->cwd[0] && p->cwd[0] != '/')
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "the working directory '%s' is invalid, it needs to be an absolute path",
                       p->cwd);
    build_init(b, PLAN_CWD, .ref = {cwd});
    build_init(b, PLAN_CAPS_BOUND, .num = {task_caps(b)->bounding & b->host->caps});
    if (!keeps_groups(b))
        build_init(b, PLAN_GROUPS,
                   .ref = {plan_writer_blob(&b->w, u->additional_gids,
                                            u->n_additional_gids * sizeof(uint32_t))});
    build_init(b, PLAN_USER, .num = {u->uid, u->gid});
    build_init(b, PLAN_CWD, .flags = PLAN_SECOND_TRY, .ref = {cwd});
    build_init(b, PLAN_UMASK,
               .num = {u->has_umask      ? u->umask & 0777
                       : b->host->strict ? UINT64_MAX
                                         : 022});
    return 0;
}

/* --- rights ------------------------------------------------------------------------------------
 */

/* The specification: what cannot be granted is warned about and no failure. */
static void warn_caps(struct build *b, const struct rt_caps *c) {
    uint64_t asked = c->bounding | c->effective | c->permitted | c->inheritable | c->ambient;
    for (size_t i = 0; i < c->unknown.n; i++)
        build_warn(b, "ignoring unknown or unavailable capabilities: [%s]", c->unknown.v[i]);
    for (int i = 0; i <= RT_CAP_LAST && b->host->warnings; i++) {
        if (asked & ~b->host->caps & CAP_BIT(i))
            build_warn(b, "process.capabilities: %s cannot be granted: the caller has not got it",
                       rt_cap_name(i));
    }
}

/* Without no_new_privs only a CAP_SYS_ADMIN may load a filter, so that capabilities are dropped
 * behind it (capset is all it must let through); with it the filter comes last. */
int build_rights(struct build *b) {
    const struct rt_caps *c = task_caps(b);
    uint64_t can = b->host->caps;
    bool nnp = b->process->no_new_privileges;
    warn_caps(b, c);
    if (!nnp && !(can & CAP_BIT(CAP_SYS_ADMIN_NR)) && b->host->seccomp_bpf)
        return err_set(b->e, ERR_DENIED, -EPERM,
                       "a system call filter needs CAP_SYS_ADMIN or no_new_privs: %s",
                       b->host->strict ? "set process.noNewPrivileges"
                                       : "add --security-opt no-new-privileges");
    int r = nnp ? 0 : build_seccomp(b);
    if (r < 0)
        return r;
    build_init(
        b, PLAN_CAPS,
        .num = {c->effective & can, c->permitted & can, c->inheritable & can, c->ambient & can});
    if (nnp) {
        build_init(b, PLAN_NO_NEW_PRIVS, .flags = 0);
        r = build_seccomp(b);
    }
    return r;
}

/* hako run sets it as docker does. */
bool build_lacks_home(const struct build *b) {
    const struct strlist *env = &b->process->env;
    bool has = !b->host->strict;
    for (size_t i = 0; i < env->n; i++)
        has = has || (str_starts(env->v[i], "HOME=") && env->v[i][5]);
    return !has;
}

int build_exec(struct build *b) {
    const struct rt_process *p = b->process;
    const char *path = DEFAULT_PATH;
    if (p->args.n == 0 || !p->args.v[0][0])
        return err_set(b->e, ERR_USAGE, -EINVAL, "no command specified");
    for (size_t i = 0; i < p->env.n; i++) {
        if (str_starts(p->env.v[i], "PATH="))
            path = p->env.v[i] + 5;
    }

    build_init(b, PLAN_EXEC,
               .flags = (b->root && b->host->init ? PLAN_AS_INIT : 0) |
                        (build_lacks_home(b) ? PLAN_FIND_HOME : 0) |
                        (b->host->strict ? PLAN_BRIEF : 0),
               .ref = {plan_writer_list(&b->w, p->args.v, p->args.n),
                       plan_writer_list(&b->w, p->env.v, p->env.n), build_str(b, path)});
    return 0;
}
