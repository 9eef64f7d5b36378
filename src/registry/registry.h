/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry module: everything that moves images, loaded on demand (modules/registry.so) because
 * its libraries would cost every command 7 ms of start-up.
 *
 * Theory of operation
 *   in    source → manifest (digest checked) → platform chosen → config → layers in parallel, each:
 *         download → SHA-256 of the compressed bytes → inflate → SHA-256 of the tar (diff id) →
 *         unpack into store/tmp → rename. Nothing becomes visible before both digests agree. Then
 *         the image is committed. Two pulls of the same layer at once: the second waits for the
 *         first's lock. A source is a registry (source_net.c), an OCI layout (source_layout.c),
 *         what docker save has written (source_docker.c) or skopeo's dir: (source_dir.c); the last
 *         three read from a bag (bag.h): a directory, or a tar archive that is indexed once.
 *   out   layers in parallel → is it there? (HEAD) → can it be mounted from another repository? →
 *         pack → compress and hash on a second thread → upload; then config, then manifest. What a
 *         layer became is remembered beside it (remember.h), so that a second push sends nothing.
 *   All of it runs in one helper process (helper.h), forked before any thread and, rootless, inside
 *   the user's namespace; progress and the end come back over a socket. The helper dies with its
 *   caller and cleans up when interrupted. Threads live only in there.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "spec/ref.h"
#include "store/store.h"

