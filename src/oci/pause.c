/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/open.h"

int oci_pause(const struct oci *o, const char *id, bool pause, struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    struct machine m;
    int r = oci_open(o, id, &c, e);
    if (r < 0)
        return r;
    if (pause && c.status != OCI_RUNNING && c.status != OCI_CREATED)
        return err_set(e, ERR_CONFLICT, -EINVAL, "container not running or created: %s",
                       oci_status_name(c.status));
    if (!pause && c.status != OCI_PAUSED)
        return err_set(e, ERR_CONFLICT, -EINVAL, "container not paused");
    r = machine_adopt(&m, &machine_container_ops, &c.plan, c.st.pid, c.st.pid_start, e);
    if (r < 0)
        return r;
    r = m.ops->freeze(&m, pause, e);
    fd_close(&m.exit_fd);
    return r;
}
