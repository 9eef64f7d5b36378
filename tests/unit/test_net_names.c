/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/resolv.conf and /etc/hosts of a box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/hosts.h"
#include "net/resolv.h"
#include <cmocka.h>

static void resolv(const char *host, const struct resolv_options *o, const char *want) {
    struct str b = STR_INIT(4096);
    struct err e = {0};
    assert_int_equal(resolv_build(host, o, &b, &e), 0);
    assert_string_equal(str_c(&b), want);
    str_free(&b);
}

static void host_lines_are_kept(void **state) {
    const struct resolv_options o = {0};
    (void)state;

    resolv("# by hand\n"
           "search example.org  lan \n"
           "\tnameserver\t192.0.2.53 # first\n"
           "nameserver 192.0.2.54\r\n"
           "options edns0 trust-ad\n"
           "; end\n"
           "whatever x",
           &o,
           "nameserver 192.0.2.53\nnameserver 192.0.2.54\n"
           "search example.org  lan\noptions edns0 trust-ad\n");
}

static void loopback_resolvers_are_replaced(void **state) {
    struct resolv_options o = {0};
    (void)state;

    resolv("nameserver 127.0.0.1\nnameserver 192.0.2.53\n", &o, "nameserver 192.0.2.53\n");
    resolv("nameserver 127.0.0.1\nnameserver ::1\n", &o,
           "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    resolv("", &o, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    o.loopback_dns = "169.254.1.53";
    resolv("nameserver 127.0.0.53\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n", &o,
           "nameserver 169.254.1.53\nnameserver 192.0.2.53\n");
    resolv("", &o, "nameserver 169.254.1.53\n");
}

static void ipv6_resolvers_need_ipv6(void **state) {
    struct resolv_options o = {0};
    (void)state;

    resolv("nameserver 2001:db8::53\nnameserver 192.0.2.53\n", &o, "nameserver 192.0.2.53\n");
    o.ipv6 = true;
    resolv("nameserver 2001:db8::53\nnameserver fe80::1%eth0\n", &o,
           "nameserver 2001:db8::53\nnameserver fe80::1%eth0\n");
}

static void options_win(void **state) {
    char one[] = "198.51.100.1", two[] = "2001:db8::1", lan[] = "lan", dot[] = ".",
         nd[] = "ndots:2", rot[] = "rotate", bad[] = "dns.example.org";
    char *dns[] = {one, two}, *search[] = {lan}, *none[] = {dot}, *opt[] = {nd, rot},
         *wrong[] = {bad};
    struct resolv_options o = {.dns = dns, .n_dns = 2};
    static const char host[] = "nameserver 192.0.2.53\nsearch a b\noptions edns0\n";
    struct str b = STR_INIT(4096);
    struct err e = {0};
    (void)state;

    resolv(host, &o,
           "nameserver 198.51.100.1\nnameserver 2001:db8::1\nsearch a b\noptions edns0\n");
    o.search = search;
    o.n_search = 1;
    o.option = opt;
    o.n_option = 2;
    resolv(host, &o,
           "nameserver 198.51.100.1\nnameserver 2001:db8::1\nsearch lan\n"
           "options ndots:2 rotate\n");
    o = (struct resolv_options){.search = none, .n_search = 1};
    resolv(host, &o, "nameserver 192.0.2.53\noptions edns0\n");
    o = (struct resolv_options){.dns = wrong, .n_dns = 1};
    assert_int_equal(resolv_build(host, &o, &b, &e), -EINVAL);
    assert_int_equal(e.kind, ERR_USAGE);
    assert_non_null(strstr(e.msg, "dns.example.org"));
    str_free(&b);
}

static void stub_is_recognised(void **state) {
    (void)state;
    assert_true(resolv_is_stub("# x\nnameserver 127.0.0.53\noptions edns0\n"));
    assert_false(resolv_is_stub("nameserver 127.0.0.53\nnameserver 192.0.2.1\n"));
    assert_false(resolv_is_stub("nameserver 127.0.0.1\n"));
    assert_false(resolv_is_stub(""));
}

#define USUAL                                                                                      \
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"      \
    "ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

static void hosts(const struct hosts_options *o, const char *want) {
    struct str b = STR_INIT(4096);
    struct err e = {0};
    assert_int_equal(hosts_build(o, &b, &e), 0);
    assert_string_equal(str_c(&b), want);
    str_free(&b);
}

static void hosts_name_the_box(void **state) {
    struct hosts_options o = {.hostname = "0123456789ab", .name = "web", .address = 0x0a4d0002};
    (void)state;

    hosts(&o, USUAL "10.77.0.2\t0123456789ab web\n");
    o.hostname = "web";
    hosts(&o, USUAL "10.77.0.2\tweb\n");
    o.hostname = "web.example.org";
    o.name = NULL;
    hosts(&o, USUAL "10.77.0.2\tweb.example.org web\n");
    o.address = 0;
    hosts(&o, USUAL);
    o.base = "127.0.0.1 localhost\n127.0.1.1 myhost";
    hosts(&o, "127.0.0.1 localhost\n127.0.1.1 myhost\n");
}

static void hosts_take_added_lines(void **state) {
    char a[] = "db:192.0.2.9", b[] = "six:2001:db8::1", c[] = "brackets:[2001:db8::2]",
         g[] = "host.docker.internal:host-gateway";
    char *add[] = {a, b, c, g};
    struct hosts_options o = {.add = add, .n_add = 4, .host_gateway = 0x0a4d0001};
    (void)state;

    hosts(&o, USUAL "192.0.2.9\tdb\n2001:db8::1\tsix\n2001:db8::2\tbrackets\n"
                    "10.77.0.1\thost.docker.internal\n");
}

static void hosts_refuse_nonsense(void **state) {
    static const char *const bad[] = {
        "db",          "db:",   ":192.0.2.9",     "db:nowhere",          "db:1.2.3",
        "d b:1.2.3.4", "db:[]", "x:host-gateway", "x\n1.2.3.4 y:1.2.3.4"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[64];
        char *add[] = {text};
        struct str b = STR_INIT(4096);
        struct err e = {0};
        const struct hosts_options o = {.add = add, .n_add = 1};
        snprintf(text, sizeof(text), "%s", bad[i]);
        if (hosts_build(&o, &b, &e) >= 0 || e.kind != ERR_USAGE)
            fail_msg("accepted: %s", bad[i]);
        str_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_lines_are_kept),
        cmocka_unit_test(loopback_resolvers_are_replaced),
        cmocka_unit_test(ipv6_resolvers_need_ipv6),
        cmocka_unit_test(options_win),
        cmocka_unit_test(stub_is_recognised),
        cmocka_unit_test(hosts_name_the_box),
        cmocka_unit_test(hosts_take_added_lines),
        cmocka_unit_test(hosts_refuse_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
