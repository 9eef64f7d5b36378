/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer of the store → the very tar it was unpacked from, byte by byte.
 *
 * Beside each layer's files lies its record (record.h): headers, padding and oddities of the tar,
 * and where in the files its payload is. Reading both together gives the tar again. What comes out
 * is hashed: the end is only reported when it is what the diff id says, so a damaged file is found
 * before anybody believes it.
 *
 * A layer that was unpacked without a record (STORE_EMPTY_LAYER has none) cannot be packed:
 * ERR_UNAVAILABLE, and the message says that pulling it again makes one.
 */
#pragma once

#include "store/store.h"

struct pack;

int pack_open(const struct store *s, const struct digest *diff_id, struct pack **ret,
              struct err *e);
/* Bytes of the whole tar. */
uint64_t pack_size(const struct pack *p);
/* Up to n bytes; *got = 0 is the end, and then the digest was right. ERR_CORRUPT names the file
 * that is missing, short, or (only at the end) says that the content is not what it was. */
int pack_read(struct pack *p, void *buf, size_t n, size_t *got, struct err *e);
void pack_free(struct pack *p); /* NULL is fine */
/* Is there a record to pack from? */
bool pack_possible(const struct store *s, const struct digest *diff_id);
