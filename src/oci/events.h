/* SPDX-License-Identifier: Apache-2.0 */
/* A container's end and its out-of-memory kills, to wait for. */
#pragma once

#include "oci/open.h"
#include "sys/cgroup_oom.h"

struct oci_watch {
    struct oci_open c;
    struct cgroup_oom oom;
    int exit_fd; /* pidfd of its first process */
};

int oci_watch_open(struct oci_watch *w, const struct oci *o, const char *id, struct err *e);
void oci_watch_close(struct oci_watch *w);
