/* SPDX-License-Identifier: Apache-2.0 */
/* Where a repository can be fetched from: the configured mirrors in order, then its own registry.
 */
#pragma once

#include "registry/certs.h"
#include "registry/login.h"
#include "registry/registry.h"

#include <pthread.h>

struct endpoint {
    char *host;    /* "registry-1.docker.io", "localhost:5000" */
    char *repo;    /* "library/debian", below /v2/ */
    bool insecure; /* plain HTTP and any certificate are fine */
    bool loopback;
    struct login login;
    struct certs certs;
    bool push; /* tokens are for writing, too */

    pthread_mutex_t mutex; /* what follows is learnt while asking */
    bool plain;            /* it speaks HTTP without TLS */
    bool answered;         /* it has spoken with us: `plain` is known */
    bool basic;            /* it wants the password itself */
    char *token;           /* malloc'd */
};

struct endpoints {
    struct endpoint *v;
    size_t n;
};

/* ERR_DENIED when the registry is blocked. */
int endpoints_make(const struct ref *ref, const struct registry_access *access, struct arena *a,
                   struct endpoints *ret, struct err *e);
/* Its own registry alone: where a push goes. */
int endpoints_origin(const struct ref *ref, const struct registry_access *access, struct arena *a,
                     struct endpoints *ret, struct err *e);
/* What is asked of them wants the right to push. */
void endpoints_push(struct endpoints *list);
void endpoints_done(struct endpoints *list);
/* "localhost", 127.0.0.0/8, [::1], with or without a port. */
bool endpoint_is_loopback(const char *host);
