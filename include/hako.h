/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhako: run OCI images as containers (and, later, virtual machines) without a daemon.
 *
 * Conventions
 *   - Functions return 0 or a negative errno; `e` (never NULL) then holds kind and message.
 *   - Handles are opaque; close/free functions accept NULL.
 *   - Option structs start with `size`: set it to sizeof(the struct) (HAKO_INIT does), so that a
 *     newer library serves an older program. Zero means "default" in every field unless said.
 *   - Strings given in are borrowed for the call; strings given out are malloc'ed and the
 *     caller's, unless a comment says otherwise.
 *   - One engine handle belongs to one thread at a time. The library prints nothing, never exits,
 *     installs no signal handlers and starts no threads (the registry module does, inside a pull).
 *   - Anything durable is files: a container is a directory, a held lock means "running".
 */
#ifndef HAKO_H
#define HAKO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAKO_VERSION_MAJOR 0
#define HAKO_VERSION_MINOR 1
#define HAKO_VERSION_PATCH 0

#define HAKO_API __attribute__((visibility("default")))
#define HAKO_INIT(T) ((T){.size = sizeof(T)})

enum hako_error_kind {
    HAKO_ERR_INTERNAL,
    HAKO_ERR_USAGE,
    HAKO_ERR_NOT_FOUND,
    HAKO_ERR_CONFLICT,
    HAKO_ERR_DENIED,
    HAKO_ERR_UNAVAILABLE,
    HAKO_ERR_CORRUPT,
    HAKO_ERR_NO_SPACE,
    HAKO_ERR_CMD_NOT_EXEC,
    HAKO_ERR_CMD_NOT_FOUND,
};

typedef struct hako_error {
    int code; /* negative errno */
    int kind; /* enum hako_error_kind */
    char message[500];
} hako_error;

/* docker's exit code for a failure: 125, 126 or 127. */
HAKO_API int hako_error_exit_code(const hako_error *e);

/* "0.1.0" */
HAKO_API const char *hako_version(void);

typedef struct hako_engine hako_engine;
typedef struct hako_container hako_container;
typedef struct hako_exec hako_exec;

/* Growable by libhako's own option parser; programs fill v and n only. */
struct hako_strings {
    char **v;
    size_t n;
    size_t cap_;
};

/* ---- engine ---------------------------------------------------------------------------- */

struct hako_engine_options {
    size_t size;
    const char *root;    /* data directory; default /var/lib/hako or $XDG_DATA_HOME/hako */
    const char *run;     /* volatile directory; default /run/hako or $XDG_RUNTIME_DIR/hako */
    const char *config;  /* configuration file; default /etc/hako/config.json, then the user's */
    const char *libexec; /* where hako-monitor and modules/ live; default beside the program */
    bool leaves_soon;    /* a command, not a server: monitors may be its children and save a fork */
};

/* Open directories and defaults; starts nothing. Missing directories are made. */
HAKO_API int hako_engine_open(const struct hako_engine_options *o, hako_engine **ret,
                              hako_error *e);
HAKO_API void hako_engine_close(hako_engine *g);
/* Host and engine facts, docker-info-like, as JSON. */
HAKO_API int hako_engine_info(hako_engine *g, char **ret_json, hako_error *e);

/* ---- images ---------------------------------------------------------------------------- */

struct hako_progress {
    const char *layer; /* short digest */
    const char *phase; /* "Waiting" "Downloading" "Verifying" "Extracting" "Pull complete" "Already
                          exists" */
    uint64_t done, total; /* bytes; total 0 = unknown */
    bool finished;
};

/* How a registry is spoken to. All zero: as the configuration and the usual files say. */
struct hako_registry {
    const char *authfile; /* docker's config.json or podman's auth.json */
    const char *creds;    /* "user[:password]" */
    const char *cert_dir; /* *.crt, *.cert and *.key */
    bool tls_verify, tls_verify_set;
    unsigned tries;      /* in a row; 0 = default */
    int64_t retry_delay; /* ns before the second try; 0 = default */
};

/* `reference` may be a place: docker-archive:FILE[:REF], oci-archive:FILE[:TAG], oci:DIR[:TAG],
 * dir:DIR, docker://REF. */
