/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/state.h"

#include "base/str.h"
#include "oci/hooks.h"
#include "oci/notify.h"
#include "sys/pidref.h"

static int start_check(enum oci_status s, struct err *e) {
    switch (s) {
    case OCI_CREATED:
        return 0;
    case OCI_STOPPED:
        return err_set(e, ERR_CONFLICT, -EINVAL, "cannot start a container that has stopped");
    case OCI_RUNNING:
        return err_set(e, ERR_CONFLICT, -EINVAL, "cannot start an already running container");
    default:
        return err_set(e, ERR_CONFLICT, -EINVAL, "cannot start a container in the %s state",
                       oci_status_name(s));
    }
}

/* Unlocked: `delete` must not wait for a container that never gets ready. */
static int start_notify(const struct oci *o, struct oci_dir *d, const struct oci_state *st,
                        int sock, struct err *e) {
    oci_state_unlock(d);
    AUTO_FD int pidfd = pidref_open_started(st->pid, st->pid_start);
    return pidfd < 0 ? 0 : oci_notify_wait(sock, o->notify_socket, st->pid, pidfd, e);
}

int oci_start(const struct oci *o, const char *id, struct err *e) {
    AUTO_STATE struct oci_dir d = OCI_DIR_INIT;
    AUTO_OCI_STATE struct oci_state st = {0};
    AUTO_ARENA struct arena *a = arena_new();
    if (!a)
        return err_oom(e);
    int r = oci_state_open(o, id, true, &d, e);
    if (r == 0)
        r = oci_state_read(&d, a, &st, e);
    if (r == 0)
        r = start_check(oci_state_status(&d, &st, NULL), e);
    if (r < 0)
        return r;
    AUTO_FD int sock = oci_state_connect(&d);
    if (sock < 0)
        return err_sysn(e, sock, "cannot reach the first process of container %.200s", id);
    struct plan plan = {0};
    AUTO_FD int notify = -1;
    r = oci_notify_bind(o, &d, &notify, e);
    if (r == 0)
        r = oci_state_plan(&d, a, &plan, e);
    if (r == 0)
        r = machine_release(sock, e);
    unlinkat(d.fd, STATE_SOCKET, 0);
    if (r == 0)
        r = oci_hooks_poststart(&plan, st.pid, e);
    if (r < 0 && plan.h) { /* it stays, seen to have stopped: `delete` runs the poststop hooks */
        struct err ignored;
        machine_sweep(&plan, st.pid, st.pid_start, &ignored);
    }
    return r < 0 || notify < 0 ? r : start_notify(o, &d, &st, notify, e);
}
