/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cgroups.h"
#include "oci/open.h"

int oci_update(const struct oci *o, const char *id, const struct rt_resources *r, struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    int err = oci_open(o, id, &c, e);
    if (err < 0)
        return err;
    if (c.status == OCI_STOPPED)
        return err_set(e, ERR_CONFLICT, -EINVAL, "container not running");
    return oci_cgroups_update(o, &c.st, &c.plan, r, e);
}
