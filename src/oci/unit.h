/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systemd cgroup driver: a container's group as a transient scope of systemd's.
 *
 * Theory of operation
 *   systemd owns the tree: it is asked for a scope, makes its groups, and hands them over
 *   (Delegate=yes). The limits are given to systemd, so that it knows them and keeps them when it
 *   reloads, and are then written by the plan as ever, for all that systemd has no word for.
 *   Talking is done by the program hako-systemd (oci/systemd/main.c). A scope needs a process from
 *   its first moment on: that is the helper itself, which unit_start leaves waiting in the scope
 *   until unit_release, when the container's init has been born into it.
 *   cgroupsPath is "slice:prefix:name"; without one "system.slice:<runtime>:<id>".
 */
#pragma once

#include "machine/container/cgroup_plan.h"
#include "oci/oci.h"

struct unit_name {
    const char *slice; /* "machine.slice" */
    const char *unit;  /* "prefix-name.scope" */
    bool user;         /* of the user's own systemd */
};

/* A helper that holds a scope. */
struct unit {
    pid_t pid; /* 0 = none */
    int fd;    /* the helper leaves when this is closed */
};
#define UNIT_INIT ((struct unit){.fd = -1})

/* unit_name.c: pure. ERR_USAGE names linux.cgroupsPath. */
int unit_name_parse(const char *cgroups_path, const char *prefix, const char *id, bool user,
                    struct arena *a, struct unit_name *ret, struct err *e);
/* "/a.slice/a-b.slice" of "a-b.slice". */
int unit_name_expand(const char *slice, struct arena *a, char **ret, struct err *e);
/* The unit of a group's directory; NULL when it is none. */
const char *unit_name_of(const struct cgroup_set *set);

/* unit_props.c: what the helper reads, a property a line. Pure but for /proc/devices. */
int unit_props_new(const struct rt_spec *spec, const struct unit_name *name, bool v2,
                   struct str *out, struct err *e);
int unit_props_resources(const struct rt_resources *r, const struct cgroup_now *now, bool v2,
                         struct arena *a, struct str *out, struct err *e);
int unit_props_devices(const struct rt_resources *r, struct arena *a, struct str *out,
                       struct err *e);
/* unit_variant.c: annotations org.systemd.property.NAME, in GVariant's text form. */
int unit_variant_line(const char *key, const char *value, struct str *out, struct err *e);
#define UNIT_ANNOTATION "org.systemd.property."

/* unit.c */
int unit_start(const struct oci *o, const struct rt_spec *spec, const struct unit_name *name,
               bool v2, struct arena *a, struct unit *ret, char **group, struct err *e);
void unit_release(struct unit *u);
int unit_update(const struct oci *o, const struct cgroup_set *set, bool user,
                const struct rt_resources *r, struct err *e);
/* Also when it is gone already. */
int unit_stop(const struct oci *o, const char *unit, bool user, struct err *e);
