/* SPDX-License-Identifier: Apache-2.0 */
/* Host ports held by sockets, on the loopback of the machine. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/publish.h"
#include <cmocka.h>

static char local[] = "127.0.0.1";

static struct port_spec spec(const char *proto, uint16_t port, uint16_t last) {
    return (struct port_spec){.host_ip = local,
                              .host_port = port,
                              .host_last = last,
                              .container_port = 80,
                              .proto = proto,
                              .published = true};
}

/* A listener of some other program. */
static int other(int type, uint16_t *port, bool reuse) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    const int one = 1;
    int s = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    if (reuse)
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        (type == SOCK_STREAM && listen(s, 1) < 0)) {
        close(s);
        return -errno;
    }
    getsockname(s, (struct sockaddr *)&a, &n);
    *port = ntohs(a.sin_port);
    return s;
}

static void held_port_keeps_others_away(void **state) {
    static const struct {
        const char *proto;
        int type;
        enum publish_how how;
    } all[] = {{"tcp", SOCK_STREAM, PUBLISH_HOLD},
               {"tcp", SOCK_STREAM, PUBLISH_LISTEN},
               {"udp", SOCK_DGRAM, PUBLISH_HOLD},
               {"udp", SOCK_DGRAM, PUBLISH_LISTEN}};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct port_spec p = spec(all[i].proto, 0, 0), q;
        struct err e = {0};
        int fd = -1, fd2 = -1;
        uint16_t port;

        assert_int_equal(publish_open(&p, all[i].how, &fd, &e), 0);
        assert_true(fd >= 0 && p.host_port > 0 && p.host_last == p.host_port);
        port = p.host_port;
        assert_int_equal(other(all[i].type, &port, false), -EADDRINUSE);
        if (all[i].type == SOCK_STREAM)
            assert_int_equal(other(all[i].type, &port, true), -EADDRINUSE);
        q = spec(all[i].proto, p.host_port, p.host_port);
        assert_int_equal(publish_open(&q, all[i].how, &fd2, &e), -EADDRINUSE);
        assert_int_equal(e.kind, ERR_CONFLICT);
        q.host_ip = NULL; /* every address includes this one */
        assert_int_equal(publish_open(&q, all[i].how, &fd2, &e), -EADDRINUSE);
        assert_int_equal(fd2, -1);
        close(fd);
        int s = other(all[i].type, &port, false);
        assert_true(s >= 0);
        close(s);
    }
}

static void held_tcp_port_is_not_served(void **state) {
    struct port_spec p = spec("tcp", 0, 0);
    struct err e = {0};
    int fd = -1;
    (void)state;

    assert_int_equal(publish_open(&p, PUBLISH_HOLD, &fd, &e), 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(p.host_port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(s, (struct sockaddr *)&a, sizeof(a)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(s);
    close(fd);
}

static void conflict_is_told_in_dockers_words(void **state) {
    struct err e = {0};
    uint16_t port = 0;
    int fd = -1, s = other(SOCK_STREAM, &port, false);
    char want[100];
    struct port_spec p = spec("tcp", port, port);
    (void)state;

    snprintf(want, sizeof(want), "Bind for 127.0.0.1:%u failed: port is already allocated", port);
    assert_int_equal(publish_open(&p, PUBLISH_HOLD, &fd, &e), -EADDRINUSE);
    assert_string_equal(e.msg, want);
    p.host_ip = NULL;
    snprintf(want, sizeof(want), "Bind for 0.0.0.0:%u failed: port is already allocated", port);
    assert_int_equal(publish_open(&p, PUBLISH_HOLD, &fd, &e), -EADDRINUSE);
    assert_string_equal(e.msg, want);
    close(s);
}

static void range_takes_the_first_free(void **state) {
    struct err e = {0};
    uint16_t port = 0;
    int fd = -1, s = other(SOCK_STREAM, &port, false);
    struct port_spec p = spec("tcp", port, (uint16_t)(port + 20));
    (void)state;

    if (port > 65000)
        skip();
    assert_int_equal(publish_open(&p, PUBLISH_LISTEN, &fd, &e), 0);
    assert_true(p.host_port > port && p.host_port <= port + 20);
    close(fd);
    close(s);
}

static void what_cannot_be_is_refused(void **state) {
    char v6[] = "::1", word[] = "localhost", far[] = "203.0.113.77";
    struct err e = {0};
    int fd = -1;
    struct port_spec p = spec("tcp", 0, 0);
    (void)state;

    p.host_ip = v6;
    assert_int_equal(publish_open(&p, PUBLISH_HOLD, &fd, &e), -EAFNOSUPPORT);
    p.host_ip = word;
    assert_int_equal(publish_open(&p, PUBLISH_HOLD, &fd, &e), -EINVAL);
    p.host_ip = far;
    assert_int_equal(publish_open(&p, PUBLISH_HOLD, &fd, &e), -EADDRNOTAVAIL);
    assert_non_null(strstr(e.msg, "203.0.113.77"));
    p = spec("sctp", 7, 7);
    assert_int_equal(publish_open(&p, PUBLISH_HOLD, &fd, &e), 0);
    assert_int_equal(publish_open(&p, PUBLISH_LISTEN, &fd, &e), -EPROTONOSUPPORT);
    assert_int_equal(fd, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_port_keeps_others_away),
        cmocka_unit_test(held_tcp_port_is_not_served),
        cmocka_unit_test(conflict_is_told_in_dockers_words),
        cmocka_unit_test(range_takes_the_first_free),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
