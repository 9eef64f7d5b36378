/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/rdt.h"
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

int oci_update_rdt(const struct oci *o, const char *id, const char *l3_cache, const char *mem_bw,
                   struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    int r = oci_open(o, id, &c, e);
    if (r < 0)
        return r;
    r = l3_cache ? rdt_update(&c.plan, l3_cache, e) : 1;
    if (r == 0)
        return err_set(e, ERR_UNAVAILABLE, -ENOTSUP,
                       "Intel RDT/CAT: l3 cache schema is not enabled");
    if (r > 0 && mem_bw)
        r = rdt_update(&c.plan, mem_bw, e);
    if (r == 0)
        return err_set(e, ERR_UNAVAILABLE, -ENOTSUP,
                       "Intel RDT/MBA: memory bandwidth schema is not enabled");
    return r < 0 ? r : 0;
}
