/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nftables: rules as text through nft(8), elements of its maps through netlink.
 *
 * Theory of operation
 *   Rules are written seldom, and their netlink form is private to nft's developers: they go as
 *   text to nft(8). Elements are plain data, come and go with every box, and must not cost an
 *   exec: they are netlink messages in a batch, which the kernel takes whole or not at all.
 *   Family is always IPv4. Musl-safe, no heap.
 */
#pragma once

#include "base/err.h"
#include "sys/netlink.h"

/* Key and value as the registers hold them: every field padded to 4 bytes, network order. */
struct nft_elem {
    const char *table, *map;
    const void *key;
    size_t key_len;
    const void *value; /* NULL = a set, or a removal */
    size_t value_len;
};

void nft_batch_begin(struct netlink_buf *b);
void nft_batch_end(struct netlink_buf *b);
/* Add, failing with -EEXIST when the key is there. */
void nft_elem_create(struct netlink_buf *b, const struct nft_elem *el);
/* Remove; the batch fails with -ENOENT when it is missing. */
void nft_elem_remove(struct netlink_buf *b, const struct nft_elem *el);
/* Read one value back: 0, -ENOENT (no such key, map or table), -errno. value_len must match. */
int nft_elem_get(int fd, const struct nft_elem *el, void *value);

/* 1, 0 or -errno. fd: a NETLINK_NETFILTER socket. */
int nft_has_table(int fd, const char *table);
/* Run nft(8) on this text in our network namespace. ERR_UNAVAILABLE with the mend when nft is not
 * installed; else its own first words. */
int nft_run(const char *text, struct err *e);
