/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "net/net.h"
#include "net/netplan.h"
#include "net/ports.h"
#include <cmocka.h>
#include <netinet/in.h>

static const struct network net = {.name = "bridge",
                                   .bridge = "hako0",
                                   .subnet = 0x0a4d0000,
                                   .gateway = 0x0a4d0001,
                                   .prefix = 16,
                                   .mtu = 1400};
static const struct lease lease = {
    .address = 0x0a4d0102, .mac = {2, 0x42, 10, 77, 1, 2}, .ifname = "hk0123456789"};

static int make(void **state) {
    *state = arena_new();
    return 0;
}

static int end(void **state) {
    arena_free(*state);
    return 0;
}

static void plan_holds_what_was_asked(void **state) {
    char any[] = "0.0.0.0", local[] = "127.0.0.1";
    const struct port_spec ports[] = {
        {.container_port = 9, .proto = "tcp"}, /* exposed only */
        {.host_ip = any,
         .host_port = 8080,
         .container_port = 80,
         .proto = "tcp",
         .published = true},
        {.host_ip = local,
         .host_port = 53,
         .container_port = 5353,
         .proto = "udp",
         .published = true},
        {.host_port = 7, .container_port = 7, .proto = "sctp", .published = true}};
    struct err e = {0};
    const struct netplan *p = NULL;
    void *block = NULL;
    size_t len = 0;

    assert_int_equal(
        net_plan_build(&net, &lease, ports, ARRAY_SIZE(ports), *state, &block, &len, &e), 0);
    assert_int_equal(len, sizeof(struct netplan) + 3 * sizeof(struct netplan_port));
    assert_int_equal(netplan_open(block, len, &p, &e), 0);
    assert_int_equal(p->kind, NETPLAN_BRIDGE);
    assert_string_equal(p->bridge, "hako0");
    assert_string_equal(p->ifname, "hk0123456789");
    assert_int_equal(p->address, 0x0a4d0102);
    assert_int_equal(p->gateway, 0x0a4d0001);
    assert_int_equal(p->prefix, 16);
    assert_int_equal(p->mtu, 1400);
    assert_memory_equal(p->mac, lease.mac, 6);
    assert_int_equal(p->nports, 3);
    assert_int_equal(p->port[0].host_address, 0);
    assert_int_equal(p->port[0].host_port, 8080);
    assert_int_equal(p->port[0].box_port, 80);
    assert_int_equal(p->port[0].proto, IPPROTO_TCP);
    assert_int_equal(p->port[1].host_address, INADDR_LOOPBACK);
    assert_int_equal(p->port[1].proto, IPPROTO_UDP);
    assert_int_equal(p->port[2].proto, IPPROTO_SCTP);
}

/* What nft(8) puts on the wire for `{ tcp . 8081 : 10.77.1.2 . 80 }` and for the bound map. */
static void elements_are_laid_out_as_nft_does(void **state) {
    static const uint8_t any_key[] = {6, 0, 0, 0, 0x1f, 0x91, 0, 0};
    static const uint8_t bound_key[] = {17, 0, 0, 0, 127, 0, 0, 1, 0, 53, 0, 0};
    static const uint8_t value[] = {10, 77, 1, 2, 0, 80, 0, 0};
    const struct netplan p = {.address = 0x0a4d0102};
    const struct netplan_port any = {.host_port = 8081, .box_port = 80, .proto = IPPROTO_TCP};
    const struct netplan_port bound = {
        .host_address = INADDR_LOOPBACK, .host_port = 53, .box_port = 80, .proto = IPPROTO_UDP};
    struct ports_elem el;

    (void)state;
    ports_elem(&p, &any, &el);
    assert_string_equal(el.elem.map, "any");
    assert_int_equal(el.elem.key_len, sizeof(any_key));
    assert_memory_equal(el.elem.key, any_key, sizeof(any_key));
    assert_memory_equal(el.elem.value, value, sizeof(value));
    ports_elem(&p, &bound, &el);
    assert_string_equal(el.elem.map, "bound");
    assert_int_equal(el.elem.key_len, sizeof(bound_key));
    assert_memory_equal(el.elem.key, bound_key, sizeof(bound_key));
}

