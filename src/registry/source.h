/* SPDX-License-Identifier: Apache-2.0 */
/* Where documents and blobs come from: a registry (source_net.c), or a bag of files that holds an
 * OCI layout, docker's archive or skopeo's directory (source_bag.h).
 * What they give is not checked here: the caller knows the digests. */
#pragma once

#include "registry/job.h"

#include "base/str.h"
#include "spec/image.h"

#define SOURCE_MAX_MANIFEST ((size_t)4 << 20)
#define SOURCE_MAX_CONFIG ((size_t)8 << 20)

/* Takes bytes; *done counts what it has taken, so that a broken transfer can go on there. */
struct source_sink {
    int (*take)(void *data, const void *p, size_t n, struct err *e);
    void *data;
    const uint64_t *done;
};

struct source {
    unsigned routes;    /* places that can be asked for a blob, best first */
    bool loose;         /* no manifest of its own: layers are known by their diff ids only */
    const char *origin; /* "localhost:5000/app": what blobs are remembered to lie in; NULL = none */
    /* A thread's own connection. */
    int (*connect)(struct source *src, void **ret, struct err *e);
    void (*disconnect)(void *conn);
    /* The document that the reference names (want NULL; *named gets its digest where the source
     * knows it, else "") or one by digest. */
    int (*manifest)(struct source *src, void *conn, const struct digest *want, struct str *doc,
                    struct digest *named, struct err *e);
    /* Ask `route` and the ones after it. */
    int (*blob)(struct source *src, void *conn, const struct digest *d, unsigned route,
                const struct source_sink *sink, struct err *e);
    void (*close)(struct source *src);
};

int source_net_open(struct job *j, const struct ref *ref, const struct registry_access *access,
                    const char *shown, struct arena *a, struct source **ret, struct err *e);
