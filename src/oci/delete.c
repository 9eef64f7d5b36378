/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cgroups.h"
#include "oci/state.h"

#include "base/str.h"
#include "oci/hooks.h"

/* What a killed create left: no state.json, perhaps a plan. */
static int delete_half_made(const struct oci *o, struct oci_dir *d, struct arena *a,
                            struct err *e) {
    struct plan plan;
    struct err ignored;
    int r = 0;
    if (oci_state_plan(d, a, &plan, &ignored) == 0)
        r = machine_sweep(&plan, 0, 0, e);
    return r < 0 ? r : oci_state_remove(o, d, e);
}

static int delete_check(const struct oci_dir *d, enum oci_status s, bool force, struct err *e) {
    if (force || s == OCI_STOPPED || s == OCI_CREATED)
        return 0;
    return err_set(e, ERR_CONFLICT, -EBUSY,
                   "cannot delete container %.200s that is not stopped: %s", d->id,
                   oci_status_name(s));
}

static int delete_container(const struct oci *o, struct oci_dir *d, const struct oci_state *st,
                            struct arena *a, bool force, struct err *e) {
    struct plan plan;
    struct err no_plan = {0};
    bool planned = oci_state_plan(d, a, &plan, &no_plan) == 0;
    int r = delete_check(d, oci_state_status(d, st, planned ? &plan : NULL), force, e);
    if (r == 0 && planned)
        r = machine_sweep(&plan, st->pid, st->pid_start, e);
    else if (r == 0)
        oci_warn(o, "container %.200s: %s: its cgroups are not removed", d->id, no_plan.msg);
    if (r == 0 && planned)
        oci_cgroups_forget(o, st, &plan);
    if (r == 0)
        r = oci_state_remove(o, d, e);
    if (r == 0 && planned)
        oci_hooks_poststop(o, &plan);
    return r;
}

int oci_delete(const struct oci *o, const char *id, bool force, struct err *e) {
    AUTO_STATE struct oci_dir d = OCI_DIR_INIT;
    AUTO_OCI_STATE struct oci_state st = {0};
    AUTO_ARENA struct arena *a = arena_new();
    if (!a)
        return err_oom(e);
    int r = oci_state_open(o, id, true, &d, e);
    if (r == 0 && (r = oci_state_read(&d, a, &st, e)) == -ENOENT) {
        struct err sweep = {0};
        if (delete_half_made(o, &d, a, &sweep) < 0) {
            *e = sweep;
            return e->code;
        }
    }
    if (r == -ENOENT && force) {
        err_clear(e);
        return 0;
    }
    return r < 0 ? r : delete_container(o, &d, &st, a, force, e);
}