static void bad_ports_are_refused(void **state) {
    char v6[] = "::1", word[] = "localhost";
    struct port_spec p = {
        .host_ip = v6, .host_port = 1, .container_port = 1, .proto = "tcp", .published = true};
    struct err e = {0};
    void *block = NULL;
    size_t len = 0;

    assert_int_equal(net_plan_build(&net, &lease, &p, 1, *state, &block, &len, &e), -EAFNOSUPPORT);
    assert_int_equal(e.kind, ERR_USAGE);
    assert_non_null(strstr(e.msg, "::1"));
    p.host_ip = word;
    assert_int_equal(net_plan_build(&net, &lease, &p, 1, *state, &block, &len, &e), -EINVAL);
    p.host_ip = NULL;
    p.host_port = 0; /* nobody chose one */
    assert_int_equal(net_plan_build(&net, &lease, &p, 1, *state, &block, &len, &e), -EINVAL);
    p.host_port = 1;
    p.proto = "icmp";
    assert_int_equal(net_plan_build(&net, &lease, &p, 1, *state, &block, &len, &e),
                     -EPROTONOSUPPORT);
    assert_null(block);
}

static void none_is_a_loopback(void **state) {
    struct err e = {0};
    const struct netplan *p = NULL;
    void *block = NULL;
    size_t len = 0;

    assert_int_equal(net_plan_none(*state, &block, &len, &e), 0);
    assert_int_equal(netplan_open(block, len, &p, &e), 0);
    assert_int_equal(p->kind, NETPLAN_LOOPBACK);
}

struct damage {
    const char *what;
    void (*fn)(struct netplan *p);
};

static void d_magic(struct netplan *p) {
    p->magic ^= 1;
}
static void d_size(struct netplan *p) {
    p->size++;
}
static void d_kind(struct netplan *p) {
    p->kind = 7;
}
static void d_loopback_ports(struct netplan *p) {
    p->kind = NETPLAN_LOOPBACK;
}
static void d_count(struct netplan *p) {
    p->nports = 2;
}
static void d_huge(struct netplan *p) {
    p->nports = UINT32_MAX / (uint32_t)sizeof(struct netplan_port) + 2;
}
static void d_name(struct netplan *p) {
    memset(p->bridge, 'x', sizeof(p->bridge));
}
static void d_no_name(struct netplan *p) {
    p->ifname[0] = '\0';
}
static void d_slash(struct netplan *p) {
    p->ifname[2] = '/';
}
static void d_long(struct netplan *p) {
    memset(p->ifname, 'x', 15);
}
static void d_prefix(struct netplan *p) {
    p->prefix = 32;
}
static void d_far(struct netplan *p) {
    p->gateway = 0x0a4e0001;
}
static void d_same(struct netplan *p) {
    p->gateway = p->address;
}
static void d_mac(struct netplan *p) {
    p->mac[0] = 1;
}
static void d_mtu(struct netplan *p) {
    p->mtu = 10;
}
static void d_proto(struct netplan *p) {
    p->port[0].proto = 1;
}
static void d_port(struct netplan *p) {
    p->port[0].box_port = 0;
}

static void damaged_plans_are_refused(void **state) {
    static const struct damage all[] = {
        {"magic", d_magic}, {"size", d_size}, {"kind", d_kind},     {"loopback", d_loopback_ports},
        {"count", d_count}, {"huge", d_huge}, {"name", d_name},     {"no name", d_no_name},
        {"slash", d_slash}, {"long", d_long}, {"prefix", d_prefix}, {"far", d_far},
        {"same", d_same},   {"mac", d_mac},   {"mtu", d_mtu},       {"proto", d_proto},
        {"port", d_port}};
    const struct port_spec port = {
        .host_port = 8080, .container_port = 80, .proto = "tcp", .published = true};
    struct err e = {0};
    const struct netplan *p = NULL;
    void *block = NULL;
    size_t len = 0;

    assert_int_equal(net_plan_build(&net, &lease, &port, 1, *state, &block, &len, &e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct netplan *copy = arena_memdup(*state, block, len);
        all[i].fn(copy);
        err_clear(&e);
        if (netplan_open(copy, len, &p, &e) != -EBADMSG || e.kind != ERR_CORRUPT)
            fail_msg("%s: accepted", all[i].what);
    }
    for (size_t n = 0; n < len; n++)
        assert_int_equal(netplan_open(block, n, &p, &e), -EBADMSG);
    assert_int_equal(netplan_open((const char *)block + 1, len, &p, &e), -EBADMSG);
    assert_int_equal(net_attach(block, len - 1, -1, -1, &e), -EBADMSG);
    assert_int_equal(net_detach(NULL, 0, -1, &e), -EBADMSG);
    assert_null(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plan_holds_what_was_asked, make, end),
        cmocka_unit_test(elements_are_laid_out_as_nft_does),
        cmocka_unit_test_setup_teardown(bad_ports_are_refused, make, end),
        cmocka_unit_test_setup_teardown(none_is_a_loopback, make, end),
        cmocka_unit_test_setup_teardown(damaged_plans_are_refused, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
