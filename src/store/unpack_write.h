/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of a layer → files, without trusting one name.
 *
 * A name is cut into components first: "." goes, ".." is refused, a leading "/" means the layer's
 * root. The parent is opened with RESOLVE_IN_ROOT (a symlink that an earlier entry made may lead
 * anywhere inside the layer, never outside) and kept for the entries that follow. The leaf is made
 * exclusively; what is in the way is removed first.
 *
 * Missing parents are made as root's with mode 0755. Modes after owners (chown clears set-id
 * bits), attributes after modes, times last; times of directories when all is done.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "store/record.h"
#include "store/tar.h"
#include "store/unpack_lost.h"

#include <limits.h>
#include <time.h>

struct unpack_dir_time {
    size_t path; /* offset in paths */
    struct timespec mtime;
};

struct unpack_write {
    int rootfd; /* borrowed */
    bool userxattr;
    bool one_id;   /* the user namespace holds a single id: everything is root's */
    bool hollow;   /* files without content */
    bool replaced; /* a directory has given way to something else */
    uint64_t max_bytes;
    uint64_t bytes, skipped;
    struct record_writer *record; /* borrowed; NULL = none is kept */
    struct unpack_lost lost;      /* with a record: where replaced files go */

    int parentfd; /* of `parent`, -1 = none */
    char parent[PATH_MAX];
    char real_parent[PATH_MAX]; /* the same without symlinks: for the record */

    struct str paths; /* of directories, NUL-separated */
    struct unpack_dir_time *dirs;
    size_t ndirs, cap_dirs;
};

void unpack_write_init(struct unpack_write *w, int rootfd, bool userxattr, uint64_t max_bytes);
void unpack_write_done(struct unpack_write *w);
/* One entry; regular files read their data from `tar`. */
int unpack_write_entry(struct unpack_write *w, struct tar *tar, const struct tar_entry *entry,
                       struct err *e);
/* After the last one. */
int unpack_write_finish(struct unpack_write *w, struct err *e);

/* Clean `name` into a relative path ("" = the root). ERR_CORRUPT. For tests. */
int unpack_write_clean(const char *name, char out[static PATH_MAX], struct err *e);
