/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compressed layer → a directory that overlayfs can use, both digests checked.
 *
 * Theory of operation
 *   caller's thread:  unpack_feed → SHA-256 of the blob → inflate (gzip, zstd, none; by magic)
 *                       → unpack_pipe (four chunks)
 *   second thread:    → SHA-256 of the tar → libarchive's reader → unpack_write (own writer)
 *
 *   Nothing is trusted: names are cut into components here, every parent is opened with
 *   RESOLVE_IN_ROOT beneath the layer, every leaf is made with O_EXCL or *at() calls that do not
 *   follow. Bytes and entries are bounded. What went wrong is one struct err that names the layer;
 *   the directory is then worthless and the caller's to remove.
 *
 *   A damaged stream is still hashed to its end: if the digest is wrong too, that is the message,
 *   because it says that the transfer, not the image, is at fault.
 *
 *   Owners, devices and extended attributes need privileges over the directory: root, or root of
 *   the user's namespace. Ids that a namespace of a single id cannot hold become root's; devices
 *   are left out where mknod is refused.
 */
#pragma once

#include "store/want.h"

struct unpack;

int unpack_start(const struct unpack_want *want, struct unpack **ret, struct err *e);
/* More of the blob. After a failure only unpack_free is left to call. */
int unpack_feed(struct unpack *u, const void *p, size_t n, struct err *e);
/* Bytes fed so far: where a broken download goes on. */
uint64_t unpack_fed(const struct unpack *u);
/* The blob is complete: wait for the writer and compare. */
int unpack_finish(struct unpack *u, struct unpack_result *ret, struct err *e);
/* Stops the second thread when it still runs. NULL is fine. */
void unpack_free(struct unpack *u);
