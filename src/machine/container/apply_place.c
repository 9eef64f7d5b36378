/* SPDX-License-Identifier: Apache-2.0 */
/* Where the task runs: CPUs and memory nodes. */
#include "machine/container/apply.h"

#include <string.h>
#include <sys/syscall.h>

int apply_affinity(struct apply *a, const struct plan_step *s) {
    uint32_t len;
    const void *set = plan_blob(a->plan, s->ref[0], &len);
    return syscall(SYS_sched_setaffinity, 0, (size_t)len, set) < 0
               ? err_sys(a->e, "process.execCPUAffinity: cannot run on these CPUs")
               : 0;
}

int apply_memory_policy(struct apply *a, const struct plan_step *s) {
    uint32_t len;
    const void *nodes = plan_blob(a->plan, s->ref[0], &len);
    /* the kernel counts one bit less than it is told */
    unsigned long bits = s->num[1] ? (unsigned long)s->num[1] + 1 : 0;
    return syscall(SYS_set_mempolicy, (int)s->num[0], bits ? nodes : NULL, bits) < 0
               ? err_sys(a->e,
                         "linux.memoryPolicy: the kernel refuses %s with these nodes and flags",
                         apply_str(a, s, 1))
               : 0;
}
