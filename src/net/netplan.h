/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The net plan as the monitor reads it: one flat record and its published ports.
 *
 * The command fills it (net_plan_build), netplan_open checks every field once, attach and detach
 * only turn fields into netlink messages. Plain fields instead of ready-made messages: the block
 * is 80 bytes and 12 per port, nothing must be patched, a dry run can print it, and detach can
 * tell its own map elements from those that another box made later.
 */
#pragma once

#include "base/err.h"
#include <net/if.h>

#define NETPLAN_MAGIC 0x31504e48U /* "HNP1" */
#define NETPLAN_MAX_PORTS 65535U

enum netplan_kind { NETPLAN_LOOPBACK = 1, NETPLAN_BRIDGE };

struct netplan_port {
    uint32_t host_address; /* host byte order; 0 = every address */
    uint16_t host_port, box_port;
    uint32_t proto; /* IPPROTO_* */
};

struct netplan {
    uint32_t magic;
    uint32_t size; /* of the block */
    uint32_t kind;
    uint32_t address, gateway; /* host byte order */
    uint32_t prefix, mtu;      /* mtu 0 = kernel default */
    char bridge[IFNAMSIZ], ifname[IFNAMSIZ];
    uint8_t mac[8]; /* 6 used */
    uint32_t nports;
    struct netplan_port port[];
};

/* Check a block; *ret points into it. ERR_CORRUPT names the field. */
int netplan_open(const void *block, size_t len, const struct netplan **ret, struct err *e);
