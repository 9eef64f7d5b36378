/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's readiness protocol for a container: it gets a socket of ours at /run/notify; its READY=
 * goes on to the socket that we were given, followed by the container's MAINPID=.
 */
#pragma once

#include "oci/bundle.h"
#include "oci/state.h"

/* create: a directory for the socket, its mount and the variable, before the plan is made. */
bool oci_notify_wanted(const struct oci *o, bool detach);
int oci_notify_prepare(const struct oci *o, const struct oci_dir *d, struct oci_bundle *b,
                       struct err *e);
/* start: the socket, before the container runs. *ret stays as it is when nobody asked for one. */
int oci_notify_bind(const struct oci *o, const struct oci_dir *d, int *ret, struct err *e);
/* Wait for READY= or for the end of the container. `host` is the socket we were given. */
int oci_notify_wait(int sock, const char *host, pid_t pid, int pidfd, struct err *e);
