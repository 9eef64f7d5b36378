/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for one registry, as docker and podman keep them: <dir>/<host[:port]>/ holds *.crt
 * (authorities), and *.cert with *.key (a client's own). Directories: the user's
 * containers/certs.d, /etc/hako/certs.d, /etc/containers/certs.d, /etc/docker/certs.d; the first
 * that has one for the host counts.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct certs {
    const char *ca;         /* PEM texts, concatenated; NULL = the system's alone */
    const char *cert, *key; /* files; NULL = none */
};

/* `dir` not NULL: this directory itself and no other. */
int certs_find(const char *dir, const char *host, struct arena *a, struct certs *ret,
               struct err *e);
