/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes really plugged in: needs root; everything happens in namespaces of the test's own. */
#include "networld.h"

#include "base/str.h"
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/wait.h>

struct box {
    int netns;
    struct lease lease;
    void *plan;
    size_t len;
    struct arena *arena;
};

struct world {
    int outside;
    char dir[32];
    int netdir;
    struct network net;
};

static bool nobody_alive(const char *id, void *data) {
    (void)id;
    (void)data;
    return true;
}

static int setup(void **state) {
    static struct world w;
    struct err e = {0};

    if (geteuid() != 0)
        return 0;
    w.outside = world_make();
    snprintf(w.dir, sizeof(w.dir), "/tmp/hako-net-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    w.netdir = open(w.dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    must(network_default(w.netdir, &w.net, &e), &e);
    must(network_ensure(&w.net, -1, &e), &e);
    *state = &w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    if (!w)
        return 0;
    int dir = openat(w->netdir, "leases", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    unlinkat(dir, ".next", 0);
    close(dir);
    unlinkat(w->netdir, "leases", AT_REMOVEDIR);
    unlinkat(w->netdir, "bridge", 0);
    unlinkat(w->netdir, "lock", 0);
    close(w->netdir);
    close(w->outside);
    return rmdir(w->dir);
}

static struct world *root_world(void **state) {
    if (!*state) {
        print_message("needs root for network namespaces\n");
        skip();
    }
    return *state;
}

static struct box box_make(struct world *w, const char *id, const struct port_spec *ports,
                           size_t n) {
    struct box b = {.arena = arena_new()};
    struct err e = {0};

    must(lease_take(w->netdir, &w->net, id, nobody_alive, NULL, &b.lease, &e), &e);
    must(net_plan_build(&w->net, &b.lease, ports, n, b.arena, &b.plan, &b.len, &e), &e);
    b.netns = netns_new();
    assert_true(b.netns >= 0);
    return b;
}

static struct box box_attach(struct world *w, const char *id, const struct port_spec *ports,
                             size_t n) {
    struct box b = box_make(w, id, ports, n);
    struct err e = {0};
    must(net_attach(b.plan, b.len, b.netns, -1, &e), &e);
    return b;
}

static void box_end(struct world *w, struct box *b) {
    struct err e = {0};
    must(net_detach(b->plan, b->len, -1, &e), &e);
    must(net_detach(b->plan, b->len, -1, &e), &e); /* idempotent */
    assert_int_equal(lease_drop(w->netdir, &w->net, &b->lease), 0);
    close(b->netns);
    arena_free(b->arena);
}

static const struct port_spec web = {
    .host_port = 8080, .container_port = 80, .proto = "tcp", .published = true};

static void boxes_reach_each_other_and_the_world(void **state) {
    struct world *w = root_world(state);
    struct box a = box_attach(w, "aaaaaaaaaaaa", NULL, 0);
    struct box b = box_attach(w, "bbbbbbbbbbbb", NULL, 0);
    uint32_t peer = 0;
    int lb = world_listen(b.netns, SOCK_STREAM, 80);
    int lo = world_listen(w->outside, SOCK_STREAM, 80);

    assert_true(world_reaches(a.netns, b.lease.address, 80, lb, &peer));
    assert_int_equal(peer, a.lease.address);
    assert_true(world_reaches(-1, b.lease.address, 80, lb, &peer));
    assert_int_equal(peer, w->net.gateway);
    assert_true(world_reaches(b.netns, LOCALHOST, 80, lb, NULL));
    /* Out as the host … */
    assert_true(world_reaches(a.netns, WAN_OUTSIDE, 80, lo, &peer));
    assert_int_equal(peer, WAN_HOST);
    /* … and nobody in who only knows the way. */
    assert_false(world_reaches(w->outside, b.lease.address, 80, lb, NULL));
    close(lb);
    close(lo);
    box_end(w, &a);
    box_end(w, &b);
}

static void published_port_is_reached_from_everywhere(void **state) {
    struct world *w = root_world(state);
    struct box a = box_attach(w, "aaaaaaaaaaaa", &web, 1);
    struct box b = box_attach(w, "bbbbbbbbbbbb", NULL, 0);
    uint32_t peer = 0;
    int la = world_listen(a.netns, SOCK_STREAM, 80);

    assert_true(world_reaches(w->outside, WAN_HOST, 8080, la, &peer));
    assert_int_equal(peer, WAN_OUTSIDE);
    assert_true(world_reaches(-1, LOCALHOST, 8080, la, NULL));
    assert_true(world_reaches(-1, WAN_HOST, 8080, la, NULL));
    assert_true(world_reaches(b.netns, WAN_HOST, 8080, la, NULL));
    assert_true(world_reaches(b.netns, w->net.gateway, 8080, la, NULL));
    assert_true(world_reaches(a.netns, WAN_HOST, 8080, la, NULL)); /* hairpin to itself */
    assert_false(world_reaches(w->outside, WAN_HOST, 8081, la, NULL));
    box_end(w, &a);
    assert_false(world_reaches(w->outside, WAN_HOST, 8080, la, NULL));
    close(la);
    box_end(w, &b);
}

static uint16_t ip_sum(const void *p, size_t n) {
    const uint8_t *b = p;
    uint32_t s = 0;
    for (size_t i = 0; i + 1 < n; i += 2)
        s += (uint32_t)b[i] << 8 | b[i + 1];
    s = (s & 0xffff) + (s >> 16);
    return htons((uint16_t) ~(s + (s >> 16)));
}

/* A UDP packet to 127.0.0.1 put on the wire by hand. */
static void forge(int netns, const char *ifname, const uint8_t to[6], uint16_t port) {
    struct {
        struct iphdr ip;
        struct udphdr udp;
        char text[4];
    } __attribute__((packed)) pkt = {.ip = {.version = 4,
                                            .ihl = 5,
                                            .ttl = 64,
                                            .protocol = IPPROTO_UDP,
                                            .saddr = htonl(WAN_OUTSIDE),
                                            .daddr = htonl(LOCALHOST)},
                                     .udp = {.source = htons(999), .dest = htons(port)},
                                     .text = "hey"};
    pkt.ip.tot_len = htons(sizeof(pkt));
    pkt.udp.len = htons(sizeof(pkt.udp) + sizeof(pkt.text));
    pkt.ip.check = ip_sum(&pkt.ip, sizeof(pkt.ip));
    int s = netns_socket(netns, AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
    struct sockaddr_ll ll = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = world_ifindex(s, ifname),
                             .sll_halen = 6};
    memcpy(ll.sll_addr, to, 6);
    assert_int_equal(sendto(s, &pkt, sizeof(pkt), 0, (struct sockaddr *)&ll, sizeof(ll)),
                     sizeof(pkt));
    close(s);
}

static void mac_of(const char *ifname, uint8_t mac[6]) {
    struct ifreq req = {0};
    int s = world_socket(-1, SOCK_DGRAM);
    memcpy(req.ifr_name, ifname, strlen(ifname));
    assert_int_equal(ioctl(s, SIOCGIFHWADDR, &req), 0);
    memcpy(mac, req.ifr_hwaddr.sa_data, 6);
    close(s);
}

static void loopback_port_stays_on_the_host(void **state) {
    struct world *w = root_world(state);
    char here[] = "127.0.0.1";
    const struct port_spec ports[] = {{.host_ip = here,
                                       .host_port = 5353,
                                       .container_port = 53,
                                       .proto = "udp",
                                       .published = true},
                                      {.host_ip = here,
                                       .host_port = 8080,
                                       .container_port = 80,
                                       .proto = "tcp",
                                       .published = true}};
    struct box a = box_attach(w, "aaaaaaaaaaaa", ports, 2);
    struct box b = box_attach(w, "bbbbbbbbbbbb", NULL, 0);
    struct sockaddr_in to = world_addr(LOCALHOST, 5353);
    uint8_t mac[6];
    char c;
    int udp = world_listen(a.netns, SOCK_DGRAM, 53);
    int tcp = world_listen(a.netns, SOCK_STREAM, 80);
    int secret = world_listen(-1, SOCK_DGRAM, 7777);
    int me = world_socket(-1, SOCK_DGRAM);

    assert_true(world_reaches(-1, LOCALHOST, 8080, tcp, NULL));
    assert_false(world_reaches(w->outside, WAN_HOST, 8080, tcp, NULL));
    mac_of("wan", mac);
    forge(w->outside, "wan", mac, 5353);
    mac_of(w->net.bridge, mac);
    forge(b.netns, "eth0", mac, 5353);
    forge(b.netns, "eth0", mac, 7777); /* nor any other service of the host's loopback */
    assert_false(world_ready(udp, POLLIN, 100));
    assert_false(world_ready(secret, POLLIN, 10));
    assert_int_equal(sendto(me, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    assert_true(world_ready(udp, POLLIN, 1000));
    assert_int_equal(read(udp, &c, 1), 1);
    close(udp);
    close(tcp);
    close(secret);
    close(me);
    box_end(w, &a);
    box_end(w, &b);
}

/* A client that goes on sending from one port must find the box that has just come. */
static void udp_flows_follow_the_port(void **state) {
    struct world *w = root_world(state);
    const struct port_spec port = {
        .host_port = 5353, .container_port = 53, .proto = "udp", .published = true};
    struct sockaddr_in to = world_addr(WAN_HOST, 5353);
    char c;
    int client = world_socket(w->outside, SOCK_DGRAM);
    int other = world_socket(w->outside, SOCK_DGRAM);
    struct sockaddr_in elsewhere = world_addr(WAN_HOST, 5454);
    int service = world_listen(-1, SOCK_DGRAM, 5454);

    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(connect(other, (struct sockaddr *)&elsewhere, sizeof(elsewhere)), 0);
    assert_int_equal(write(client, "x", 1), 1); /* to nobody; a flow exists now */
    assert_int_equal(write(other, "x", 1), 1);
    for (int i = 0; i < 2; i++) { /* and then to one box after the other */
        struct box a = box_attach(w, i == 0 ? "aaaaaaaaaaaa" : "bbbbbbbbbbbb", &port, 1);
        int l = world_listen(a.netns, SOCK_DGRAM, 53);
        world_ready(client, POLLIN, 0);
        for (int k = 0; k < 3; k++) /* the first may only fetch the refusal of before */
            (void)!send(client, "x", 1, MSG_NOSIGNAL);
        assert_true(world_ready(l, POLLIN, 1000));
        assert_int_equal(read(l, &c, 1), 1);
        close(l);
        box_end(w, &a);
    }
    assert_true(world_ready(service, POLLIN, 1000));
    close(client);
    close(other);
    close(service);
}

static void taken_port_is_named(void **state) {
    struct world *w = root_world(state);
    struct port_spec many[70];
    struct err e = {0};
    struct box a = box_attach(w, "aaaaaaaaaaaa", &web, 1);

    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        many[i] = web;
        many[i].host_port = (uint16_t)(8080 - 69 + i);
    }
    struct box b = box_make(w, "bbbbbbbbbbbb", many, ARRAY_SIZE(many));
    assert_int_equal(net_attach(b.plan, b.len, b.netns, -1, &e), -EADDRINUSE);
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_string_equal(e.msg, "Bind for 0.0.0.0:8080 failed: port is already allocated");
    /* The loser left nothing, and undoing it takes nothing from the winner. */
    int l = world_listen(a.netns, SOCK_STREAM, 80);
    box_end(w, &b);
    assert_true(world_reaches(w->outside, WAN_HOST, 8080, l, NULL));
    struct port_spec first = web;
    first.host_port = 8080 - 69;
    struct box c = box_attach(w, "cccccccccccc", &first, 1);
    box_end(w, &c);
    close(l);
    box_end(w, &a);
}

static void restart_finds_the_old_link_in_its_way(void **state) {
    struct world *w = root_world(state);
    struct box a = box_attach(w, "aaaaaaaaaaaa", &web, 1);
    struct err e = {0};
    int again = netns_new();

    must(net_detach(a.plan, a.len, -1, &e), &e);
    must(net_attach(a.plan, a.len, again, -1, &e), &e);
    close(again);
    box_end(w, &a);
}

static void links_go_with_their_namespace(void **state) {
    struct world *w = root_world(state);
    struct box a = box_attach(w, "dddddddddddd", NULL, 0);
    struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    char buf[8192], name[16];
    int s = netlink_open(NETLINK_ROUTE);

    assert_int_equal(bind(s, (struct sockaddr *)&nl, sizeof(nl)), 0);
    memcpy(name, a.lease.ifname, sizeof(name));
    assert_true(world_ifindex(s, name) > 0);
    box_end(w, &a);
    while (world_ifindex(s, name) > 0) {
        assert_true(world_ready(s, POLLIN, 10000));
        while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) > 0)
            ;
    }
    close(s);
}

static void none_has_a_loopback(void **state) {
    root_world(state);
    struct arena *a = arena_new();
    struct err e = {0};
    void *plan;
    size_t len;
    int netns = netns_new();

    must(net_plan_none(a, &plan, &len, &e), &e);
    must(net_attach(plan, len, netns, -1, &e), &e);
    int l = world_listen(netns, SOCK_STREAM, 80);
    assert_true(world_reaches(netns, LOCALHOST, 80, l, NULL));
    must(net_detach(plan, len, -1, &e), &e);
    close(l);
    close(netns);
    arena_free(a);
}

static void missing_bridge_is_named(void **state) {
    struct world *w = root_world(state);
    struct world other = *w;
    struct err e = {0};

    str_copy(other.net.bridge, sizeof(other.net.bridge), "hako9");
    struct box b = box_make(&other, "eeeeeeeeeeee", NULL, 0);
    assert_int_equal(net_attach(b.plan, b.len, b.netns, -1, &e), -ENODEV);
    assert_non_null(strstr(e.msg, "hako9"));
    box_end(w, &b);
}

static void fifty_boxes(void **state) {
    struct world *w = root_world(state);
    struct box b[50];
    char id[16];
    int64_t first = 0, last = 0;

    for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
        struct err e = {0};
        snprintf(id, sizeof(id), "%010zx", i + 0x100);
        b[i] = box_make(w, id, &web, 0);
        int64_t t = now_mono_ns();
        must(net_attach(b[i].plan, b[i].len, b[i].netns, -1, &e), &e);
        t = now_mono_ns() - t;
        if (i < 10)
            first += t;
        if (i >= 40)
            last += t;
    }
    print_message("attach: first ten %ld us each, last ten %ld us each\n", (long)first / 10000,
                  (long)last / 10000);
    for (size_t i = 0; i < ARRAY_SIZE(b); i++)
        box_end(w, &b[i]);
}

/* Two first runs at once, in a namespace where nothing is yet: both succeed, one set of rules. */
static void two_first_runs(void **state) {
    struct world *w = root_world(state);
    int fresh = netns_new();
    pid_t pid[4];

    for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            struct err e = {0};
            int r = network_ensure(&w->net, fresh, &e);
            if (r < 0)
                fprintf(stderr, "%s\n", e.msg);
            _exit(r < 0);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
        int status = -1;
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    close(fresh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_reach_each_other_and_the_world),
        cmocka_unit_test(published_port_is_reached_from_everywhere),
        cmocka_unit_test(loopback_port_stays_on_the_host),
        cmocka_unit_test(udp_flows_follow_the_port),
        cmocka_unit_test(taken_port_is_named),
        cmocka_unit_test(restart_finds_the_old_link_in_its_way),
        cmocka_unit_test(links_go_with_their_namespace),
        cmocka_unit_test(none_has_a_loopback),
        cmocka_unit_test(missing_bridge_is_named),
        cmocka_unit_test(fifty_boxes),
        cmocka_unit_test(two_first_runs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
