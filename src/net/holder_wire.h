/* SPDX-License-Identifier: Apache-2.0 */
/* What a command and the holder say to each other, and how the holder gets to the world. */
#pragma once

#include "net/holder.h"

#define HOLDER_MAGIC 0x31444c48U /* "HLD1" */

struct holder_request {
    uint32_t magic;
    uint32_t wants_network; /* 0: the namespaces alone */
    struct network network;
};

/* With code 0 the user and the network namespace come along. */
struct holder_reply {
    struct err err;
    char warning[256];
};

/* Start pasta(1) between `netns` and the world and wait until it has done its set-up.
 * 0 and a pidfd; or *ret_pidfd = -1 and `warning` when it gave up (the boxes still reach each
 * other); or an error when it is not installed. */
int pasta_start(int userns, int netns, int *ret_pidfd, char warning[256], struct err *e);
/* The reason in what pasta wrote: its last line of substance. */
void pasta_reason(const char *text, char *buf, size_t size);
