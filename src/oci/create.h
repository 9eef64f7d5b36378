/* SPDX-License-Identifier: Apache-2.0 */
/* From bundle to a parked init, and what may become of it. */
#pragma once

#include "oci/bundle.h"
#include "oci/state.h"

/* A container in the hands of the process that makes it. */
struct oci_creation {
    const struct oci *o;
    const struct oci_create_options *opt;
    struct arena *a;
    struct oci_bundle b;
    struct oci_dir dir;
    struct oci_state st;
    struct plan plan;
    struct machine m;
    int listener;
};

/* All that comes before the first process: documents, plan, directory. On failure nothing is left.
 */
int oci_create_prepare(struct oci_creation *c, const struct oci *o, const char *id,
                       const struct oci_create_options *opt, struct err *e);
/* All that comes after it: console, pid file, state.json; the directory is unlocked. */
int oci_create_tell(struct oci_creation *c, struct err *e);
/* Up to "created", still tied to us. On failure nothing is left. */
int oci_create_begin(struct oci_creation *c, const struct oci *o, const char *id,
                     const struct oci_create_options *opt, struct err *e);
/* It lives on without us. */
int oci_create_detach(struct oci_creation *c, struct err *e);
/* run: release it ourselves. */
int oci_create_start(struct oci_creation *c, struct err *e);
/* Failed, or run without --detach is over: take everything down. */
void oci_create_undo(struct oci_creation *c);
void oci_create_end(struct oci_creation *c);