struct hako_pull_options {
    size_t size;
    const char *platform; /* "linux/arm64"; NULL = host */
    void (*progress)(const struct hako_progress *p, void *data);
    void *data;
    bool all_platforms; /* every image of a list; the name stays with the platform's */
    struct hako_registry registry;
    const char *lock; /* lock file; NULL = configuration's or hako.lock when there, "" = none */
    bool lock_write;  /* write into it what the name means now, instead of obeying it */
};

struct hako_pulled {
    char reference[512]; /* "docker.io/library/debian:12" */
    char digest[136];    /* of the manifest */
    char id[136];
    bool fresh; /* something was downloaded */
};

HAKO_API int hako_image_pull(hako_engine *g, const char *reference,
                             const struct hako_pull_options *o, struct hako_pulled *ret,
                             hako_error *e);

struct hako_image_info {
    char *id;
    char **references; /* familiar "debian:12"; NULL-ended; empty = dangling */
    char **digests;    /* "debian@sha256:…"; NULL-ended */
    uint64_t bytes;
    int64_t created_ns; /* of the image's config; Unix time */
    int64_t pulled_ns;
    char **labels; /* "key=value"; NULL-ended */
};
HAKO_API int hako_image_list(hako_engine *g, struct hako_image_info **ret, size_t *n,
                             hako_error *e);
HAKO_API void hako_image_list_free(struct hako_image_info *v, size_t n);
/* docker image inspect's object. */
HAKO_API int hako_image_inspect(hako_engine *g, const char *name, char **ret_json, hako_error *e);
/* `report` gets "Untagged: …"/"Deleted: …" lines, newline-separated. */
HAKO_API int hako_image_remove(hako_engine *g, const char *name, bool force, char **report,
                               hako_error *e);

/* Another name for an image. */
HAKO_API int hako_image_tag(hako_engine *g, const char *source, const char *target, hako_error *e);
/* Take names away (none given: all); the image stays. */
HAKO_API int hako_image_untag(hako_engine *g, const char *image, const struct hako_strings *names,
                              hako_error *e);
/* Newest first, docker's keys: [{"Id","Created","CreatedBy","Tags","Size","Comment"}]. platform
 * NULL: whatever the image's is. */
HAKO_API int hako_image_history(hako_engine *g, const char *name, const char *platform,
                                char **ret_json, hako_error *e);

/* {"Id","Tags","Size","Layers":[{"Id","Size","TopOf":[names]}],"UsedBy":[{"Id","Tags"}]} */
HAKO_API int hako_image_tree(hako_engine *g, const char *name, char **ret_json, hako_error *e);
/* The image's file system, read-only, on the host; root only. The same path when it is there. */
HAKO_API int hako_image_mount(hako_engine *g, const char *name, char **ret_path, hako_error *e);
HAKO_API int hako_image_unmount(hako_engine *g, const char *name, bool force, hako_error *e);
/* [{"id","Repositories":[names],"mountpoint"}] */
HAKO_API int hako_image_mounts(hako_engine *g, char **ret_json, hako_error *e);

/* ---- images that move ------------------------------------------------------------------ */

struct hako_push_options {
    size_t size;
    const char *compression; /* "gzip" "zstd" "zstd:chunked" "uncompressed"; NULL: as it is there,
                                else gzip */
    bool force_compression;  /* a blob of another kind is no good */
    int64_t level;           /* 0 = default */
    const char *format;      /* "oci" "v2s2"; NULL: as the image came */
    const char *platform;    /* the image must be for it */
    struct hako_registry registry;
    void (*progress)(const struct hako_progress *p, void *data);
    void *data;
};
struct hako_pushed {
    char reference[512];
    char digest[136]; /* of the manifest; "" where there is none */
    uint64_t size;    /* of it */
};
/* destination NULL: its own name. Else a reference, or a place as hako_image_pull knows them. What
 * the registry has already is not sent. */
HAKO_API int hako_image_push(hako_engine *g, const char *image, const char *destination,
                             const struct hako_push_options *o, struct hako_pushed *ret,
                             hako_error *e);
/* Tags of a repository in its registry, one per line. */
HAKO_API int hako_image_tags(hako_engine *g, const char *repository,
                             const struct hako_registry *registry, char **ret, hako_error *e);
/* The manifest or index that a reference names in its registry. */
HAKO_API int hako_image_manifest(hako_engine *g, const char *reference,
                                 const struct hako_registry *registry, char **ret_json,
                                 hako_error *e);
