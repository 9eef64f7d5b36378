/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint and restore by the program criu, through its documented command line.
 *
 * A checkpoint is criu's images and descriptors.json (where standard input and output led). Binds
 * and masked files are "external" mounts: named by their place in the container at the dump, given
 * their source again at the restore. The container's network namespace is made empty at restore:
 * whoever manages the network fills it. criu restores into the cgroups that the plan makes anew.
 */
#pragma once

#include "oci/oci.h"

struct oci_criu_options {
    const char *image_path, *work_path, *parent_path, *page_server, *manage_cgroups_mode;
    const char *lsm_profile, *lsm_mount_context;
    struct strlist empty_ns;
    bool leave_running, tcp_established, ext_unix_sk, shell_job, lazy_pages, file_locks, pre_dump,
        auto_dedup;
    int64_t status_fd; /* -1 = none */
};

/* ERR_UNAVAILABLE when there is no criu or it says no; then its log is named, with its last error.
 * The container is gone afterwards unless leave_running or pre_dump is given. */
int oci_checkpoint(const struct oci *o, const char *id, const struct oci_criu_options *opt,
                   struct err *e);
/* A running container from images. `ret`: to wait for, the caller being its parent now. */
int oci_restore(const struct oci *o, const char *id, const struct oci_create_options *create,
                const struct oci_criu_options *opt, struct oci_task *ret, struct err *e);
