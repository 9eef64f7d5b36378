/* SPDX-License-Identifier: Apache-2.0 */
#include "net/attach.h"

#include "base/str.h"
#include "net/net.h"
#include "net/ports.h"
#include "sys/netns.h"
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define BOX_IFNAME "eth0"
#define SETTLE_MS 200

void attach_no_ipv6(struct netlink_buf *b, int ifindex, const char *ifname) {
    struct ifinfomsg i = {.ifi_index = ifindex};

    netlink_begin(b, RTM_SETLINK, 0, &i, sizeof(i));
    if (ifindex == 0)
        netlink_put_str(b, IFLA_IFNAME, ifname);
    size_t spec = netlink_nest(b, IFLA_AF_SPEC);
    size_t inet6 = netlink_nest(b, AF_INET6);
    netlink_put_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    netlink_nest_end(b, inet6);
    netlink_nest_end(b, spec);
    netlink_end(b);
    netlink_optional(b);
}

void attach_link_up(struct netlink_buf *b, int ifindex, const char *ifname, uint16_t flags) {
    struct ifinfomsg i = {.ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

    netlink_begin(b, RTM_SETLINK, flags, &i, sizeof(i));
    if (ifindex == 0)
        netlink_put_str(b, IFLA_IFNAME, ifname);
    netlink_end(b);
}

void attach_address(struct netlink_buf *b, int ifindex, uint32_t address, int prefix,
                    uint16_t flags) {
    struct ifaddrmsg m = {
        .ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = (uint32_t)ifindex};

    netlink_begin(b, RTM_NEWADDR, (uint16_t)(flags | NLM_F_CREATE | NLM_F_EXCL), &m, sizeof(m));
    netlink_put_u32(b, IFA_LOCAL, htonl(address));
    netlink_put_u32(b, IFA_ADDRESS, htonl(address));
    netlink_put_u32(b, IFA_BROADCAST, htonl(address | (uint32_t)(UINT64_C(0xffffffff) >> prefix)));
    netlink_end(b);
}

static int failed(struct err *e, const struct netlink_fail *f, const char *doing) {
    return err_sysn(e, f->code, "%s%s%s", doing, f->text[0] ? ": " : "", f->text);
}

/* --- the host end ----------------------------------------------------------------------------- */

static void put_queues(struct netlink_buf *b, uint32_t mtu) {
    /* One queue each: a box gains nothing from more, and each costs memory and set-up time. */
    netlink_put_u32(b, IFLA_NUM_TX_QUEUES, 1);
    netlink_put_u32(b, IFLA_NUM_RX_QUEUES, 1);
    if (mtu > 0)
        netlink_put_u32(b, IFLA_MTU, mtu);
}

static void put_veth(struct netlink_buf *b, const struct netplan *p, const char *ifname, int bridge,
                     int netns) {
    struct ifinfomsg i = {0};

    netlink_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
    netlink_put_str(b, IFLA_IFNAME, ifname);
    put_queues(b, p->mtu);
    netlink_put_u32(b, IFLA_MASTER, (uint32_t)bridge);
    size_t info = netlink_nest(b, IFLA_LINKINFO);
    netlink_put_str(b, IFLA_INFO_KIND, "veth");
    size_t data = netlink_nest(b, IFLA_INFO_DATA);
    size_t peer = netlink_nest(b, VETH_INFO_PEER);
    netlink_put_raw(b, &i, sizeof(i));
    netlink_put_str(b, IFLA_IFNAME, BOX_IFNAME);
    netlink_put(b, IFLA_ADDRESS, p->mac, 6);
    put_queues(b, p->mtu);
    netlink_put_u32(b, IFLA_NET_NS_FD, (uint32_t)netns);
    netlink_nest_end(b, peer);
    netlink_nest_end(b, data);
    netlink_nest_end(b, info);
    netlink_end(b);
}

/* With br_netfilter in the kernel a box that reaches its own published port is sent back through
 * the bridge port it came from, which bridges refuse unless told. */
static void put_hairpin(struct netlink_buf *b, const char *ifname) {
    struct ifinfomsg i = {0};

    netlink_begin(b, RTM_NEWLINK, 0, &i, sizeof(i));
    netlink_put_str(b, IFLA_IFNAME, ifname);
    size_t info = netlink_nest(b, IFLA_LINKINFO);
    netlink_put_str(b, IFLA_INFO_SLAVE_KIND, "bridge");
    size_t data = netlink_nest(b, IFLA_INFO_SLAVE_DATA);
    netlink_put_u8(b, IFLA_BRPORT_MODE, 1);
    netlink_nest_end(b, data);
    netlink_nest_end(b, info);
    netlink_end(b);
    netlink_optional(b);
}

/* Interface number by name in the namespace of this socket; 0 when there is none. */
static int ifindex_of(int sock, const char *ifname) {
    struct ifreq req = {0};

    memcpy(req.ifr_name, ifname, strnlen(ifname, IFNAMSIZ - 1));
    return ioctl(sock, SIOCGIFINDEX, &req) < 0 ? 0 : req.ifr_ifindex;
}

static int attach_host(const struct netplan *p, int sock, int netns, char ret_name[IFNAMSIZ],
                       struct err *e) {
    _Alignas(4) uint8_t mem[768];
    struct netlink_fail f = {0};
    int bridge = ifindex_of(sock, p->bridge);

    if (bridge == 0)
        return err_set(e, ERR_UNAVAILABLE, -ENODEV,
                       "bridge %s has vanished; run the command again to make it anew", p->bridge);
    /* A box that starts again at once may find the last one's link still there: the kernel takes
     * namespaces down in its own time. Any free name will do. */
    for (int i = 0; i <= 26; i++) {
        struct netlink_buf b = NETLINK_BUF(mem);
        char ifname[IFNAMSIZ] = {0};
        size_t n = strnlen(p->ifname, IFNAMSIZ - 2);

        memcpy(ifname, p->ifname, n);
        ifname[n] = i == 0 ? '\0' : (char)('a' + i - 1);
        put_veth(&b, p, ifname, bridge, netns);
        attach_no_ipv6(&b, 0, ifname);
        if (p->nports > 0)
            put_hairpin(&b, ifname);
        attach_link_up(&b, 0, ifname, NLM_F_ACK);
        netlink_talk(sock, &b, NULL, NULL, &f);
        if (f.code == -EEXIST && f.seq == 1)
            continue;
        if (f.code == 0) {
            memcpy(ret_name, ifname, IFNAMSIZ);
            return 0;
        }
        if (f.code == -EXFULL)
            return err_set(e, ERR_NO_SPACE, f.code,
                           "bridge %s is full: the kernel gives a bridge 1023 ports", p->bridge);
        return failed(e, &f, "cannot plug the box into its bridge");
    }
    return failed(e, &f, "cannot name the box's link");
}

static void put_look(struct netlink_buf *b, const char *ifname, uint16_t flags) {
    struct ifinfomsg i = {0};

    netlink_begin(b, RTM_GETLINK, flags, &i, sizeof(i));
    netlink_put_str(b, IFLA_IFNAME, ifname);
    netlink_put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    netlink_end(b);
}

struct look {
    const char *bridge;
    int waiting; /* links that the kernel has not caught up with */
};

static int take_look(const struct nlmsghdr *h, void *data) {
    struct look *l = data;
    size_t n = 0, k = 0;
    const uint8_t *state = netlink_attr(h, sizeof(struct ifinfomsg), IFLA_OPERSTATE, &n);
    const char *name = netlink_attr(h, sizeof(struct ifinfomsg), IFLA_IFNAME, &k);

    if (h->nlmsg_type != RTM_NEWLINK || !state || n == 0 || !name)
        return 0;
    /* A bridge that never lost its carrier has never been looked after: it works. */
    bool untouched = *state == IF_OPER_UNKNOWN && strncmp(name, l->bridge, k) == 0;
    if (*state == IF_OPER_UP || untouched)
        l->waiting--;
    return 0;
}

static bool is_settled(const struct netplan *p, int sock, const char *ifname) {
    _Alignas(4) uint8_t mem[256];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct look l = {.bridge = p->bridge, .waiting = 2};

    put_look(&b, ifname, 0);
    put_look(&b, p->bridge, NLM_F_ACK);
    return netlink_talk(sock, &b, take_look, &l, NULL) < 0 || l.waiting <= 0;
}

/* A link that was opened before its peer sends nothing until the kernel's link watch has seen the
 * carrier, in its own time: the first packets to the box would be lost, and a lost packet costs a
 * second. Looking at a link makes kernels since 6.8 catch up at once; of older ones we hear when
 * they have. Too late is no failure. */
static void settle(const struct netplan *p, int sock, const char *ifname) {
    const int group = RTNLGRP_LINK;
    int64_t end;

    if (is_settled(p, sock, ifname) ||
        setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
        return;
    end = now_mono_ns() + INT64_C(1000000) * SETTLE_MS;
    while (!is_settled(p, sock, ifname)) {
        struct pollfd f = {.fd = sock, .events = POLLIN};
        int64_t left = (end - now_mono_ns()) / 1000000;
        if (left <= 0 || poll(&f, 1, (int)left) == 0)
            return;
    }
}

/* --- the box end ------------------------------------------------------------------------------ */

static int attach_box(const struct netplan *p, int netns, struct err *e) {
    _Alignas(4) uint8_t mem[512];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f = {0};
    bool bridged = p->kind == NETPLAN_BRIDGE;

    AUTO_FD int sock = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (sock < 0)
        return err_sysn(e, sock, "cannot enter the box's network namespace");
    netlink_setup(sock);

    attach_link_up(&b, 1, NULL, bridged ? 0 : NLM_F_ACK); /* the loopback is always number 1 */
    if (bridged) {
        int eth = ifindex_of(sock, BOX_IFNAME);
        struct rtmsg route = {.rtm_family = AF_INET,
                              .rtm_table = RT_TABLE_MAIN,
                              .rtm_protocol = RTPROT_BOOT,
                              .rtm_scope = RT_SCOPE_UNIVERSE,
                              .rtm_type = RTN_UNICAST};
        if (eth == 0)
            return err_set(e, ERR_INTERNAL, -ENODEV, "the box has lost its network link");
        attach_no_ipv6(&b, eth, NULL);
        attach_address(&b, eth, p->address, (int)p->prefix, 0);
        attach_link_up(&b, eth, NULL, 0);
        netlink_begin(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &route, sizeof(route));
        netlink_put_u32(&b, RTA_GATEWAY, htonl(p->gateway));
        netlink_put_u32(&b, RTA_OIF, (uint32_t)eth);
        netlink_end(&b);
    }
    netlink_talk(sock, &b, NULL, NULL, &f);
    if (f.code != 0)
        return failed(e, &f, "cannot set up the network inside the box");
    return 0;
}

static int netfilter_socket(int host_netns, struct err *e) {
    int fd = host_netns < 0 ? netlink_open(NETLINK_NETFILTER)
                            : netns_socket(host_netns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    if (fd < 0)
        return err_sysn(e, fd, "cannot reach the packet filter");
    if (host_netns >= 0)
        netlink_setup(fd);
    return fd;
}

/* --- the two calls ---------------------------------------------------------------------------- */

static int plug(const struct netplan *p, int netns, int host_netns, struct err *e) {
    char ifname[IFNAMSIZ] = "";
    AUTO_FD int host = host_netns < 0
                           ? netlink_open(NETLINK_ROUTE)
                           : netns_socket(host_netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (host < 0)
        return err_sysn(e, host, "cannot reach the host's network");
    netlink_setup(host);
    int r = attach_host(p, host, netns, ifname, e);
    if (r == 0)
        r = attach_box(p, netns, e);
    if (r == 0)
        settle(p, host, ifname);
    return r;
}

int net_attach(const void *plan, size_t len, int netns, int host_netns, struct err *e) {
    const struct netplan *p = NULL;
    int r = netplan_open(plan, len, &p, e);

    if (r < 0)
        return r;
    r = p->kind == NETPLAN_BRIDGE ? plug(p, netns, host_netns, e) : attach_box(p, netns, e);
    if (r < 0 || p->nports == 0)
        return r;
    AUTO_FD int filter = netfilter_socket(host_netns, e);
    return filter < 0 ? filter : ports_publish(p, filter, e);
}

int net_detach_begin(const void *plan, size_t len, int host_netns, int *ret_sock, struct err *e) {
    const struct netplan *p = NULL;
    int r = netplan_open(plan, len, &p, e);

    if (r < 0 || p->nports == 0)
        return r;
    AUTO_FD int filter = netfilter_socket(host_netns, e);
    r = filter < 0 ? filter : ports_unpublish(p, filter, e);
    if (r == 0)
        *ret_sock = TAKE_FD(filter);
    return r;
}

int net_detach(const void *plan, size_t len, int host_netns, struct err *e) {
    AUTO_FD int sock = -1;
    return net_detach_begin(plan, len, host_netns, &sock, e);
}
