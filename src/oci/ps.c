/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/open.h"

#include "machine/plan_format.h"
#include "sys/cgroup.h"

#include <string.h>

#define PS_MAX 65536

static int ps_compare(const void *a, const void *b) {
    pid_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

int oci_ps(const struct oci *o, const char *id, struct arena *a, pid_t **ret, size_t *n,
           struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    struct cgroup_set set;
    int r = oci_open(o, id, &c, e);
    if (r < 0)
        return r;
    plan_cgroups(&c.plan, &set);
    pid_t *pids = arena_array(a, PS_MAX, pid_t);
    if (!pids)
        return err_oom(e);
    ssize_t got = c.status == OCI_STOPPED ? 0 : cgroup_pids(&set, pids, PS_MAX);
    if (got < 0)
        return err_sysn(e, (int)got, "cannot list the processes of container %.200s", id);
    qsort(pids, (size_t)got, sizeof(pid_t), ps_compare);
    *ret = pids;
    *n = (size_t)got;
    return 0;
}
