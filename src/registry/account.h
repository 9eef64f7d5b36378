/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user and a registry as a whole: who she is there, and what it has.
 */
#pragma once

#include "registry/registry.h"

struct login_request {
    const char *host; /* "docker.io", "localhost:5000" */
    const char *user, *password;
    const char *file; /* NULL: the default place */
    struct registry_access access;
};
struct login_result {
    char file[512]; /* where it was written */
    bool plain;     /* the secret lies in that file, not in a helper */
};
/* Ask the registry, then keep what it accepts. */
int account_login(const struct login_request *rq, struct login_result *ret, struct err *e);

struct logout_request {
    const char *host; /* NULL: all */
    const char *file; /* NULL: all default places */
};
/* *removed entries went. */
int account_logout(const struct logout_request *rq, size_t *removed, struct err *e);
/* The name that is kept for a host (`<token>` for an identity token); malloc'd; NULL = none. */
int account_user(const char *host, const char *file, char **ret, struct err *e);

struct search_request {
    const char *host, *term;
    unsigned limit;
    struct registry_access access;
};
/* [{"name","description","star_count","is_official","is_automated"}] */
int account_search(const struct search_request *rq, struct str *reply, struct err *e);
