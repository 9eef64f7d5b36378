/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle on its way to a plan: config.json, the host's facts, the plan's bytes. */
#pragma once

#include "machine/plan.h"
#include "oci/oci.h"
#include "oci/state.h"
#include "oci/unit.h"
#include "sys/cgroup.h"
#include "sys/host.h"

struct oci_bundle {
    struct arena *a; /* borrowed */
    char *path;      /* absolute */
    struct str text; /* of config.json */
    js *doc;
    struct rt_spec spec;
    struct host host;
    struct cgroup_layout cgroups;
    struct plan_host ph;
    char *rootfs;
    struct unit unit; /* --systemd-cgroup: until init is in its scope */
};

/* Read config.json from `dirfd`/`file`; what it holds is checked. ERR_USAGE names path and value.
 */
int oci_bundle_read(struct oci_bundle *b, int dirfd, const char *file, struct err *e);
/* The bundle directory's config.json and root file system. */
int oci_bundle_open(struct oci_bundle *b, const char *path, const char *config, struct arena *a,
                    struct err *e);
/* Each variable once, by its last word; an empty HOME is none. */
void oci_env_tidy(struct strlist *env);
void oci_bundle_close(struct oci_bundle *b);
#define AUTO_BUNDLE CLEANUP(oci_bundle_close)
/* The host's facts → b->ph. */
int oci_bundle_facts(struct oci_bundle *b, bool with_cgroups, struct err *e);
/* → the plan. */
int oci_bundle_plan(struct oci_bundle *b, const struct oci *o, const char *id,
                    const struct oci_create_options *opt, void **ret, size_t *len, struct err *e);
