/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world of network namespaces for the net tests: the test process unshares its own, which
 * plays the host, with a wire ("wan", 198.51.100.1) to a namespace that plays the outside
 * (198.51.100.2). The machine's own network is never touched, and all vanishes with the process.
 */
#pragma once

#include "net/attach.h"
#include "net/net.h"
#include "sys/netns.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cmocka.h>

#define IP(a, b, c, d)                                                                             \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define WAN_HOST IP(198, 51, 100, 1)
#define WAN_OUTSIDE IP(198, 51, 100, 2)
#define LOCALHOST IP(127, 0, 0, 1)

#define must(call, e)                                                                              \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, (e)->msg);                                                   \
    } while (0)

static inline int world_ifindex(int sock, const char *name) {
    struct ifreq req = {0};
    memcpy(req.ifr_name, name, strlen(name));
    return ioctl(sock, SIOCGIFINDEX, &req) < 0 ? 0 : req.ifr_ifindex;
}

static inline void world_talk(int sock, struct netlink_buf *b) {
    struct netlink_fail f;
    if (netlink_talk(sock, b, NULL, NULL, &f) < 0)
        fail_msg("message %u: %d %s", f.seq, f.code, f.text);
}

static inline void world_up(int sock, const char *name, uint32_t address, int prefix,
                            uint32_t gateway) {
    uint8_t mem[512] __attribute__((aligned(4)));
    struct netlink_buf b = NETLINK_BUF(mem);
    struct rtmsg route = {.rtm_family = AF_INET,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_BOOT,
                          .rtm_type = RTN_UNICAST};
    int i = world_ifindex(sock, name);

    attach_link_up(&b, 1, NULL, 0);
    attach_address(&b, i, address, prefix, 0);
    attach_link_up(&b, i, NULL, NLM_F_ACK);
    if (gateway) {
        netlink_begin(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &route, sizeof(route));
        netlink_put_u32(&b, RTA_GATEWAY, htonl(gateway));
        netlink_end(&b);
    }
    world_talk(sock, &b);
}

/* Returns the outside. */
static inline int world_make(void) {
    uint8_t mem[512] __attribute__((aligned(4)));
    struct netlink_buf b = NETLINK_BUF(mem);
    struct ifinfomsg none = {0};

    assert_int_equal(unshare(CLONE_NEWNET), 0);
    int outside = netns_new();
    assert_true(outside >= 0);
    int host = netlink_open(NETLINK_ROUTE);
    netlink_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &none, sizeof(none));
    netlink_put_str(&b, IFLA_IFNAME, "wan");
    size_t info = netlink_nest(&b, IFLA_LINKINFO);
    netlink_put_str(&b, IFLA_INFO_KIND, "veth");
    size_t data = netlink_nest(&b, IFLA_INFO_DATA);
    size_t peer = netlink_nest(&b, VETH_INFO_PEER);
    netlink_put_raw(&b, &none, sizeof(none));
    netlink_put_str(&b, IFLA_IFNAME, "wan");
    netlink_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)outside);
    netlink_nest_end(&b, peer);
    netlink_nest_end(&b, data);
    netlink_nest_end(&b, info);
    netlink_end(&b);
    world_talk(host, &b);
    world_up(host, "wan", WAN_HOST, 24, 0);
    close(host);
    int out = netns_socket(outside, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    /* The outside knows the way to the boxes, as a neighbour on the same wire could. */
    world_up(out, "wan", WAN_OUTSIDE, 24, WAN_HOST);
    close(out);
    return outside;
}

/* netns -1 = the host of this world. */
static inline int world_socket(int netns, int type) {
    int s =
        netns < 0 ? socket(AF_INET, type | SOCK_CLOEXEC, 0) : netns_socket(netns, AF_INET, type, 0);
    assert_true(s >= 0);
    return s;
}

static inline struct sockaddr_in world_addr(uint32_t address, uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(address), .sin_port = htons(port)};
}

static inline int world_listen(int netns, int type, uint16_t port) {
    struct sockaddr_in a = world_addr(INADDR_ANY, port);
    int s = world_socket(netns, type);
    const int one = 1;

    if (type == SOCK_STREAM)
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(s, 8), 0);
    return s;
}

static inline bool world_ready(int fd, short events, int ms) {
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, ms) == 1;
}

/* Connected socket or -errno. */
static inline int world_connect(int netns, uint32_t address, uint16_t port, int ms) {
    struct sockaddr_in a = world_addr(address, port);
    int s = world_socket(netns, SOCK_STREAM | SOCK_NONBLOCK);
    int code = 0;
    socklen_t n = sizeof(code);

    if (connect(s, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS)
        code = errno;
    else if (!world_ready(s, POLLOUT, ms))
        code = ETIMEDOUT;
    else
        getsockopt(s, SOL_SOCKET, SO_ERROR, &code, &n);
    if (code == 0) {
        fcntl(s, F_SETFL, 0);
        return s;
    }
    close(s);
    return -code;
}

/* Does `from` reach this listener through address:port? *peer: who it seems to be. */
static inline bool world_reaches(int from, uint32_t address, uint16_t port, int listener,
                                 uint32_t *peer) {
    struct sockaddr_in who = {0};
    socklen_t n = sizeof(who);
    char c = 0;
    int s = world_connect(from, address, port, 1000);

    if (s < 0)
        return false;
    bool ok = world_ready(listener, POLLIN, 1000);
    int t = ok ? accept4(listener, (struct sockaddr *)&who, &n, SOCK_CLOEXEC) : -1;
    ok = t >= 0 && write(s, "x", 1) == 1 && read(t, &c, 1) == 1 && write(t, "y", 1) == 1 &&
         read(s, &c, 1) == 1 && c == 'y';
    if (peer)
        *peer = ntohl(who.sin_addr.s_addr);
    close(s);
    if (t >= 0)
        close(t);
    return ok;
}
