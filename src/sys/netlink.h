/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink: build requests in the caller's memory, send them, collect what the kernel says.
 *
 * Theory of operation
 *   A buffer holds any number of messages; they are numbered from 1 in the order they were begun,
 *   and go to the kernel in one send. rtnetlink handles each for itself; an nf_tables batch is one
 *   transaction. Only the last message asks for an acknowledgement: failures are reported
 *   unasked, so one round of receive calls tells all.
 *   The kernel answers within send(2), so that receiving never waits: an empty queue before the
 *   end of the answer is an error, not a reason to sleep.
 *   No heap, no libc beyond musl: also compiled into the static monitor.
 */
#pragma once

#include "base/err.h"
#include <linux/netlink.h>

struct netlink_buf {
    uint8_t *p; /* 4-byte aligned, caller-owned */
    size_t cap;
    size_t len;
    size_t msg; /* offset of the message being built */
    uint32_t seq;
    uint32_t optional; /* bit n: message n may fail */
    bool batch;        /* one transaction: may be refused as a whole, for its first message */
    bool full;         /* something did not fit; netlink_talk refuses */
};

#define NETLINK_BUF(mem) ((struct netlink_buf){.p = (uint8_t *)(mem), .cap = sizeof(mem)})

/* Begin a message with its family header (ifinfomsg, rtmsg, nfgenmsg…). NLM_F_REQUEST is added. */
void netlink_begin(struct netlink_buf *b, uint16_t type, uint16_t flags, const void *head,
                   size_t n);
void netlink_end(struct netlink_buf *b);
/* The message just ended may fail (one of the first 31, not the last). */
void netlink_optional(struct netlink_buf *b);
void netlink_put(struct netlink_buf *b, uint16_t type, const void *data, size_t n);
void netlink_put_u8(struct netlink_buf *b, uint16_t type, uint8_t v);
void netlink_put_u32(struct netlink_buf *b, uint16_t type, uint32_t v);
void netlink_put_str(struct netlink_buf *b, uint16_t type, const char *s);
/* Plain bytes inside a nest (veth's peer carries a bare ifinfomsg). */
void netlink_put_raw(struct netlink_buf *b, const void *data, size_t n);
size_t netlink_nest(struct netlink_buf *b, uint16_t type); /* returns the mark for the end */
void netlink_nest_end(struct netlink_buf *b, size_t mark);

/* What failed first: number of the message, negative errno, the kernel's own words or "". */
struct netlink_fail {
    uint32_t seq;
    int code;
    char text[120];
};

/* A NETLINK_ROUTE, NETLINK_NETFILTER… socket in our network namespace, with readable errors on.
 * fd or -errno. */
int netlink_open(int protocol);
/* The same options for a socket made elsewhere (netns_socket). */
void netlink_setup(int fd);
/* Send the buffer, hand every data message of the answer to fn (may be NULL; non-zero stops the
 * calls), return 0 or the first failure's negative errno with `fail` filled. */
int netlink_talk(int fd, struct netlink_buf *b, int (*fn)(const struct nlmsghdr *, void *),
                 void *data, struct netlink_fail *fail);
/* The family header of a received message. */
static inline const void *netlink_head(const struct nlmsghdr *h) {
    return (const uint8_t *)h + NLMSG_HDRLEN;
}
/* Attribute `type` of a received message whose family header has `head` bytes; NULL if missing or
 * malformed. */
const void *netlink_attr(const struct nlmsghdr *h, size_t head, uint16_t type, size_t *len);
/* The same inside a nest. */
const void *netlink_attr_in(const void *nest, size_t len, uint16_t type, size_t *ret_len);
/* 32-bit attribute or dflt. */
uint32_t netlink_attr_u32(const struct nlmsghdr *h, size_t head, uint16_t type, uint32_t dflt);
