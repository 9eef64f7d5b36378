/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint and restore by the program criu, through its documented command line.
 *
 * A checkpoint is criu's images and descriptors.json (where standard input and output led). Binds
 * and masked files are "external" mounts: named by their place in the container at the dump, given
 * their source again at the restore. The container's network namespace is made empty at restore:
 * whoever manages the network fills it. criu restores into the cgroups that the plan makes anew.
 */
#pragma once

#include "oci/state.h"

/* The command line of criu in the making. */
struct criu {
    const struct oci *o;
    const struct oci_criu_options *opt;
    struct arena *a;
    struct strlist argv;
    const char *images, *log; /* absolute; the log's whole path */
    bool failed;              /* out of memory */
};

/* `verb`: dump, pre-dump, restore. Makes the image directory when missing. */
int criu_begin(struct criu *c, const struct oci *o, const char *verb,
               const struct oci_criu_options *opt, struct arena *a, struct err *e);
void criu_arg(struct criu *c, const char *word);
void criu_argf(struct criu *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Run to its end, with our standard input and output. */
int criu_run(struct criu *c, struct err *e);
/* Names of the mounts that are not the container's own. `sources`: restore. */
void criu_mounts(struct criu *c, const struct rt_spec *spec, pid_t pid, bool sources);
