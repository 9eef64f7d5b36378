/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/open.h"

#include "base/str.h"
#include "machine/plan_format.h"
#include "sys/cgroup.h"

#include <sched.h>

/* Nobody is left to signal: runc's words, which its users look for. */
static int kill_stopped(struct err *e) {
    return err_set(e, ERR_CONFLICT, -ESRCH, "container not running");
}

static int kill_all(const struct oci_open *c, int signo, struct err *e) {
    struct cgroup_set set;
    plan_cgroups(&c->plan, &set);
    return cgroup_signal(&set, signo, e);
}

int oci_kill(const struct oci *o, const char *id, int signo, bool all, struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    struct machine m;
    int r = oci_open(o, id, &c, e);
    if (r < 0)
        return r;
    if (all && c.status == OCI_STOPPED)
        return kill_all(&c, signo, e);
    if (c.status == OCI_STOPPED)
        return kill_stopped(e);
    r = machine_adopt(&m, &machine_container_ops, &c.plan, c.st.pid, c.st.pid_start, e);
    if (r < 0)
        return r == -ESRCH ? kill_stopped(e) : r;
    r = m.ops->signal(&m, signo, all, e);
    fd_close(&m.exit_fd);
    return r == -ESRCH ? kill_stopped(e) : r;
}
