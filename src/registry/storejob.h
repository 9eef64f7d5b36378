/* SPDX-License-Identifier: Apache-2.0 */
/* Work on the store alone that needs this module's libraries: a container becomes an image, and the
 * store is checked. */
#pragma once

#include "store/check.h"
#include "store/snapshot_tar.h"

struct ref;
struct str;

/* `hako commit`: what a container has changed becomes a layer on top of its image's. */
struct commit_request {
    int upperfd;                   /* the container's upper directory */
    const struct snapshot *squash; /* not NULL: instead, all of it becomes one layer */
    struct snapshot_tar_options omit;
    const char *config; /* JSON: the new image's configuration with its base's rootfs
                           and history, which grow here by one entry (squash: are
                           replaced) */
    const char *created_by, *comment, *author; /* of that entry; NULL = left out */
    const struct ref *ref;                     /* NULL: untagged */
    const struct store *store;
    int userns_fd;
};

struct commit_result {
    struct digest id, diff_id; /* diff_id "": nothing had changed, no layer was added */
};

int storejob_commit(const struct commit_request *rq, struct commit_result *ret, struct err *e);

/* `hako system check`. `reply`: one JSON object per finding and line:
 * {"kind": "damaged", "what": …, "why": …, "image": …, "pull": …, "repaired": true} */
struct check_request {
    const struct store *store;
    int userns_fd;
    bool quick, repair;
    const char *const *used; /* ids of images that containers use */
    size_t n_used;
};

int storejob_check(const struct check_request *rq, struct check_result *ret, struct str *reply,
                   struct err *e);
/* The word of a finding's kind: "missing", "damaged", "changed", "unrecorded", "unused", "broken",
 * "dangling". */
const char *storejob_kind(enum check_kind kind);