enum pull_phase {
    PULL_WAITING,
    PULL_DOWNLOADING,
    PULL_VERIFYING,
    PULL_EXTRACTING,
    PULL_DONE,
    PULL_EXISTS,
    PUSH_PREPARING,
    PUSH_PUSHING,
    PUSH_DONE,
    PUSH_EXISTS,
    PUSH_MOUNTED,
    LOAD_LOADING,
    LOAD_DONE,
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

enum registry_verify { VERIFY_DEFAULT, VERIFY_YES, VERIFY_NO };

/* How registries are spoken to. All zero is fine. */
struct registry_access {
    const struct registry_config *config;
    const char *auth_file; /* docker config.json; NULL = default places */
    const char *creds;     /* "user[:password]" instead of any file */
    const char *cert_dir;  /* *.crt, *.cert and *.key; NULL = certs.d of the default places */
    enum registry_verify tls;
    unsigned tries;    /* in a row; 0 = default */
    unsigned delay_ms; /* before the second try, then doubled; 0 = default */
};

struct trust_want;

struct pull_request {
    const struct ref *ref;
    const char *layout_dir; /* not NULL: read this OCI layout directory instead of the net */
    const struct platform *platform; /* NULL = this host's */
    const struct digest *pinned;     /* the tag must lead there; NULL = wherever it leads */
    const struct trust_want *trust;  /* signatures that a policy wants (trust.h); NULL = none */
    bool all_platforms;              /* every image of the index; the tag names this host's */
    const struct store *store;
    struct registry_access access;
    int userns_fd;            /* rootless: join for unpacking; -1 = make one when not root */
    uint64_t max_layer_bytes; /* unpacked bound; 0 = default 64 GiB */
    void (*progress)(const struct pull_progress *p, void *data); /* called from one thread only */
    void *data;
};

struct pull_result {
    struct digest manifest; /* what the reference names: perhaps an index */
    struct digest image;    /* the platform's manifest */
    struct digest config;   /* the image's id */
    bool fresh;             /* something was downloaded, or the reference led elsewhere before */
};

/* Images out of an archive or a directory, whatever wrote it. */
struct load_request {
    const char *path; /* file or directory; NULL: read `fd` */
    int fd;
    const char *select;              /* the one image with this name or tag; NULL = all */
    const char *name;                /* what to call an image without a name; NULL = nothing */
    const struct platform *platform; /* of an index; NULL = this host's, or the only one */
    const struct store *store;
    int userns_fd;
    uint64_t max_layer_bytes;
    void (*progress)(const struct pull_progress *p, void *data);
    void *data;
};

enum blob_kind { BLOB_ANY, BLOB_GZIP, BLOB_ZSTD, BLOB_PLAIN };
enum manifest_kind { MANIFEST_ANY, MANIFEST_OCI, MANIFEST_DOCKER };

/* How layers leave the store. */
struct push_form {
    enum blob_kind compression; /* ANY: what is there already, else gzip */
    bool force;                 /* … and a blob of another kind is no good */
    int level;                  /* 0 = default */
    enum manifest_kind format;
};

struct push_request {
    const char *image; /* in the store: id or reference */
    const struct ref *ref;
    struct push_form form;
    const struct store *store;
    struct registry_access access;
    int userns_fd;
    void (*progress)(const struct pull_progress *p, void *data);
    void *data;
};

struct push_result {
    struct digest manifest;
    uint64_t size; /* of the manifest */
};

enum save_kind { SAVE_DOCKER_ARCHIVE, SAVE_OCI_ARCHIVE, SAVE_OCI_DIR, SAVE_DIR };

struct save_image {
    const char *id;           /* in the store */
    const char *const *names; /* references to write with it, normalised; NULL-end */
};

struct save_request {
    const struct save_image *images;
    size_t n;
    enum save_kind kind;
    struct push_form form;
    int fd; /* the archive; or the directory, that exists */
    const struct store *store;
    int userns_fd;
    void (*progress)(const struct pull_progress *p, void *data);
    void *data;
};

/* A root file system's tar becomes an image of one layer. */
struct import_request {
    const char *path; /* file; NULL: `url`, or else `fd` */
    const char *url;
    int fd;
    const struct ref *ref; /* NULL: untagged */
    const char *config;    /* the image's configuration without rootfs and history: JSON */
    const char *comment;   /* of the history's entry */
    int64_t created_ns;    /* 0 = now */
    const struct store *store;
    int userns_fd;
    uint64_t max_layer_bytes;
    void (*progress)(const struct pull_progress *p, void *data);
    void *data;
};

/* A container's file system as a tar. */
struct snapshot;
struct export_request {
    const struct snapshot *snapshot;
    int fd;
    const struct store *store;
    int userns_fd;
};

/* One document or word with a registry, no store: what `manifest` and tag lists need. */
enum ask_kind {
    ASK_TAGS,      /* reply: names, one per line */
    ASK_MANIFEST,  /* reply: the document; result: its digest */
    ASK_BLOB,      /* reply: the blob that ref's digest names, when it is no larger than a
                      configuration may be */
    ASK_REFERRERS, /* reply: the index of what refers to ref's digest */
    ASK_PUT,       /* put `document` as ref's tag or digest */
};
struct ask_request {
    enum ask_kind kind;
    const struct ref *ref;
    struct registry_access access;
    const char *document, *type; /* ASK_PUT */
    const char *artifact_type;   /* ASK_REFERRERS: only these */
    /* ASK_PUT of an index: its images are brought along from these places first, one each. */
    const struct ref *const *from; /* NULL entry: there already */
    const struct digest *what;
    size_t n_from;
};

struct ask_result {
    struct digest digest;
    char type[160];
};

struct commit_request;
struct commit_result;
struct check_request;
struct check_result;
struct login_request;
struct login_result;
struct logout_request;
struct search_request;
struct sign_request;

struct registry_module {
    uint32_t size; /* sizeof(struct registry_module): refuses a module of another build */
    int (*pull)(const struct pull_request *rq, struct pull_result *ret, struct err *e);
    /* `names`: one JSON object per image and line, {"id": …, "names": […]}. */
    int (*load)(const struct load_request *rq, struct str *names, struct err *e);
    int (*push)(const struct push_request *rq, struct push_result *ret, struct err *e);
    int (*save)(const struct save_request *rq, struct err *e);
    int (*import)(const struct import_request *rq, struct digest *ret, struct err *e);
    int (*export)(const struct export_request *rq, struct err *e);
    int (*ask)(const struct ask_request *rq, struct ask_result *ret, struct str *reply,
               struct err *e);
    /* storejob.h */
    int (*commit)(const struct commit_request *rq, struct commit_result *ret, struct err *e);
    int (*check)(const struct check_request *rq, struct check_result *ret, struct str *reply,
                 struct err *e);
    /* account.h */
    int (*login)(const struct login_request *rq, struct login_result *ret, struct err *e);
    int (*logout)(const struct logout_request *rq, size_t *removed, struct err *e);
    int (*user)(const char *host, const char *file, char **ret, struct err *e);
    int (*search)(const struct search_request *rq, struct str *reply, struct err *e);
    int (*sign)(const struct sign_request *rq, struct err *e); /* sign.h */
};

/* The module's only symbol. */
extern const struct registry_module hako_registry_module;
