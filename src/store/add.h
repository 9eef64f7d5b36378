/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer whose diff id nobody knows yet (load, import, commit, build) → into the store, by the
 * same way as a pulled one: unpacked, hashed, recorded, synced, renamed into place.
 *
 *   add_begin → add_feed… → add_finish;  add_free at any time, and always at the end.
 *
 * Hold store_pulling() from before add_begin until image_commit: else gc may take the layer, which
 * no image needs yet.
 */
#pragma once

#include "store/store.h"
#include "store/want.h"

struct add;

struct add_want {
    struct digest blob, diff_id; /* what must come out; "" = not checked */
    uint64_t blob_size;          /* checked when blob is */
    uint64_t max_bytes;          /* 0 = UNPACK_MAX_BYTES */
    bool no_sync;                /* a throwaway store: not even a power cut matters */
};

/* With a diff id that is there already: 1, and *ret stays untouched. */
int add_begin(const struct store *s, const struct add_want *want, struct add **ret, struct err *e);
/* Compressed (gzip, zstd; told by its first bytes) or plain. */
int add_feed(struct add *a, const void *p, size_t n, struct err *e);
/* The layer is in the store: ret->diff_id names it, ret->blob is what was fed. */
int add_finish(struct add *a, struct unpack_result *ret, struct err *e);
void add_free(struct add *a); /* NULL is fine */
