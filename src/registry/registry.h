/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry module: distribution-spec client and OCI-layout reader, loaded on demand
 * (modules/registry.so) because its libraries would cost every command 7 ms of start-up.
 *
 * Theory of operation
 *   source → manifest (digest checked) → platform chosen → config → layers in parallel, each:
 *   download → SHA-256 of the compressed bytes → inflate → SHA-256 of the tar (diff id) → unpack
 *   into store/tmp → rename. Nothing becomes visible before both digests agree. Then the image is
 *   committed. Two pulls of the same layer at once: the second waits for the first's lock.
 *   All of it runs in one helper process, forked before any thread and, rootless, inside the user's
 *   namespace; progress and the end come back over a socket. The helper dies with its caller and
 *   cleans up when interrupted. Threads live only in there.
 */
#pragma once

#include "base/err.h"
#include "spec/ref.h"
#include "store/store.h"

enum pull_phase {
    PULL_WAITING,
    PULL_DOWNLOADING,
    PULL_VERIFYING,
    PULL_EXTRACTING,
    PULL_DONE,
    PULL_EXISTS
};

struct pull_progress {
    char layer[13]; /* first 12 hex digits of the layer's digest */
    enum pull_phase phase;
    uint64_t done, total; /* bytes; total 0 = unknown */
};

struct registry_entry {
    const char *host;           /* "docker.io", "localhost:5000" */
    const char *const *mirrors; /* tried first, in order; "host[:port][/prefix]"; NULL-end */
    bool insecure;              /* plain HTTP or unverified TLS allowed */
    bool blocked;
};

struct registry_config {
    struct registry_entry *v;
    size_t n;
};

struct pull_request {
    const struct ref *ref;
    const char *layout_dir; /* not NULL: read this OCI layout directory instead of the net */
    const struct platform *platform; /* NULL = this host's */
    const struct store *store;
    const struct registry_config *config;
    const char *auth_file;    /* docker config.json; NULL = default places */
    int userns_fd;            /* rootless: join for unpacking; -1 = make one when not root */
    uint64_t max_layer_bytes; /* unpacked bound; 0 = default 64 GiB */
    void (*progress)(const struct pull_progress *p, void *data); /* called from one thread only */
    void *data;
};

struct pull_result {
    struct digest manifest; /* what the reference names: perhaps an index */
    struct digest config;   /* the image's id */
    bool fresh;             /* something was downloaded, or the reference led elsewhere before */
};

struct registry_module {
    uint32_t size; /* sizeof(struct registry_module): refuses a module of another build */
    int (*pull)(const struct pull_request *rq, struct pull_result *ret, struct err *e);
};

/* The module's only symbol. */
extern const struct registry_module hako_registry_module;