/* The index of what refers to NAME@DIGEST in its registry: signatures, SBOMs. */
HAKO_API int hako_image_referrers(hako_engine *g, const char *reference, const char *artifact_type,
                                  const struct hako_registry *registry, char **ret_json,
                                  hako_error *e);

struct hako_save_options {
    size_t size;
    const char *format; /* "docker-archive" (default) "oci-archive" "oci-dir" "docker-dir" */
    const char *output; /* file or directory; NULL: fd */
    int fd;
    bool compress;        /* docker-dir: gzip the layers */
    bool uncompressed;    /* oci: leave them as tars */
    const char *platform; /* the images must be for it */
    void (*progress)(const struct hako_progress *p, void *data);
    void *data;
};
HAKO_API int hako_image_save(hako_engine *g, const struct hako_strings *images,
                             const struct hako_save_options *o, hako_error *e);

struct hako_load_options {
    size_t size;
    const char *input; /* file or directory; NULL: fd */
    int fd;
    const char *select; /* the one image with this name; NULL = all */
    const char *platform;
    void (*progress)(const struct hako_progress *p, void *data);
    void *data;
};
/* What docker save, podman save, buildah, skopeo or umoci wrote. `report`: "Loaded image: …" and
 * "Loaded image ID: …" lines. */
HAKO_API int hako_image_load(hako_engine *g, const struct hako_load_options *o, char **report,
                             hako_error *e);

struct hako_import_options {
    size_t size;
    const char *source; /* file or URL; NULL: fd */
    int fd;
    const char *reference;      /* NULL: untagged */
    struct hako_strings change; /* Dockerfile instructions */
    const char *message;
    const char *platform; /* "linux/arm64"; NULL = host */
    void (*progress)(const struct hako_progress *p, void *data);
    void *data;
    int64_t created_ns; /* 0 = now */
};
HAKO_API int hako_image_import(hako_engine *g, const struct hako_import_options *o,
                               char ret_id[136], hako_error *e);
struct hako_bootstrap_options {
    size_t size;
    struct hako_strings mirror, include;
    const char *variant;  /* of mmdebstrap; NULL = minbase */
    const char *date;     /* "2025-01-31": times, and Debian's snapshot of that day */
    const char *lock;     /* package versions: obeyed when there, else written */
    const char *tag;      /* name of the image; NULL = as the distribution is called */
    const char *platform; /* NULL = host */
    bool verbose;         /* mmdebstrap's words go to stderr */
};
/* "debian:bookworm" from the distribution's own packages. The same date or lock, and the same
 * mirror, give the same image. */
HAKO_API int hako_image_bootstrap(hako_engine *g, const char *name,
                                  const struct hako_bootstrap_options *o, char ret_id[136],
                                  hako_error *e);
/* A container's file system as a tar stream into fd; running ones are not stopped. */
HAKO_API int hako_container_export(hako_container *c, int fd, hako_error *e);

/* ---- manifest lists --------------------------------------------------------------------- */

/* A list is kept in the store under its name until it is pushed or removed. */
struct hako_manifest_options {
    size_t size;
    bool amend; /* create: it may exist */
    bool all;   /* add: every image of a list, not only this platform's */
    const char *os, *arch, *variant, *os_version;
    struct hako_strings os_features, features, annotation; /* annotation: KEY=VALUE */
    bool index;                                            /* annotate: the list itself */
    const char *subject; /* annotate --index: reference of a subject */
    const char *artifact_type;
    bool purge;         /* push: remove the list afterwards */
    const char *format; /* push: "oci" "v2s2" */
    struct hako_registry registry;
};
HAKO_API int hako_manifest_create(hako_engine *g, const char *list, const struct hako_strings *add,
                                  const struct hako_manifest_options *o, hako_error *e);
/* An image of a registry (docker://REF, or REF) or of the store (containers-storage:REF). */
HAKO_API int hako_manifest_add(hako_engine *g, const char *list, const char *image,
                               const struct hako_manifest_options *o, char ret_digest[136],
                               hako_error *e);
/* `image`: digest or reference of an entry. */
HAKO_API int hako_manifest_annotate(hako_engine *g, const char *list, const char *image,
                                    const struct hako_manifest_options *o, hako_error *e);
HAKO_API int hako_manifest_remove(hako_engine *g, const char *list, const char *digest,
                                  hako_error *e);
