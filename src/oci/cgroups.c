/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cgroups.h"

#include "machine/container/cgroup_update.h"
#include "machine/plan_format.h"

#include <string.h>
#include <unistd.h>

static int place_unit(const struct oci *o, const char *id, struct rt_spec *spec,
                      struct plan_host *host, struct arena *a, struct unit *unit, struct err *e) {
    const char *prefix = strcmp(o->name, "hako-oci") == 0 ? "hako" : o->name;
    struct unit_name name;
    char *group = NULL;
    if (access("/run/systemd/system", F_OK) < 0)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                       "systemd not running on this host, cannot use systemd cgroups manager");
    int r = unit_name_parse(spec->cgroups_path, prefix, id, host->rootless, a, &name, e);
    if (r == 0)
        r = unit_start(o, spec, &name, host->cgroups->kind == CGROUP_V2, a, unit, &group, e);
    if (r < 0)
        return r;
    spec->cgroups_path = group;
    host->cgroup_flags |= PLAN_CGROUP_UNIT;
    return 0;
}

int oci_cgroups_place(const struct oci *o, const char *id, struct rt_spec *spec,
                      struct plan_host *host, struct arena *a, struct unit *unit, struct err *e) {
    host->cgroup_flags = PLAN_CGROUP_ALL | PLAN_CGROUP_DEVICES;
    if (o->systemd_cgroup)
        return place_unit(o, id, spec, host, a, unit, e);
    if (str_empty(spec->cgroups_path)) /* where none may be made, there is none */
        spec->cgroups_path = arena_strdup(a, id);
    else
        host->cgroup_flags |= PLAN_CGROUP_ASKED;
    return spec->cgroups_path ? 0 : err_oom(e);
}

int oci_cgroups_check(const struct oci *o, const struct plan *plan, struct err *e) {
    struct cgroup_set set;
    plan_cgroups(plan, &set);
    if (o->systemd_cgroup)
        return 0;
    if (cgroup_is_frozen(&set))
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "container's cgroup unexpectedly frozen: %s: thaw it, or give the container "
                       "another cgroupsPath",
                       set.ctl[CG_FREEZER] ? set.ctl[CG_FREEZER] : set.v2);
    if (cgroup_populated(&set))
        oci_warn(o, "container's cgroup is not empty: %s: others share its limits, and its end",
                 set.v2 ? set.v2 : set.ctl[CG_PIDS]);
    return 0;
}

int oci_cgroups_update(const struct oci *o, const struct oci_state *st, const struct plan *plan,
                       const struct rt_resources *r, struct err *e) {
    struct cgroup_set set;
    plan_cgroups(plan, &set);
    int rc = st->systemd_cgroup ? unit_update(o, &set, st->rootless, r, e) : 0;
    return rc == 0 ? cgroup_update(&set, r, e) : rc;
}

void oci_cgroups_forget(const struct oci *o, const struct oci_state *st, const struct plan *plan) {
    struct err e = {0};
    struct cgroup_set set;
    plan_cgroups(plan, &set);
    const char *unit = unit_name_of(&set);
    if (st->systemd_cgroup && unit && unit_stop(o, unit, st->rootless, &e) < 0)
        oci_warn(o, "%s", e.msg);
}
