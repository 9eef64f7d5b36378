/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a registry: the right scheme, a token when it wants one, patience when it stumbles.
 * One session per thread; endpoints are shared.
 *
 * A broken transfer goes on where it stopped (Range), or starts anew for documents. What is tried
 * again: lost or stalled connections, 500 502 503 504, and 429 when the registry says how long to
 * wait and it is not long. Between tries it waits on the job's condition, so that a cancelled job
 * ends at once.
 */
#pragma once

#include "http/fetch.h"
#include "registry/endpoint.h"

struct session {
    struct fetch *fetch;
    /* Sleep until then or until the job ends: 0 or -ECANCELED. */
    int (*wait)(void *job, unsigned ms);
    bool (*stop)(void *job);
    void *job;
    unsigned tries, delay_ms; /* 0 = default */
};

struct ask {
    struct endpoint *ep;
    const char *path;   /* "/manifests/12" below /v2/<repo> */
    const char *accept; /* NULL: anything */
    /* Takes the body. With `done`, it counts there what it has taken and a retry goes on from
     * there; without, `again` is called before a retry. */
    int (*body)(void *data, const void *p, size_t n, struct err *e);
    const uint64_t *done;
    void (*again)(void *data);
    void *data;
    /* for pushing */
    const char *method; /* NULL = GET */
    const char *url;    /* not NULL: this address (Location) instead of `path` */
    const struct fetch_body *send;
    const char *content_range;
    bool once; /* a failure is final: the caller knows how to go on */
};

/* 0 for an answer of whatever status; `text` is the body of one that is no success. */
int session_get(struct session *s, const struct ask *q, struct fetch_head *ret, struct str *text,
                struct err *e);
/* Is it worth trying again after this status? */
bool session_transient(const struct fetch_head *head);
/* Wait before try number `n` (1 = the second). -ECANCELED: the job ends. */
int session_pause(struct session *s, unsigned n, const struct fetch_head *head, struct err *e);
/* A Location header as an address of its own. 0 or -errno. */
int session_location(const struct endpoint *ep, const char *location, struct str *ret);

/* As the user says it: "debian:12" and "debian". */
struct session_names {
    const char *image, *repo;
    bool push;
};
/* Turn an unsuccessful answer into an error, in docker's words where it has some. */
int session_refusal(const struct ask *q, const struct session_names *names,
                    const struct fetch_head *head, const struct str *text, struct err *e);
