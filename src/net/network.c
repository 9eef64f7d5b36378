/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include "base/io.h"
#include "net/attach.h"
#include "net/ports.h"
#include "sys/netns.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/*
 * Every rule is written in terms of sets (bridges, subnets) and maps (published ports), so that
 * the table is written once and only elements come and go.
 *   guard       127/8 comes from the loopback alone: bridges route it (route_localnet), and a
 *               port published on 127.0.0.1 must not be had from outside by forged addresses
 *   publish     destination → box, by exact host address or by any of the host's own
 *   postrouting boxes appear to the world as the host; a box or 127.0.0.1 that reaches a box
 *               through a published port must get its answers back the same way
 *   forward     into a bridge only what belongs to a connection, to a published port, or comes
 *               from a box
 */
static const char table_text[] =
    "create table ip " NET_TABLE "\n"
    "table ip " NET_TABLE " {\n"
    " set bridges { type ifname; }\n"
    " set subnets { type ipv4_addr; flags interval; }\n"
    " map bound { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }\n"
    " map any { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
    " chain guard { type filter hook prerouting priority raw; policy accept;\n"
    "  iifname != \"lo\" ip daddr 127.0.0.0/8 drop\n"
    " }\n"
    " chain publish {\n"
    "  dnat ip to meta l4proto . ip daddr . th dport map @bound\n"
    "  fib daddr type local dnat ip to meta l4proto . th dport map @any\n"
    " }\n"
    " chain prerouting { type nat hook prerouting priority dstnat; policy accept;\n"
    "  jump publish\n"
    " }\n"
    " chain output { type nat hook output priority -100; policy accept;\n"
    "  jump publish\n"
    " }\n"
    " chain postrouting { type nat hook postrouting priority srcnat; policy accept;\n"
    "  ip saddr @subnets oifname != @bridges masquerade\n"
    "  oifname @bridges ip saddr 127.0.0.0/8 masquerade\n"
    "  oifname @bridges ip saddr @subnets ct status dnat masquerade\n"
    " }\n"
    " chain forward { type filter hook forward priority filter; policy accept;\n"
    "  oifname != @bridges accept\n"
    "  ct state established,related accept\n"
    "  ct status dnat accept\n"
    "  iifname @bridges accept\n"
    "  drop\n"
    " }\n"
    "}\n";

static int link_is_up(const struct network *n, int sock) {
    struct ifreq req = {0};

    memcpy(req.ifr_name, n->bridge, sizeof(req.ifr_name) - 1);
    if (ioctl(sock, SIOCGIFFLAGS, &req) < 0)
        return errno == ENODEV ? 0 : -errno;
    return (req.ifr_flags & IFF_UP) != 0;
}

/* The bridge is set up last and brought up last of all: up, and the table there = all is there. */
static int is_there(const struct network *n, int netns) {
    AUTO_FD int sock = netns < 0 ? netlink_open(NETLINK_NETFILTER)
                                 : netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    if (sock < 0)
        return sock;
    netlink_setup(sock);
    int r = link_is_up(n, sock);
    if (r == 1)
        r = nft_has_table(sock, NET_TABLE);
    return r;
}

static int make_rules(const struct network *n, struct err *e) {
    char text[sizeof(table_text) + 256];
    char elements[200];
    struct in_addr net = {htonl(n->subnet)};
    char subnet[INET_ADDRSTRLEN] = "";
    struct err first;

    AUTO_FD int sock = netlink_open(NETLINK_NETFILTER);
    if (sock < 0)
        return err_sysn(e, sock, "cannot reach the packet filter");
    inet_ntop(AF_INET, &net, subnet, sizeof(subnet));
    snprintf(elements, sizeof(elements),
             "add element ip " NET_TABLE " bridges { \"%s\" }\n"
             "add element ip " NET_TABLE " subnets { %s/%d }\n",
             n->bridge, subnet, n->prefix);
    if (nft_has_table(sock, NET_TABLE) != 1) {
        snprintf(text, sizeof(text), "%s%s", table_text, elements);
        if (nft_run(text, &first) == 0)
            return 0;
        /* `create` fails when another first run was quicker; then only the elements are ours. */
        if (nft_has_table(sock, NET_TABLE) != 1) {
            *e = first;
            return e->code;
        }
    }
    return nft_run(elements, e);
}

static int set_forwarding(struct err *e) {
    static const char path[] = "/proc/sys/net/ipv4/ip_forward";
    char now[16] = "";
    int r = io_read_line(AT_FDCWD, path, now, sizeof(now));

    if (r >= 0 && strcmp(now, "1") == 0)
        return 0;
    r = io_write_kernel(AT_FDCWD, path, "1");
    if (r < 0)
        return err_sysn(e, r, "cannot forward packets for boxes: set net.ipv4.ip_forward=1");
    return 0;
}

