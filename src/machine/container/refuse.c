/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be here: said, never passed over. */
#include "machine/container/build.h"

#include "base/str.h"

int build_refuse(struct build *b) {
    if (b->spec->seccomp && !b->host->seccomp_bpf)
        return err_set(b->e, ERR_INTERNAL, -EINVAL, "linux.seccomp is given but not compiled");
    if (b->process->apparmor_profile && !b->host->has_apparmor &&
        !str_eq(b->process->apparmor_profile, "unconfined"))
        return err_set(
            b->e, ERR_UNAVAILABLE, -ENOTSUP,
            "process.apparmorProfile: \"%s\": config provided but apparmor not supported: "
            "AppArmor is not enabled here",
            b->process->apparmor_profile);
    if (b->process->selinux_label && !b->host->has_selinux)
        return err_set(
            b->e, ERR_UNAVAILABLE, -ENOTSUP,
            "process.selinuxLabel: \"%s\": selinux label is specified in config, but selinux "
            "is disabled or not supported",
            b->process->selinux_label);
    return 0;
}