/* The local list, else what the registry has. */
HAKO_API int hako_manifest_inspect(hako_engine *g, const char *list,
                                   const struct hako_manifest_options *o, char **ret_json,
                                   hako_error *e);
HAKO_API int hako_manifest_push(hako_engine *g, const char *list, const char *destination,
                                const struct hako_manifest_options *o, char ret_digest[136],
                                hako_error *e);
HAKO_API int hako_manifest_rm(hako_engine *g, const char *list, hako_error *e);
HAKO_API bool hako_manifest_exists(hako_engine *g, const char *list);

/* What the last layer changes: [{"Kind": 0 changed, 1 added, 2 deleted, "Path"}] */
HAKO_API int hako_image_diff(hako_engine *g, const char *name, char **ret_json, hako_error *e);

struct hako_prune_options {
    size_t size;
    bool all;                             /* not only those without a tag */
    int64_t before_ns;                    /* created before this; 0 = whenever */
    struct hako_strings label, label_not; /* "key" or "key=value" */
    uint64_t keep_bytes;                  /* with all: enough when the layers take no more */
    bool dry_run;
};
/* Images that no container uses. `report`: "Untagged: …" and "Deleted: …" lines. */
HAKO_API int hako_image_prune(hako_engine *g, const struct hako_prune_options *o, char **report,
                              uint64_t *freed, hako_error *e);

/* docker's /system/df: {"LayersSize","Images","Containers","Volumes","BuildCache"} */
HAKO_API int hako_system_df(hako_engine *g, char **ret_json, hako_error *e);

struct hako_checked {
    uint64_t layers, images, refs; /* looked at */
    uint64_t findings, repaired;
};
/* Is the store what its digests say? One JSON object per finding and line: {"kind","what","why",
 * "image","pull","repaired"}. With `repair` what is wrong is taken away; what has "pull" comes
 * again by pulling that. */
HAKO_API int hako_system_check(hako_engine *g, bool quick, bool repair, char **ret_findings,
                               struct hako_checked *ret, hako_error *e);

struct hako_sign_options {
    size_t size;
    const char *gpg_key;         /* sign by this GPG key, into the lookaside store … */
    const char *directory;       /* … which is here; NULL = as registries.d says */
    const char *key_file;        /* or by this private key (PEM), beside the image */
    const char *passphrase_file; /* NULL = none */
    const char *platform;        /* of a list, this image is signed, too; NULL = host */
    struct hako_registry registry;
};
/* Sign what the name means in its registry. */
HAKO_API int hako_image_sign(hako_engine *g, const char *name, const struct hako_sign_options *o,
                             hako_error *e);
/* The policy file's text; *ret_file NULL: there is none, and everything is allowed. */
HAKO_API int hako_trust_show(hako_engine *g, const char *file, char **ret_file, char **ret_json,
                             hako_error *e);
struct hako_trust_options {
    size_t size;
    const char *file;         /* NULL = the one that counts */
    const char *scope;        /* "default", "quay.io", "quay.io/team/app" */
    const char *type;         /* accept reject signedBy (default) sigstoreSigned */
    struct hako_strings keys; /* absolute paths; all of them must have signed */
};
HAKO_API int hako_trust_set(hako_engine *g, const struct hako_trust_options *o, hako_error *e);

/* ---- registries ------------------------------------------------------------------------ */

struct hako_login_options {
    size_t size;
    const char *registry; /* NULL = Docker Hub */
    const char *user, *password;
    const char *authfile; /* NULL = $REGISTRY_AUTH_FILE, else docker's config.json */
    const char *cert_dir;
    bool tls_verify, tls_verify_set;
};
struct hako_logged_in {
    char registry[256], file[512];
    bool plain; /* the secret lies readable in that file */
};
/* Ask the registry whether it knows the user; then keep the credentials. */
HAKO_API int hako_login(hako_engine *g, const struct hako_login_options *o,
                        struct hako_logged_in *ret, hako_error *e);
HAKO_API int hako_logout(hako_engine *g, const char *registry, bool all, const char *authfile,
                         size_t *ret_removed, hako_error *e);
/* Who is logged in; HAKO_ERR_NOT_FOUND: nobody. */
HAKO_API int hako_login_user(hako_engine *g, const char *registry, const char *authfile,
                             char **ret_user, hako_error *e);

