/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attach and network_ensure both say to rtnetlink.
 */
#pragma once

#include "net/netplan.h"
#include "sys/netlink.h"

/* No IPv6 address generation on this link: nothing routes IPv6 yet, and every link-local address
 * costs duplicate detection and multicast memberships. Fails harmlessly without IPv6. */
void attach_no_ipv6(struct netlink_buf *b, int ifindex, const char *ifname);
/* Interface by index, or by name when that is 0: set IFF_UP. */
void attach_link_up(struct netlink_buf *b, int ifindex, const char *ifname, uint16_t flags);
void attach_address(struct netlink_buf *b, int ifindex, uint32_t address, int prefix,
                    uint16_t flags);
