/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's cgroups are, who makes them, and whether somebody is in them already. */
#pragma once

#include "oci/state.h"
#include "oci/unit.h"

/* Before plan_build: spec->cgroups_path and host->cgroup_flags; with --systemd-cgroup a unit is
 * made, which *unit holds until the container is in it. */
int oci_cgroups_place(const struct oci *o, const char *id, struct rt_spec *spec,
                      struct plan_host *host, struct arena *a, struct unit *unit, struct err *e);
/* Before the groups are made: frozen ones are refused, processes in them are warned about. */
int oci_cgroups_check(const struct oci *o, const struct plan *plan, struct err *e);
/* New limits, for systemd too where it has made the groups. */
int oci_cgroups_update(const struct oci *o, const struct oci_state *st, const struct plan *plan,
                       const struct rt_resources *r, struct err *e);
/* After the groups are gone: the unit as well. Warns. */
void oci_cgroups_forget(const struct oci *o, const struct oci_state *st, const struct plan *plan);
