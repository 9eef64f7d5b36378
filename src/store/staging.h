/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Things being made or unmade in store/tmp: <key>.d is the thing, a flock on <key>.lock says that
 * somebody lives who works on it. A free lock means that its worker died: the sweep removes both.
 *
 * The lock file is unlinked by its holder, so whoever gets a lock makes sure that the file is still
 * the one that the name leads to.
 */
#pragma once

#include "store/store.h"

#define STAGING_KEY_MAX 152

/* Lock `key` and make <key>.d, empty. Waits for another holder, or with wait = false gives -EAGAIN
 * (and fills no error). */
int staging_begin(const struct store *s, const char *key, bool wait, int *ret_lockfd,
                  struct err *e);
/* <key>.d is gone (renamed) or can go: removes what is left and frees the lock. */
void staging_end(const struct store *s, const char *key, int *lockfd);
/* Create or replace file `name` of `dirfd` by way of tmp: whoever is killed leaves nothing behind.
 * Not durable. With wait = false -EAGAIN (no error filled) while another writes with this key. */
int staging_replace(const struct store *s, const char *key, bool wait, int dirfd, const char *name,
                    const void *p, size_t n, struct err *e);
/* Move store directory entry `name` of `dirfd` into tmp and remove it there: it is gone at once,
 * even when the removal itself is cut short. */
int staging_discard(const struct store *s, int dirfd, const char *name, struct err *e);
/* Remove what dead processes left. Failures are left for the next sweep. */
void staging_sweep(const struct store *s);