struct hako_search_options {
    size_t size;
    const char *registry; /* NULL = Docker Hub */
    const char *term;
    unsigned limit; /* 0 = 25 */
    const char *authfile, *creds, *cert_dir;
    bool tls_verify, tls_verify_set;
};
/* [{"name","description","star_count","is_official","is_automated"}] */
HAKO_API int hako_search(hako_engine *g, const struct hako_search_options *o, char **ret_json,
                         hako_error *e);

/* ---- containers ------------------------------------------------------------------------ */

/* docker's words, unparsed: the engine parses and checks them. */
struct hako_run_options {
    size_t size;
    const char *image;
    struct hako_strings command; /* after the image; overrides Cmd */
    const char *name;
    const char *entrypoint; /* NULL = image's; "" = none */
    bool entrypoint_set;
    struct hako_strings env, env_file, label, label_file;
    const char *workdir, *user, *hostname, *domainname;
    struct hako_strings group_add;
    bool tty, interactive, detach, rm, init;
    /* file systems */
    struct hako_strings volume, mount, tmpfs;
    bool read_only;
    uint64_t shm_size; /* bytes; 0 = 64 MiB */
    /* network */
    const char *network; /* bridge none host container:NAME; NULL = bridge */
    struct hako_strings publish, expose, dns, dns_search, dns_option, add_host;
    bool publish_all;
    /* resources */
    uint64_t memory, memory_reservation; /* bytes; 0 = none */
    int64_t memory_swap;                 /* bytes incl. memory; -1 = unlimited; 0 = default */
    int64_t memory_swappiness;           /* 0-100 */
    bool memory_swappiness_set;
    bool oom_kill_disable;
    double cpus;
    int64_t cpu_shares, cpu_period, cpu_quota;
    const char *cpuset_cpus, *cpuset_mems;
    int64_t pids_limit; /* 0 = hako's default; -1 = unlimited */
    int64_t blkio_weight;
    int64_t oom_score_adj;
    struct hako_strings ulimit, sysctl;
    /* privilege */
    struct hako_strings cap_add, cap_drop, security_opt, device, device_cgroup_rule;
    bool privileged;
    /* namespaces of others: "host", "container:NAME", "private" */
    const char *pid, *ipc, *uts, *cgroupns;
    const char *cgroup_parent;
    /* life */
    const char *stop_signal;
    int64_t stop_timeout; /* seconds; used when stop_timeout_set */
    bool stop_timeout_set;
    const char *pull; /* missing (default) always never */
    const char *platform;
    const char *lock;            /* lock file to obey; NULL = as for a pull, "" = none */
    const char *isolation;       /* container (default); vm comes with its issue */
    const char *log_driver;      /* "" or "cri-file"; "none" */
    struct hako_strings log_opt; /* max-size=10m max-file=3 */
    const char *cidfile;
    struct hako_strings annotation;
    void (*progress)(const struct hako_progress *p, void *data); /* of an implied pull */
    void *data;
};

/* What would run: {"spec": runtime-spec document, "plan": [lines]} as JSON; makes nothing.
 * The image must be present. */
HAKO_API int hako_container_dry_run(hako_engine *g, const struct hako_run_options *o,
                                    char **ret_json, hako_error *e);

/* The container exists after this ("created"); an absent image is pulled by policy. */
HAKO_API int hako_container_create(hako_engine *g, const struct hako_run_options *o,
                                   hako_container **ret, hako_error *e);
/* By name, id or unique id prefix. */
HAKO_API int hako_container_open(hako_engine *g, const char *name, hako_container **ret,
                                 hako_error *e);
HAKO_API void hako_container_close(hako_container *c); /* the container goes on */
HAKO_API const char *hako_container_id(const hako_container *c);
HAKO_API const char *hako_container_name(const hako_container *c);
HAKO_API bool hako_container_tty(const hako_container *c);
HAKO_API bool hako_container_interactive(const hako_container *c); /* was created with -i */

/* Descriptors of the caller that the monitor reads and writes itself; -1 = not attached. They stay
 * the caller's. With a tty: `in` is a pipe that the caller feeds with keys. */
struct hako_stdio {
    int in, out, err;
};

/* Start; returns when the command has been executed in the box. io NULL: detached. A container
 * that cannot be started stays "created" with its error. */
