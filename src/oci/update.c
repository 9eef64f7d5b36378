/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/open.h"

#include "machine/container/cgroup_update.h"
#include "machine/plan_format.h"

int oci_update(const struct oci *o, const char *id, const struct rt_resources *r, struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    struct cgroup_set set;
    int err = oci_open(o, id, &c, e);
    if (err < 0)
        return err;
    if (c.status == OCI_STOPPED)
        return err_set(e, ERR_CONFLICT, -EINVAL, "container not running");
    plan_cgroups(&c.plan, &set);
    return cgroup_update(&set, r, e);
}
