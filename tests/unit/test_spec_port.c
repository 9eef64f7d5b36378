/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "spec/port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "ip host last container proto" of every entry, joined by ";". */
static const char *show(const struct port_list *list, struct arena *a) {
    const char *out = "";
    for (size_t i = 0; i < list->n; i++) {
        const struct port_spec *p = &list->v[i];
        out =
            arena_printf(a, "%s%s%s %u-%u %u/%s", out, i ? ";" : "", p->host_ip ? p->host_ip : "*",
                         p->host_port, p->host_last, p->container_port, p->proto);
    }
    return out;
}

static void parses(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"80", "* 0-0 80/tcp"},
        {"80/", "* 0-0 80/tcp"},
        {"80/UDP", "* 0-0 80/udp"},
        {"8080:80", "* 8080-8080 80/tcp"},
        {":80", "* 0-0 80/tcp"},
        {"0:80", "* 0-0 80/tcp"},
        {"::80", "* 0-0 80/tcp"},
        {":8080:80", "* 8080-8080 80/tcp"},
        {"127.0.0.1:8080:80/sctp", "127.0.0.1 8080-8080 80/sctp"},
        {"127.0.0.1::80", "127.0.0.1 0-0 80/tcp"},
        {"[::1]:8080:80", "::1 8080-8080 80/tcp"},
        {"::1:8080:80", "::1 8080-8080 80/tcp"},
        {"::::80", ":: 0-0 80/tcp"},
        {"[2001:DB8:0:0::68]::333", "2001:db8::68 0-0 333/tcp"},
        {"8000-8002:80-82", "* 8000-8000 80/tcp;* 8001-8001 81/tcp;* 8002-8002 82/tcp"},
        {"80-81", "* 0-0 80/tcp;* 0-0 81/tcp"},
        {"8000-9000:80", "* 8000-9000 80/tcp"},
        {"65535:65535", "* 65535-65535 65535/tcp"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ARENA struct arena *a = arena_new();
        struct port_list list = {0};
        struct err e;
        if (port_parse(cases[i].in, a, &list, &e) < 0)
            fail_msg("%s: %s", cases[i].in, e.msg);
        if (!str_eq(show(&list, a), cases[i].out))
            fail_msg("%s gave %s", cases[i].in, show(&list, a));
        assert_true(list.v[0].published);
    }
}

static void refuses(void **state) {
    static const struct {
        const char *in, *message;
    } cases[] = {
        {"", "no port specified: <empty>"},
        {"8080:", "no port specified: 8080:<empty>"},
        {"0.0.0.0:1234-1235:/tcp", "no port specified: 0.0.0.0:1234-1235:/tcp<empty>"},
        {"80/icmp", "invalid proto: icmp"},
        {"x", "invalid containerPort: x"},
        {"0", "invalid containerPort: 0"},
        {"65536", "invalid containerPort: 65536"},
        {"-1", "invalid containerPort: -1"},
        {"81-80", "invalid containerPort: 81-80"},
        {"80-", "invalid containerPort: 80-"},
        {"8000-8001-8002", "invalid containerPort: 8000-8001-8002"},
        {" 80", "invalid containerPort:  80"},
        {"x:80", "invalid hostPort: x"},
        {"65536:80", "invalid hostPort: 65536"},
        {"0-5:80", "invalid hostPort: 0-5"},
        {"1.2.3:80:80", "invalid IP address: 1.2.3"},
        {"localhost:80:80", "invalid IP address: localhost"},
        {"[127.0.0.1]:80:80", "invalid IP address: 127.0.0.1"},
        {"[::1:80:80", "invalid IP address: [::1"},
        {"8000-8001:80-82", "invalid ranges specified for container and host Ports: 80-82 and "
                            "8000-8001"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct port_list list = {0};
        struct err e;
        if (port_parse(cases[i].in, a, &list, &e) != -EINVAL)
            fail_msg("\"%s\" was taken", cases[i].in);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_string_equal(e.msg, cases[i].message);
        assert_int_equal(list.n, 0);
    }
}

static void lists_grow(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct port_list list = {0};
    struct err e;
    assert_int_equal(port_parse("1-65535", a, &list, &e), 0);
    assert_int_equal(port_parse("53:53/udp", a, &list, &e), 0);
    assert_int_equal(list.n, 65536);
    assert_ptr_equal(port_find(&list, 53, "udp"), &list.v[65535]);
    assert_ptr_equal(port_find(&list, 53, "tcp"), &list.v[52]);
    assert_null(port_find(&list, 54, "udp"));
}

static void exposed(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct port_list list = {0};
    struct err e;
    assert_int_equal(port_parse("8080:80", a, &list, &e), 0);
    assert_int_equal(port_parse_exposed("80-81", a, &list, &e), 0);
    assert_int_equal(port_parse_exposed("81/tcp", a, &list, &e), 0);
    assert_int_equal(port_parse_exposed("81/udp", a, &list, &e), 0);
    assert_string_equal(show(&list, a), "* 8080-8080 80/tcp;* 0-0 81/tcp;* 0-0 81/udp");
    assert_false(list.v[1].published);
    assert_int_equal(port_parse_exposed("1:2", a, &list, &e), -EINVAL);
    assert_int_equal(port_parse_exposed("x/tcp", a, &list, &e), -EINVAL);
}

static void prints(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct port_list list = {0};
    struct err e;
    assert_int_equal(port_parse("8080:80", a, &list, &e), 0);
    assert_int_equal(port_parse("[::1]:53:53/udp", a, &list, &e), 0);
    assert_int_equal(port_parse_exposed("9000", a, &list, &e), 0);
    assert_string_equal(port_print(&list.v[0], a), "0.0.0.0:8080->80/tcp");
    assert_string_equal(port_print(&list.v[1], a), "[::1]:53->53/udp");
    assert_string_equal(port_print(&list.v[2], a), "9000/tcp");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),  cmocka_unit_test(refuses), cmocka_unit_test(lists_grow),
        cmocka_unit_test(exposed), cmocka_unit_test(prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