HAKO_API int hako_container_start(hako_container *c, const struct hako_stdio *io, hako_error *e);
HAKO_API int hako_container_attach(hako_container *c, const struct hako_stdio *io, hako_error *e);
HAKO_API int hako_container_detach(hako_container *c, hako_error *e);
/* Readable when hako_container_wait would return at once; -1 when not connected. */
HAKO_API int hako_container_fd(const hako_container *c);
/* Block until the box has ended; gives its exit code. Works on ended ones too. timeout_ms < 0: for
 * ever; -ETIMEDOUT. */
HAKO_API int hako_container_wait(hako_container *c, int timeout_ms, int *exit_code, hako_error *e);
HAKO_API int hako_container_resize(hako_container *c, uint16_t cols, uint16_t rows, hako_error *e);
HAKO_API int hako_container_kill(hako_container *c, const char *signal, hako_error *e);
/* `signal` (NULL: the container's own, TERM), then SIGKILL after timeout seconds (< 0: the
 * container's own, default 10). */
HAKO_API int hako_container_stop(hako_container *c, const char *signal, int timeout, hako_error *e);
HAKO_API int hako_container_pause(hako_container *c, bool pause, hako_error *e);
HAKO_API int hako_container_rename(hako_container *c, const char *name, hako_error *e);
/* Remove an ended container; force kills a running one first; volumes: its anonymous volumes too.
 */
HAKO_API int hako_container_remove(hako_container *c, bool force, bool volumes, hako_error *e);
/* docker inspect's object. */
HAKO_API int hako_container_inspect(hako_container *c, char **ret_json, hako_error *e);

struct hako_commit_options {
    size_t size;
    const char *reference; /* NULL: untagged */
    const char *author, *message;
    struct hako_strings change; /* Dockerfile instructions */
    bool no_pause;              /* a running box is paused meanwhile, where that can be done … */
    bool pause;                 /* … and this: or else it is an error */
    bool squash;                /* one layer, without the base image's */
};
/* The container, as it is, becomes an image. */
HAKO_API int hako_container_commit(hako_container *c, const struct hako_commit_options *o,
                                   char ret_id[136], hako_error *e);
/* What it has changed, as hako_image_diff tells it. */
HAKO_API int hako_container_diff(hako_container *c, char **ret_json, hako_error *e);

enum hako_status {
    HAKO_CREATED,
    HAKO_RUNNING,
    HAKO_PAUSED,
    HAKO_EXITED,
    HAKO_DEAD, /* its monitor was killed; swept */
};

struct hako_container_info {
    char *id, *name, *image, *image_id, *command, *ports, *mounts, *networks;
    char **labels; /* "key=value"; NULL-ended */
    enum hako_status status;
    int exit_code;
    int64_t created_ns, started_ns, finished_ns;
    int pid;
};
/* All containers, newest first. Sweeps what crashed. */
HAKO_API int hako_container_list(hako_engine *g, struct hako_container_info **ret, size_t *n,
                                 hako_error *e);
HAKO_API void hako_container_list_free(struct hako_container_info *v, size_t n);

struct hako_log_options {
    size_t size;
    bool follow;
    int64_t tail; /* lines; used when tail_set */
    bool tail_set;
    int64_t since_ns, until_ns; /* Unix time; 0 = unbounded */
    bool no_stdout, no_stderr;
    /* Called per line or part of a line; a full line's text ends with '\n'. Non-zero stops. */
    int (*line)(int stream, int64_t time_ns, const char *text, size_t len, void *data);
    void *data;
};
HAKO_API int hako_container_logs(hako_container *c, const struct hako_log_options *o,
                                 hako_error *e);

/* ---- exec ------------------------------------------------------------------------------ */

struct hako_exec_options {
    size_t size;
    struct hako_strings command, env, env_file;
    const char *workdir, *user;
    bool tty, interactive, detach, privileged;
};
/* Start a command in a running box. Without tty the box's ends of io are used by the process
 * itself: give pipe ends (not your terminal). With tty *ret_master is the pty master, the
 * caller's; else -1. */
HAKO_API int hako_container_exec(hako_container *c, const struct hako_exec_options *o,
                                 const struct hako_stdio *io, hako_exec **ret, int *ret_master,
                                 hako_error *e);
HAKO_API int hako_exec_fd(const hako_exec *x); /* readable when it has ended */
HAKO_API int hako_exec_wait(hako_exec *x, int *exit_code, hako_error *e);
HAKO_API void hako_exec_close(hako_exec *x);

#ifdef __cplusplus
}
#endif
#endif
