/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker's words for mounts → one request each. Only the words: whether a source exists, what a
 * volume holds and what the kernel can do is the engine's business.
 *
 *   -v        [source:]target[:mode,…]   source: /host/path, ./path or a volume name
 *   --mount   type=bind,source=/src,target=/dst,readonly,…       CSV of key=value
 *   --tmpfs   target[:option,…]
 *
 * The two short forms and the long one differ where docker's differ: -v makes a missing host
 * directory, --mount refuses it (create_source says which).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "spec/kv.h"

enum mount_kind { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS, MOUNT_IMAGE };

struct mount_request {
    enum mount_kind kind;
    char *source; /* BIND: clean absolute path; VOLUME: name, NULL = anonymous; IMAGE: reference */
    char *target; /* clean absolute path, never "/" */
    bool readonly;
    /* bind */
    char *propagation;  /* "rprivate" "rslave" …; NULL = not given (rprivate) */
    bool create_source; /* make a missing host directory */
    bool nonrecursive;  /* bind-recursive=disabled: without submounts */
    bool ro_top_only;   /* bind-recursive=writable: submounts stay writable */
    bool ro_forced;     /* bind-recursive=readonly: fail where the kernel cannot */
    char relabel;       /* 'z' shared, 'Z' private SELinux label, 0 = none */
    /* volume (subpath: image too) */
    bool nocopy; /* do not fill a new volume from the image */
    char *subpath;
    char *driver; /* NULL or "local" */
    struct rt_kv *labels, *driver_opts;
    size_t n_labels, n_driver_opts;
    /* tmpfs */
    uint64_t tmpfs_size; /* bytes, 0 = not given */
    uint32_t tmpfs_mode; /* permission bits, when has_tmpfs_mode */
    bool has_tmpfs_mode;
    struct strlist options; /* --tmpfs only: other mount options, checked ("noexec", "uid=7") */
};

/* `cwd` (absolute) resolves "./x" and "../x"; NULL refuses them. ERR_USAGE in docker's words. */
int mountopt_volume(const char *text, const char *cwd, struct arena *a, struct mount_request *ret,
                    struct err *e);
int mountopt_mount(const char *text, const char *cwd, struct arena *a, struct mount_request *ret,
                   struct err *e);
int mountopt_tmpfs(const char *text, struct arena *a, struct mount_request *ret, struct err *e);
/* "bind" "volume" "tmpfs" "image" */
const char *mountopt_kind_name(enum mount_kind kind);
/* A volume name is [a-zA-Z0-9][a-zA-Z0-9_.-]+. */
bool mountopt_is_volume_name(const char *name);
