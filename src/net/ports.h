/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports as elements of the maps of table `hako` (network.c has its rules). */
#pragma once

#include "net/netplan.h"
#include "sys/nft.h"

#define NET_TABLE "hako"

/* sock: NETLINK_NETFILTER, where the bridge is. All or nothing; ERR_CONFLICT in docker's words
 * names the port that another box has. */
int ports_publish(const struct netplan *p, int sock, struct err *e);
/* Take out what is ours; what is not there, or is another box's by now, is no failure. */
int ports_unpublish(const struct netplan *p, int sock, struct err *e);

/* Storage of one map element. */
struct ports_elem {
    uint32_t key[3], value[2];
    struct nft_elem elem; /* points to the above: do not copy */
};
void ports_elem(const struct netplan *p, const struct netplan_port *port, struct ports_elem *ret);
