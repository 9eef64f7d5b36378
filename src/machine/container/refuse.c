/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime-spec knows and hako does not (yet): said, never passed over. */
#include "machine/container/build.h"

#include "base/str.h"

static const char *refuse_spec(const struct rt_spec *s) {
    if (s->intel_rdt.given)
        return "linux.intelRdt";
    return NULL;
}

static const char *refuse_process(const struct rt_process *p) {
    if (p->exec_cpu_affinity.initial || p->exec_cpu_affinity.final)
        return "process.execCPUAffinity";
    return NULL;
}

int build_refuse(struct build *b) {
    const char *what = b->root ? refuse_spec(b->spec) : NULL;
    if (!what)
        what = refuse_process(b->process);
    if (what)
        return err_set(b->e, ERR_USAGE, -ENOTSUP, "%s is not supported: take it out of the spec",
                       what);
    if (b->spec->seccomp && !b->host->seccomp_bpf)
        return err_set(b->e, ERR_INTERNAL, -EINVAL, "linux.seccomp is given but not compiled");
    if (b->process->apparmor_profile && !b->host->has_apparmor &&
        !str_eq(b->process->apparmor_profile, "unconfined"))
        return err_set(b->e, ERR_UNAVAILABLE, -ENOTSUP,
                       "AppArmor profile \"%s\" is asked for, but AppArmor is not enabled here",
                       b->process->apparmor_profile);
    if (b->process->selinux_label && !b->host->has_selinux)
        return err_set(b->e, ERR_UNAVAILABLE, -ENOTSUP,
                       "SELinux label \"%s\" is asked for, but SELinux is not enabled here",
                       b->process->selinux_label);
    return 0;
}
