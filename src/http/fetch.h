/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests over libcurl: what a registry client needs and no more.
 *
 * Theory of operation
 *   A fetch is one curl handle with its connections, used by one thread at a time. fetch_run()
 *   makes one request and follows its redirects (https stays https; credentials are dropped when
 *   the host changes, curl sees to that). The body of a 2xx answer goes to a callback piece by
 *   piece; of any other answer up to FETCH_TEXT_MAX bytes are kept for the error message. A failed
 *   transfer is an error whose code says what to do about it; retrying is the caller's affair.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define FETCH_TEXT_MAX ((size_t)64 << 10)

/* Codes of failures that callers act upon. All others are final. */
enum {
    FETCH_BROKEN = -EAGAIN,          /* connection lost or stalled: may work again */
    FETCH_NO_SERVER = -ECONNREFUSED, /* nobody answers there */
    FETCH_NO_TLS = -EPROTO,          /* somebody answers who does not speak TLS */
};

struct fetch; /* opaque */

struct fetch_head {
    long status;
    bool redirected;      /* the answer is another host's or path's */
    char type[160];       /* media type without parameters */
    char digest[160];     /* Docker-Content-Digest */
    char challenge[2048]; /* WWW-Authenticate, several joined by ", " */
    uint64_t retry_after; /* seconds; 0 = none given */
    char location[4096];  /* of the last answer */
    char range[64];       /* Range: what an upload has so far, "0-99" */
    char link[2048];      /* next page */
};

/* What goes out as a body: a piece of a file, or bytes. */
struct fetch_body {
    const void *p; /* NULL: from fd */
    int fd;
    uint64_t at, size;
    const char *type;
    /* Told how much of it has gone; may be NULL. */
    void (*sent)(void *data, uint64_t n);
    void *data;
};

struct fetch_want {
    const char *url;
    const char *accept;            /* NULL: anything */
    const char *user, *password;   /* basic authentication; NULL = none */
    const char *bearer;            /* token; NULL = none */
    const char *form;              /* POST this url-encoded form; NULL = GET */
    const char *method;            /* NULL = GET, or POST of a form */
    const struct fetch_body *send; /* NULL = none */
    const char *content_range;     /* of it; NULL = none */
    const char *ca, *cert, *key; /* PEM text of authorities; files of a client's own; NULL = none */
    bool plain_ok;               /* http allowed, for this URL and its redirects */
    bool unverified;             /* any certificate will do */
    bool direct;                 /* no proxy */
    uint64_t offset;             /* ask for the rest from here */
    /* A piece of a 2xx body; head->status tells 206 from 200. Non-zero ends the transfer. */
    int (*body)(void *data, const struct fetch_head *head, const void *p, size_t n, struct err *e);
    /* Asked now and then: true ends the transfer with -ECANCELED. May be NULL. */
    bool (*stop)(void *data);
    void *data;
};

/* Once per process, before threads. */
int fetch_setup(struct err *e);
int fetch_new(struct fetch **ret, struct err *e);
void fetch_free(struct fetch *f); /* NULL is fine */
/* 0: there is an answer, of whatever status. `text` gets the body when it is no 2xx. */
int fetch_run(struct fetch *f, const struct fetch_want *want, struct fetch_head *ret,
              struct str *text, struct err *e);
/* Append text escaped for a URL query or a form. 0 or -errno. */
int fetch_escape(struct str *out, const char *text);
