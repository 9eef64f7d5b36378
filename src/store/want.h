/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of unpacking, and what came of it. */
#pragma once

#include "base/err.h"
#include "spec/digest.h"

#define UNPACK_MAX_BYTES ((uint64_t)64 << 30)
#define UNPACK_MAX_ENTRIES ((uint64_t)8 << 20)

struct unpack_want {
    int dirfd;                   /* empty directory, the layer's root */
    bool userxattr;              /* overlay attributes as user.*, not trusted.* */
    bool hollow;                 /* files get their size and no content: to compare with */
    bool record;                 /* keep what pack.h needs, in homefd */
    int homefd;                  /* directory that holds the layer's root, same file system */
    struct digest blob, diff_id; /* what must come out; "" = not checked */
    uint64_t blob_size;          /* checked when blob is */
    uint64_t max_bytes;          /* 0 = UNPACK_MAX_BYTES */
    uint64_t max_entries;        /* 0 = UNPACK_MAX_ENTRIES */
};

struct unpack_result {
    uint64_t size;               /* bytes of regular files */
    uint64_t entries;            /* of the archive */
    uint64_t skipped;            /* devices that we may not make */
    struct digest blob, diff_id; /* as computed */
};
