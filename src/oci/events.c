/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/events.h"

#include "machine/plan_format.h"
#include "sys/pidref.h"

int oci_watch_open(struct oci_watch *w, const struct oci *o, const char *id, struct err *e) {
    struct cgroup_set set;
    *w = (struct oci_watch){.c = OCI_OPEN_INIT, .oom.fd = -1, .exit_fd = -1};
    int r = oci_open(o, id, &w->c, e);
    if (r < 0)
        return r;
    w->exit_fd =
        w->c.status == OCI_STOPPED ? -ESRCH : pidref_open_started(w->c.st.pid, w->c.st.pid_start);
    if (w->exit_fd < 0) {
        oci_open_close(&w->c);
        return err_set(e, ERR_CONFLICT, -EINVAL, "container with id %.200s is not running", id);
    }
    plan_cgroups(&w->c.plan, &set);
    r = cgroup_oom_open(&set, &w->oom, e);
    if (r < 0)
        oci_watch_close(w);
    return r;
}

void oci_watch_close(struct oci_watch *w) {
    if (w->oom.fd >= 0)
        cgroup_oom_close(&w->oom);
    fd_close(&w->exit_fd);
    oci_open_close(&w->c);
}
