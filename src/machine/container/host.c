/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/container.h"

#include "sys/bpf_device.h"
#include "sys/pidref.h"

#include <sched.h>
#include <signal.h>

#define HOST_KILL_TIMEOUT_MS 10000

typedef int host_fn(const struct plan *p, const struct plan_step *s, struct err *e);

static const char *arg(const struct plan *p, const struct plan_step *s, int i) {
    return plan_str(p, s->ref[i]);
}

static int host_mkdir(const struct plan *p, const struct plan_step *s, struct err *e) {
    bool made = false;
    int r = cgroup_mkdir(arg(p, s, 0), &made, e);
    /* left over by a machine of this name that was not swept, or somebody else's: with processes
     * inside it would not be ours alone */
    return r;
}

static int host_leaf(const struct plan *p, const struct plan_step *s, struct err *e) {
    return cgroup_leaf(arg(p, s, 0), e);
}

static int host_enable(const struct plan *p, const struct plan_step *s, struct err *e) {
    return cgroup_enable(arg(p, s, 0), arg(p, s, 1), e);
}

static int host_cpuset(const struct plan *p, const struct plan_step *s, struct err *e) {
    return cgroup_inherit_cpuset(arg(p, s, 0), e);
}

static int host_write(const struct plan *p, const struct plan_step *s, struct err *e) {
    int r = cgroup_write(arg(p, s, 0), arg(p, s, 1), arg(p, s, 2), e);
    return r < 0 && s->ref[3] ? err_wrap(e, "%s", arg(p, s, 3)) : r;
}

static int host_devices(const struct plan *p, const struct plan_step *s, struct err *e) {
    uint32_t len;
    const void *insns = plan_blob(p, s->ref[1], &len);
    return bpf_device_attach(arg(p, s, 0), insns, len, e);
}

/* rdt_make has */
static int host_done(const struct plan *p, const struct plan_step *s, struct err *e) {
    return 0;
}

static int host_owner(const struct plan *p, const struct plan_step *s, struct err *e) {
    return cgroup_own(arg(p, s, 0), (uid_t)s->num[0], e);
}

static host_fn *const host_steps[PLAN_OP_COUNT] = {
    [PLAN_CG_MKDIR] = host_mkdir,     [PLAN_CG_LEAF] = host_leaf,
    [PLAN_CG_ENABLE] = host_enable,   [PLAN_RDT_GROUP] = host_done,
    [PLAN_CG_CPUSET] = host_cpuset,   [PLAN_CG_WRITE] = host_write,
    [PLAN_CG_DEVICES] = host_devices, [PLAN_CG_OWNER] = host_owner,
};

int host_apply(const struct plan *p, struct err *e) {
    uint32_t n;
    const struct plan_step *s = plan_steps(p, PLAN_HOST_OPEN, &n);
    for (uint32_t i = 0; i < n; i++) {
        host_fn *fn = host_steps[s[i].op];
        int r = fn ? fn(p, &s[i], e)
                   : err_set(e, ERR_CORRUPT, -EINVAL, "step %s has no place on the host",
                             plan_op_info[s[i].op].word);
        if (r < 0 && !(s[i].flags & PLAN_OPTIONAL))
            return r;
    }
    return 0;
}

int host_join_failed(const char *dir, int code, struct err *e) {
    if (code == -ENOENT) /* in the words of the field's runtimes */
        return err_set(e, ERR_NOT_FOUND, code,
                       "cannot enter the cgroup: adding pid to cgroups: %s/cgroup.procs: no such "
                       "file or directory",
                       dir);
    return err_sysn(e, code, "cannot enter the cgroup %s", dir);
}

bool host_has_cgroup(const struct cgroup_set *s) {
    bool has = s->v2 != NULL;
    for (size_t i = 0; i < CG_COUNT; i++)
        has = has || s->ctl[i];
    return has;
}

/* A v1 freezer keeps even the dying: send the signal, then let them go. */
void host_thaw_for_kill(const struct cgroup_set *s, int pidfd) {
    struct err e;
    if (s->ctl[CG_FREEZER] && pidref_signal(pidfd, SIGKILL) == 0)
        cgroup_freeze(s, false, &e);
}

int host_remove(const struct plan *p, const struct cgroup_set *set, struct err *e) {
    if (!host_has_cgroup(set))
        return 0;
    return p->h->flags & PLAN_F_CGROUP_SHARED ? cgroup_leave(set, e) : cgroup_remove(set, e);
}

int host_kill(const struct plan *p, int pidfd, struct err *e) {
    struct cgroup_set set;
    int r = 0;
    plan_cgroups(p, &set);
    if (pidfd >= 0) {
        host_thaw_for_kill(&set, pidfd);
        r = pidref_kill(pidfd, HOST_KILL_TIMEOUT_MS);
        if (r < 0)
            err_sysn(e, r, "cannot kill the box's first process");
    }
    /* the end of a pid namespace is the end of all its processes; another box's or the host's
     * lives on, and then only the cgroup knows who is ours */
    bool own_pids = p->h->clone_ns & CLONE_NEWPID;
    bool others = own_pids && (p->h->flags & PLAN_F_CGROUP_SHARED);
    if ((!own_pids || pidfd < 0 || r < 0) && !others && host_has_cgroup(&set)) {
        int k = cgroup_kill(&set, HOST_KILL_TIMEOUT_MS, e);
        r = r < 0 ? r : k;
    }
    return r;
}
