/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/hooks.h"

int oci_hooks_poststart(const struct plan *plan, pid_t pid, struct err *e) {
    return machine_hooks(plan, PLAN_HOOK_POSTSTART, "running", pid, NULL, NULL, e);
}

static void hooks_warn(void *data, const struct err *e) {
    const struct oci *o = data;
    oci_warn(o, "%s", e->msg);
}

void oci_hooks_poststop(const struct oci *o, const struct plan *plan) {
    struct err ignored = {0};
    machine_hooks(plan, PLAN_HOOK_POSTSTOP, "stopped", 0, hooks_warn, (void *)(uintptr_t)o,
                  &ignored);
}
