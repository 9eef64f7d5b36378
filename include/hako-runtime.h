/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhako's runtime part: OCI bundles as containers, the same code as the program hako-oci.
 *
 * A container is a directory beneath the runtime's root and a tree of processes; nothing of the
 * library lives on between two calls, and any process of the same user may make the next call. The
 * conventions of hako.h hold: 0 or a negative errno, `e` never NULL, option structs begin with
 * `size`, strings given out are malloc'ed and the caller's. A handle belongs to one thread.
 *
 * create, exec and restore clone the calling process, which must be single-threaded then, and whose
 * executable is what the container can see as /proc/PID/exe until its own command runs: a program
 * that runs strangers' containers should run from a copy that cannot be written to, as hako-oci
 * does (CVE-2019-5736).
 *
 * Source of the documents: opencontainers/runtime-spec 1.2 (config.md, runtime.md, features.md).
 */
#ifndef HAKO_RUNTIME_H
#define HAKO_RUNTIME_H

#include <hako.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hako_runtime hako_runtime;

struct hako_runtime_options {
    size_t size;
    const char *root;    /* state directory; default /run/hako-oci or $XDG_RUNTIME_DIR/hako-oci */
    const char *criu;    /* program for checkpoint and restore; default "criu" in PATH */
    bool systemd_cgroup; /* cgroupsPath is slice:prefix:name, systemd makes the group */
    /* What is passed over instead of refused, as one line; NULL = nobody asks. */
    void (*warn)(void *data, const char *text);
    void *data;
};

/* `options` may be NULL. Nothing is made before the first create. */
HAKO_API int hako_runtime_open(const struct hako_runtime_options *options, hako_runtime **ret,
                               hako_error *e);
HAKO_API void hako_runtime_close(hako_runtime *rt);

struct hako_runtime_create_options {
    size_t size;
    const char *bundle;         /* directory; default "." */
    const char *config;         /* name in the bundle; default "config.json" */
    const char *console_socket; /* AF_UNIX path that gets the pty's master; needed for a terminal */
    const char *pid_file;       /* gets the process id, appearing whole */
    unsigned preserve_fds;      /* 3, 4, … that the container keeps; not what is close-on-exec */
    bool no_pivot;              /* the root is on a ramdisk */
    bool no_new_keyring;        /* keep the caller's session keyring */
};

/* The bundle's container, waiting to be started; it lives on without the caller. Standard input,
 * output and error are the caller's. HAKO_ERR_CONFLICT: the id is taken. A failure leaves nothing.
 */
HAKO_API int hako_runtime_create(hako_runtime *rt, const char *id,
                                 const struct hako_runtime_create_options *options, hako_error *e);
/* Returns when the command has been executed. HAKO_ERR_CMD_NOT_FOUND, HAKO_ERR_CMD_NOT_EXEC;
 * HAKO_ERR_CONFLICT unless it is created. */
HAKO_API int hako_runtime_start(hako_runtime *rt, const char *id, hako_error *e);
/* Signal its first process, or all of them. HAKO_ERR_CONFLICT: it has stopped. */
HAKO_API int hako_runtime_kill(hako_runtime *rt, const char *id, int signo, bool all,
                               hako_error *e);
/* HAKO_ERR_CONFLICT while it runs, unless `force`, which kills and forgives a missing one. */
HAKO_API int hako_runtime_delete(hako_runtime *rt, const char *id, bool force, hako_error *e);
/* Suspend (true) or let go on (false) all its processes. */
HAKO_API int hako_runtime_pause(hako_runtime *rt, const char *id, bool pause, hako_error *e);

/* The runtime-spec's state document as JSON. HAKO_ERR_NOT_FOUND. */
HAKO_API int hako_runtime_state(hako_runtime *rt, const char *id, char **ret, hako_error *e);
/* All containers of this root: a JSON array of state documents, by id. */
HAKO_API int hako_runtime_list(hako_runtime *rt, char **ret, hako_error *e);
/* What the kernel counts, as JSON in the shape of runc's event data; bytes and nanoseconds. */
HAKO_API int hako_runtime_stats(hako_runtime *rt, const char *id, char **ret, hako_error *e);
/* The runtime-spec's features document as JSON. */
HAKO_API int hako_runtime_features(hako_runtime *rt, char **ret, hako_error *e);
/* Process ids as the caller sees them, ascending; *ret is malloc'ed. */
HAKO_API int hako_runtime_processes(hako_runtime *rt, const char *id, pid_t **ret, size_t *n,
                                    hako_error *e);
/* New limits: `resources` is linux.resources of config.json as JSON text, at most 8 MiB; what it
 * does not name stays. After a failure the values are those from before. */
HAKO_API int hako_runtime_update(hako_runtime *rt, const char *id, const char *resources,
                                 hako_error *e);

struct hako_runtime_exec_options {
    size_t size;
    const char *process;      /* path of a process.json; then only what follows `args` counts */
    const char *cwd;          /* default: as the container's */
    const char *user;         /* "uid[:gid]" */
    struct hako_strings env;  /* KEY=value, added */
    struct hako_strings caps; /* added */
    char **args;              /* NULL-ended */
    const char *pid_file, *console_socket;
    unsigned preserve_fds;
    bool terminal;      /* with console_socket */
    bool ignore_paused; /* also when it is paused */
};

/* Start a process in it. The caller is its parent; *pidfd (owned; may be NULL) becomes readable
 * when it has ended. Collect it then (waitid): a container with a pid namespace of its own cannot
 * end while a dead process in it is uncollected. The same holds for a container that this process
 * created itself. */
HAKO_API int hako_runtime_exec(hako_runtime *rt, const char *id,
                               const struct hako_runtime_exec_options *options, pid_t *pid,
                               int *pidfd, hako_error *e);

struct hako_runtime_checkpoint_options {
    size_t size;
    const char *image_path; /* directory; default "checkpoint" */
    const char *work_path;  /* criu's log; default beside the images */
    bool leave_running, tcp_established, external_unix, shell_job, file_locks;
};

/* HAKO_ERR_UNAVAILABLE: criu is missing or says no; the message names its log. */
HAKO_API int hako_runtime_checkpoint(hako_runtime *rt, const char *id,
                                     const struct hako_runtime_checkpoint_options *options,
                                     hako_error *e);
/* A running container from images; `pid` may be NULL. The caller becomes a subreaper. */
HAKO_API int hako_runtime_restore(hako_runtime *rt, const char *id,
                                  const struct hako_runtime_create_options *create,
                                  const struct hako_runtime_checkpoint_options *options, pid_t *pid,
                                  hako_error *e);

#ifdef __cplusplus
}
#endif

#endif