static void put_bridge(struct netlink_buf *b, const struct network *n) {
    struct ifinfomsg i = {0};
    /* A fixed address: else the bridge takes its lowest port's, and changes it with every box. */
    uint8_t mac[6] = {0x02, 0x42};
    uint32_t be = htonl(n->gateway);

    memcpy(mac + 2, &be, sizeof(be));
    netlink_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &i, sizeof(i));
    netlink_put_str(b, IFLA_IFNAME, n->bridge);
    netlink_put(b, IFLA_ADDRESS, mac, sizeof(mac));
    if (n->mtu > 0)
        netlink_put_u32(b, IFLA_MTU, (uint32_t)n->mtu);
    size_t info = netlink_nest(b, IFLA_LINKINFO);
    netlink_put_str(b, IFLA_INFO_KIND, "bridge");
    size_t data = netlink_nest(b, IFLA_INFO_DATA);
    /* Boxes have nobody to tell their groups to; the timers per port cost every attach. */
    netlink_put_u8(b, IFLA_BR_MCAST_SNOOPING, 0);
    netlink_nest_end(b, data);
    netlink_nest_end(b, info);
    netlink_end(b);
}

static void put_route_localnet(struct netlink_buf *b, int ifindex) {
    struct ifinfomsg i = {.ifi_index = ifindex};

    netlink_begin(b, RTM_SETLINK, NLM_F_ACK, &i, sizeof(i));
    size_t spec = netlink_nest(b, IFLA_AF_SPEC);
    size_t inet = netlink_nest(b, AF_INET);
    size_t conf = netlink_nest(b, IFLA_INET_CONF);
    netlink_put_u32(b, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
    netlink_nest_end(b, conf);
    netlink_nest_end(b, inet);
    netlink_nest_end(b, spec);
    netlink_end(b);
}

static int bridge_failed(const struct network *n, const struct netlink_fail *f, struct err *e) {
    return err_sysn(
        e, f->code, "cannot make bridge %s%s%s%s", n->bridge, f->text[0] ? ": " : "", f->text,
        f->code == -EPERM ? " (needs CAP_NET_ADMIN; or use --network none or host)" : "");
}

static int make_bridge(const struct network *n, int sock, int *ifindex, struct err *e) {
    _Alignas(4) uint8_t mem[512];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f = {0};
    struct ifreq req = {0};

    put_bridge(&b, n);
    if (netlink_talk(sock, &b, NULL, NULL, &f) < 0 && f.code != -EEXIST)
        return bridge_failed(n, &f, e);
    memcpy(req.ifr_name, n->bridge, sizeof(req.ifr_name) - 1);
    if (ioctl(sock, SIOCGIFINDEX, &req) < 0)
        return err_sys(e, "bridge %s", n->bridge);
    b = NETLINK_BUF(mem);
    attach_no_ipv6(&b, req.ifr_ifindex, NULL);
    put_route_localnet(&b, req.ifr_ifindex);
    if (netlink_talk(sock, &b, NULL, NULL, &f) < 0)
        return bridge_failed(n, &f, e);
    b = NETLINK_BUF(mem);
    attach_address(&b, req.ifr_ifindex, n->gateway, n->prefix, NLM_F_ACK);
    if (netlink_talk(sock, &b, NULL, NULL, &f) < 0 && f.code != -EEXIST)
        return bridge_failed(n, &f, e);
    *ifindex = req.ifr_ifindex;
    return 0;
}

static int make_all(const struct network *n, struct err *e) {
    _Alignas(4) uint8_t mem[256];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f = {0};
    int ifindex = 0;

    AUTO_FD int sock = netlink_open(NETLINK_ROUTE);
    if (sock < 0)
        return err_sysn(e, sock, "cannot reach the host's network");
    int r = make_bridge(n, sock, &ifindex, e);
    if (r == 0)
        r = make_rules(n, e);
    if (r == 0)
        r = set_forwarding(e);
    if (r < 0)
        return r;
    attach_link_up(&b, ifindex, NULL, NLM_F_ACK);
    if (netlink_talk(sock, &b, NULL, NULL, &f) < 0)
        return bridge_failed(n, &f, e);
    return 0;
}

/* nft(8) and /proc/sys look at the namespace of the process: go there in a child. */
static int make_all_in(const struct network *n, int netns, struct err *e) {
    int p[2];

    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    AUTO_FD int from = p[0];
    AUTO_FD int to = p[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0) {
        struct err mine = {0};
        if (setns(netns, CLONE_NEWNET) < 0)
            err_sys(&mine, "cannot enter the network namespace");
        else
            make_all(n, &mine);
        io_write_all(to, &mine, sizeof(mine));
        _exit(0);
    }
    struct err theirs = {0};
    fd_close(&to);
    ssize_t got = io_read_full(from, &theirs, sizeof(theirs));
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (got != sizeof(theirs))
        return err_set(e, ERR_INTERNAL, -ECHILD, "setting up bridge %s: the helper died",
                       n->bridge);
    if (theirs.code < 0)
        *e = theirs;
    return theirs.code;
}

int network_ensure(const struct network *n, int host_netns, struct err *e) {
    int r = is_there(n, host_netns);

    if (r == 1)
        return 0;
    if (r < 0 && r != -EPERM)
        return err_sysn(e, r, "cannot look at bridge %s", n->bridge);
    return host_netns < 0 ? make_all(n, e) : make_all_in(n, host_netns, e);
}
