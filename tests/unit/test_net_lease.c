/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/path.h"
#include "base/str.h"
#include "net/lease.h"
#include "net/net.h"
#include <cmocka.h>

static const struct network small = {.name = "small",
                                     .bridge = "hako0",
                                     .subnet = 0x0a4d0000,
                                     .gateway = 0x0a4d0001,
                                     .prefix = 29}; /* .2 … .6 */
static const struct network wide = {
    .name = "wide", .bridge = "hako0", .subnet = 0x0a4d0000, .gateway = 0x0a4d0001, .prefix = 16};

struct place {
    char dir[32];
    int fd;
};

static int make(void **state) {
    struct place *p = calloc(1, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "/tmp/hako-lease-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    p->fd = open(p->dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    *state = p;
    return 0;
}

static int end(void **state) {
    struct place *p = *state;
    close(p->fd);
    int r = path_remove_tree(AT_FDCWD, p->dir);
    free(p);
    return r;
}

/* `data` is the one id that is dead. */
static bool in_use(const char *id, void *data) {
    return !data || strcmp(id, data) != 0;
}

static int take(struct place *p, const struct network *n, const char *id, void *dead,
                struct lease *l, struct err *e) {
    return lease_take(p->fd, n, id, in_use, dead, l, e);
}

/* Make a lease old enough to be doubted. */
static void age(struct place *p, const char *path) {
    const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    assert_int_equal(utimensat(p->fd, path, old, AT_SYMLINK_NOFOLLOW), 0);
}

static void addresses_are_given_in_turn(void **state) {
    struct place *p = *state;
    struct lease l = {0};
    struct err e = {0};
    char path[64], id[65];
    static const uint8_t mac[6] = {2, 0x42, 10, 77, 0, 2};

    assert_int_equal(take(p, &wide, "0123456789abcdef", NULL, &l, &e), 0);
    assert_int_equal(l.address, 0x0a4d0002); /* .1 is the gateway's */
    assert_memory_equal(l.mac, mac, 6);
    assert_string_equal(l.ifname, "hk0123456789");
    assert_int_equal(lease_path(&l, path, sizeof(path)), 0);
    assert_string_equal(path, "leases/10.77.0.2");
    ssize_t n = readlinkat(p->fd, path, id, sizeof(id));
    assert_int_equal(n, 16);
    assert_memory_equal(id, "0123456789abcdef", 16);
    assert_int_equal(take(p, &wide, "b", NULL, &l, &e), 0);
    assert_int_equal(l.address, 0x0a4d0003);
    assert_string_equal(l.ifname, "hkb");
    /* A freed address rests while there are fresh ones. */
    assert_int_equal(lease_drop(p->fd, &wide, &l), 0);
    assert_int_equal(lease_drop(p->fd, &wide, &l), 0);
    assert_int_equal(take(p, &wide, "c", NULL, &l, &e), 0);
    assert_int_equal(l.address, 0x0a4d0004);
}

static void full_network_says_so_and_turns_over(void **state) {
    struct place *p = *state;
    struct lease l[5], again = {0};
    struct err e = {0};
    char id[2] = "a";

    for (int i = 0; i < 5; i++, id[0]++) {
        assert_int_equal(take(p, &small, id, NULL, &l[i], &e), 0);
        assert_int_equal(l[i].address, 0x0a4d0002 + i);
    }
    assert_int_equal(take(p, &small, "f", NULL, &again, &e), -EADDRNOTAVAIL);
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_non_null(strstr(e.msg, "small"));
    assert_int_equal(again.address, 0); /* untouched */
    assert_int_equal(lease_drop(p->fd, &small, &l[2]), 0);
    assert_int_equal(take(p, &small, "f", NULL, &again, &e), 0);
    assert_int_equal(again.address, l[2].address);
}

static void lease_of_the_dead_is_taken_over(void **state) {
    struct place *p = *state;
    struct lease l;
    struct err e = {0};
    char id[2] = "a", dead[] = "b", path[64];

    for (int i = 0; i < 5; i++, id[0]++)
        assert_int_equal(take(p, &small, id, NULL, &l, &e), 0);
    l.address = 0x0a4d0003; /* b's */
    assert_int_equal(lease_path(&l, path, sizeof(path)), 0);
    /* Fresh: its container may just be in the making. */
    assert_int_equal(take(p, &small, "x", dead, &l, &e), -EADDRNOTAVAIL);
    age(p, path);
    assert_int_equal(take(p, &small, "x", dead, &l, &e), 0);
    assert_int_equal(l.address, 0x0a4d0003);
    assert_int_equal(take(p, &small, "y", dead, &l, &e), -EADDRNOTAVAIL);
}

static void many_takers_never_share(void **state) {
    struct place *p = *state;
    enum { TAKERS = 4, EACH = 60 };
    struct stat st;
    char path[64];

    for (int t = 0; t < TAKERS; t++) {
        if (fork() != 0)
            continue;
        for (int i = 0; i < EACH; i++) {
            struct lease l;
            struct err e = {0};
            char id[32], mine[32] = "";
            snprintf(id, sizeof(id), "%d-%d", t, i);
            if (take(p, &wide, id, NULL, &l, &e) < 0 || lease_path(&l, path, sizeof(path)) < 0 ||
                readlinkat(p->fd, path, mine, sizeof(mine) - 1) < 0 || strcmp(id, mine) != 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int t = 0; t < TAKERS; t++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < TAKERS * EACH; i++) {
        struct lease l = {.address = 0x0a4d0002 + (uint32_t)i};
        assert_int_equal(lease_path(&l, path, sizeof(path)), 0);
        assert_int_equal(fstatat(p->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    }
}

static void the_last_is_as_quick_as_the_first(void **state) {
    struct place *p = *state;
    struct lease l;
    struct err e = {0};
    char id[16];
    int64_t first = 0, last = 0;

    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof(id), "%010d", i);
        int64_t t = now_mono_ns();
        assert_int_equal(take(p, &wide, id, NULL, &l, &e), 0);
        t = now_mono_ns() - t;
        if (i < 50)
            first += t;
        if (i >= 450)
            last += t;
    }
    print_message("lease: first fifty %ld us each, last fifty %ld us\n", (long)first / 50000,
                  (long)last / 50000);
}

static void lost_hint_does_no_harm(void **state) {
    struct place *p = *state;
    struct lease l;
    struct err e = {0};

    assert_int_equal(take(p, &small, "a", NULL, &l, &e), 0);
    int fd = openat(p->fd, "leases/.next", O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "\xff\xff\xff\xff", 4), 4);
    close(fd);
    assert_int_equal(take(p, &small, "b", NULL, &l, &e), 0);
    assert_int_equal(l.address, 0x0a4d0003);
    assert_int_equal(unlinkat(p->fd, "leases/.next", 0), 0);
    assert_int_equal(take(p, &small, "c", NULL, &l, &e), 0);
    assert_int_equal(l.address, 0x0a4d0004);
}

static void default_network_is_remembered(void **state) {
    struct place *p = *state;
    struct network a = {0}, b = {0};
    struct err e = {0};

    assert_int_equal(network_default(p->fd, &a, &e), 0);
    assert_string_equal(a.name, "bridge");
    assert_true(str_starts(a.bridge, "hako"));
    assert_int_equal(a.gateway, a.subnet + 1);
    assert_int_equal(network_default(p->fd, &b, &e), 0);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void put(struct place *p, const char *text) {
    int fd = openat(p->fd, "bridge", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void administrator_may_choose(void **state) {
    static const char *const bad[] = {"",
                                      "br0",
                                      "br0 10.1.2.1/24",
                                      "br0 10.1.2.1/24 ",
                                      "br0 10.1.2.1/33 0",
                                      "br0 10.1.2/24 0",
                                      "br0 10.1.2.1/24 99999",
                                      "br0 10.1.2.1/24 0 x",
                                      "br\"0 10.1.2.1/24 0",
                                      " 10.1.2.1/24 0",
                                      "averyverylongname 10.1.2.1/24 0",
                                      "../x 10.1.2.1/24 0"};
    struct place *p = *state;
    struct network n = {0};
    struct err e = {0};

    put(p, "br0 192.168.99.1/24 1400\n");
    assert_int_equal(network_default(p->fd, &n, &e), 0);
    assert_string_equal(n.bridge, "br0");
    assert_int_equal(n.gateway, 0xc0a86301);
    assert_int_equal(n.subnet, 0xc0a86300);
    assert_int_equal(n.prefix, 24);
    assert_int_equal(n.mtu, 1400);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        put(p, bad[i]);
        if (network_default(p->fd, &n, &e) != -EBADMSG || e.kind != ERR_CORRUPT)
            fail_msg("accepted: %s", bad[i]);
    }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_given_in_turn),       TEST(full_network_says_so_and_turns_over),
        TEST(lease_of_the_dead_is_taken_over),   TEST(many_takers_never_share),
        TEST(the_last_is_as_quick_as_the_first), TEST(lost_hint_does_no_harm),
        TEST(default_network_is_remembered),     TEST(administrator_may_choose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
