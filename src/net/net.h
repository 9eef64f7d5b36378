/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks: definitions, address leases, and the plan that plugs a network namespace into one.
 *
 * Theory of operation
 *   net/ only ever sees a netns fd: it does not know whether a container or a QEMU lives there.
 *   The command takes a lease (a symlink <dir>/leases/<address> → container id: atomic, one
 *   winner) and composes a net plan: one flat record (netplan.h). The monitor turns it into netlink
 *   messages for the host side, the box side and the nftables elements of its published ports
 *   (net_attach), and takes the elements back at the end (net_detach); after a crash the sweep
 *   does the latter. Interfaces die with their netns; only the nft elements need undoing.
 *
 *   "The host side" is a netns fd too: the host's for root, the user's shared one (holder.h) when
 *   rootless, where pasta connects it to the world. Everything after that is the same code.
 *   A lease whose container is neither locked (running) nor present is free again.
 *
 * Static rules live in one nft table `hako` written once by nft(8); a published port is one map
 * element sent by netlink.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "spec/port.h"

enum net_mode { NET_BRIDGE, NET_NONE, NET_HOST, NET_CONTAINER };

struct network {
    char name[64];            /* "bridge" */
    char bridge[16];          /* interface, "hako0" */
    uint32_t subnet, gateway; /* IPv4, host byte order */
    int prefix;
    int mtu; /* 0 = kernel default */
};

struct lease {
    uint32_t address; /* host byte order */
    uint8_t mac[6];
    char ifname[16]; /* host end of the veth */
};

/* dirfd: hako's `net` directory. The default network is made on first use; its subnet avoids the
 * host's routes. */
int network_default(int netdir, struct network *ret, struct err *e);

/* Bridge, forwarding and nft table of `n` exist in the netns `host_netns` (-1 = ours) after this;
 * cheap when they already do. Needs CAP_NET_ADMIN there. */
int network_ensure(const struct network *n, int host_netns, struct err *e);

/* Reserve an address for container `id`. `in_use` tells whether an id is still alive. */
int lease_take(int netdir, const struct network *n, const char *id,
               bool (*in_use)(const char *id, void *data), void *data, struct lease *ret,
               struct err *e);
int lease_drop(int netdir, const struct network *n, const struct lease *l);
/* Free the addresses of containers that are gone. Only while none is being made. */
void lease_sweep(int netdir, bool (*in_use)(const char *id, void *data), void *data);

/* The net plan: bytes for the monitor. `ports`: those with `published` become map elements on the
 * host side; their host ports are chosen already (publish.h). The same for root and rootless:
 * there the elements serve the boxes among each other, and net/forward.h the outside. */
int net_plan_build(const struct network *n, const struct lease *l, const struct port_spec *ports,
                   size_t nports, struct arena *a, void **ret, size_t *ret_len, struct err *e);
/* Loopback only (--network none). */
int net_plan_none(struct arena *a, void **ret, size_t *ret_len, struct err *e);

/* In the monitor; child of nobody, no heap. host_netns -1 = ours. */
int net_attach(const void *plan, size_t len, int netns, int host_netns, struct err *e);
int net_detach(const void *plan, size_t len, int host_netns, struct err *e);
/* The same; *ret_sock is the socket to close later (untouched when there was nothing to undo). The
 * ports are free on return, but the kernel makes that close wait 10 ms for its readers. */
int net_detach_begin(const void *plan, size_t len, int host_netns, int *ret_sock, struct err *e);
