/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories → tar. Deterministic: names in byte order, parents before children, the same bytes
 * for the same tree. pax headers where ustar is too narrow (long names, huge ids and sizes,
 * nanoseconds, extended attributes as SCHILY.xattr.*); everybody reads these. Holes are written as
 * zeros: docker and podman do the same, and every reader understands it. Sockets are left out.
 *
 * Layers of the store are packed exactly by pack.h; this is for trees that never were a tar.
 * Needs the privileges that the files need: root, or root of the user's namespace.
 */
#pragma once

#include "store/snapshot.h"
#include "store/tar.h"

struct snapshot_tar_options {
    /* Paths without a leading "/" (sorted or not) that are left out when they are an empty file or
     * an empty directory: what an engine made to mount something there. */
    const char *const *mount_points;
    size_t n_mount_points;
};

/* A new layer: what `upper`, an overlayfs upper directory, changes. Whiteouts become ".wh.name",
 * opaque directories get ".wh..wh..opq"; overlayfs' own attributes stay behind. */
int snapshot_tar_diff(int upperfd, const struct snapshot_tar_options *o,
                      const struct tar_sink *sink, struct err *e);
/* The merged tree, as the container sees it, without mounting: `docker export`. */
int snapshot_tar_export(const struct snapshot *sn, const struct snapshot_tar_options *o,
                        const struct tar_sink *sink, struct err *e);
