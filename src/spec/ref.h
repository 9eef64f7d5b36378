/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references (distribution/reference grammar): [domain[:port]/]path[:tag][@digest].
 * Normalised as docker does: no domain → docker.io, one component → library/, no tag or digest
 * → latest. "localhost/x" and "host:port/x" are domains.
 */
#pragma once

#include "base/arena.h"
#include "spec/digest.h"

struct ref {
    char *domain; /* "docker.io", "localhost:5000" */
    char *path;   /* "library/debian" */
    char *tag;    /* NULL when only a digest was given */
    struct digest digest;
};

/* ERR_USAGE: "invalid reference format: …" */
int ref_parse(const char *text, struct arena *a, struct ref *ret, struct err *e);
/* "docker.io/library/debian:12" (+ "@sha256:…") */
const char *ref_full(const struct ref *r, struct arena *a);
/* What docker shows: "debian:12", "localhost:5000/x:1" */
const char *ref_familiar(const struct ref *r, struct arena *a);
/* Familiar name without tag: "debian" */
const char *ref_familiar_name(const struct ref *r, struct arena *a);
