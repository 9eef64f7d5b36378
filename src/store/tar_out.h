/* SPDX-License-Identifier: Apache-2.0 */
/* Writer of tar streams: ustar where it is wide enough, pax headers before it where it is not. */
#pragma once

#include "store/tar.h"

struct tar_out {
    const struct tar_sink *sink;
    struct str pax; /* reused */
};

/* Header of an entry; its payload (entry->size for '0') has to follow. */
int tar_out_entry(struct tar_out *t, const struct tar_entry *entry, struct err *e);
/* `size` bytes of fd from its beginning, with padding. A file that has become shorter is filled up
 * with zeros: the header has gone out already. */
int tar_out_file(struct tar_out *t, int fd, uint64_t size, const char *name, struct err *e);
int tar_out_end(struct tar_out *t, struct err *e);
void tar_out_done(struct tar_out *t);
