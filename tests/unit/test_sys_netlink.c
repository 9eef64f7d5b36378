/* SPDX-License-Identifier: Apache-2.0 */
/* Messages built and read without a kernel; the kernel's own words; nft elements; namespaces. */
#include "networld.h"

#include "base/str.h"
#include "sys/netlink.h"
#include "sys/nft.h"
#include <dirent.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/stat.h>

static void message_is_laid_out_as_documented(void **state) {
    static const char want[] =
        "\x2c\0\0\0\x10\0\5\0\1\0\0\0\0\0\0\0"    /* length, type, REQUEST|ACK, number, sender */
        "\2\0\0\0"                                /* family header */
        "\7\0\3\0hk\0\0"                          /* "hk" as attribute 3, padded */
        "\x10\0\x12\x80\5\0\1\0\7\0\0\0\t\t\t\t"; /* nest 18 { u8 7 as 1; raw } */
    uint8_t mem[64] __attribute__((aligned(4)));
    struct netlink_buf b = NETLINK_BUF(mem);
    (void)state;

    netlink_begin(&b, RTM_NEWLINK, NLM_F_ACK, (const uint8_t[]){2, 0, 0, 0}, 4);
    netlink_put_str(&b, IFLA_IFNAME, "hk");
    size_t nest = netlink_nest(&b, IFLA_LINKINFO);
    netlink_put_u8(&b, 1, 7);
    netlink_put_raw(&b, (const uint8_t[]){9, 9, 9, 9}, 4);
    netlink_nest_end(&b, nest);
    netlink_end(&b);
    assert_false(b.full);
    assert_int_equal(b.len, sizeof(want) - 1);
    assert_memory_equal(mem, want, sizeof(want) - 1);
}

static void what_does_not_fit_is_refused(void **state) {
    uint8_t mem[40] __attribute__((aligned(4)));
    static const uint8_t big[70000];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f;
    (void)state;

    netlink_begin(&b, RTM_NEWLINK, 0, "abcd", 4);
    netlink_put(&b, 1, big, 17); /* 20 + 4 + 20 > 40 */
    netlink_end(&b);
    assert_true(b.full);
    assert_true(b.len <= sizeof(mem));
    assert_int_equal(netlink_talk(-1, &b, NULL, NULL, &f), -EMSGSIZE);
    b = NETLINK_BUF(mem);
    netlink_put(&b, 1, big, sizeof(big)); /* more than a length field holds */
    assert_true(b.full);
    b = NETLINK_BUF(mem);
    assert_int_equal(netlink_talk(-1, &b, NULL, NULL, NULL), -EMSGSIZE); /* nothing to say */
}

static void malformed_attributes_are_not_followed(void **state) {
    static const uint8_t good[] = {5, 0, 1, 0, 'a', 0, 0, 0, 8, 0, 2, 0, 1, 2, 3, 4};
    static const uint8_t longer[] = {200, 0, 1, 0, 'a', 0, 0, 0};
    static const uint8_t shorter[] = {3, 0, 1, 0, 5, 0, 2, 0, 'x', 0, 0, 0};
    size_t n = 0;
    (void)state;

    assert_ptr_equal(netlink_attr_in(good, sizeof(good), 2, &n), good + 12);
    assert_int_equal(n, 4);
    assert_ptr_equal(netlink_attr_in(good, sizeof(good), 1, &n), good + 4);
    assert_int_equal(n, 1);
    assert_null(netlink_attr_in(good, sizeof(good), 3, &n));
    for (size_t k = 0; k < sizeof(good); k++)
        assert_null(netlink_attr_in(good, k, 2, &n));
    assert_null(netlink_attr_in(longer, sizeof(longer), 1, &n));
    assert_null(netlink_attr_in(shorter, sizeof(shorter), 2, &n));
}

static int setup(void **state) {
    static int yes;
    if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
        *state = &yes;
    return 0;
}

static void need_root(void **state) {
    if (!*state) {
        print_message("needs root for a network namespace\n");
        skip();
    }
}

static void kernel_names_the_failing_message(void **state) {
    uint8_t mem[256] __attribute__((aligned(4)));
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f;
    need_root(state);
    int s = netlink_open(NETLINK_ROUTE);

    attach_link_up(&b, 1, NULL, 0);
    attach_link_up(&b, 0, "nowhere0", 0);
    attach_address(&b, 77, LOCALHOST, 8, 0);
    attach_link_up(&b, 1, NULL, NLM_F_ACK);
    assert_int_equal(netlink_talk(s, &b, NULL, NULL, &f), -ENODEV);
    assert_int_equal(f.seq, 2); /* the first of two */
    b = NETLINK_BUF(mem);
    attach_link_up(&b, 0, "nowhere0", 0);
    netlink_optional(&b);
    attach_link_up(&b, 1, NULL, NLM_F_ACK);
    assert_int_equal(netlink_talk(s, &b, NULL, NULL, &f), 0);
    b = NETLINK_BUF(mem);
    attach_address(&b, 1, LOCALHOST, 33, NLM_F_ACK); /* a prefix that cannot be */
    assert_int_equal(netlink_talk(s, &b, NULL, NULL, &f), -EINVAL);
    assert_string_not_equal(f.text, "");
    close(s);
}

static void elements_come_and_go(void **state) {
    static const uint32_t key = 0x01020304, value = 0x05060708;
    const struct nft_elem el = {
        .table = "t", .map = "m", .key = &key, .key_len = 4, .value = &value, .value_len = 4};
    uint8_t mem[512] __attribute__((aligned(4)));
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f;
    struct err e = {0};
    uint32_t now = 0;
    need_root(state);
    int s = netlink_open(NETLINK_NETFILTER);

    assert_int_equal(nft_has_table(s, "t"), 0);
    assert_int_equal(nft_elem_get(s, &el, &now), -ENOENT);
    must(nft_run("table ip t { map m { type ipv4_addr : ipv4_addr; }; }\n", &e), &e);
    assert_int_equal(nft_has_table(s, "t"), 1);
    for (int i = 0; i < 2; i++) {
        b = NETLINK_BUF(mem);
        nft_batch_begin(&b);
        nft_elem_create(&b, &el);
        nft_batch_end(&b);
        assert_int_equal(netlink_talk(s, &b, NULL, NULL, &f), i == 0 ? 0 : -EEXIST);
    }
    assert_int_equal(f.seq, 2);
    assert_int_equal(nft_elem_get(s, &el, &now), 0);
    assert_int_equal(now, value);
    for (int i = 0; i < 2; i++) {
        b = NETLINK_BUF(mem);
        nft_batch_begin(&b);
        nft_elem_remove(&b, &el);
        nft_batch_end(&b);
        assert_int_equal(netlink_talk(s, &b, NULL, NULL, &f), i == 0 ? 0 : -ENOENT);
    }
    close(s);
}

static void nft_tells_what_is_wrong(void **state) {
    struct err e = {0};
    need_root(state);

    assert_int_equal(nft_run("add chain ip nowhere c\n", &e), -EIO);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "No such file or directory"));
    assert_null(strchr(e.msg, '\n'));
}

static size_t open_fds(void) {
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static ino_t netns_of(int fd) {
    struct stat st = {0};
    if (fd >= 0)
        assert_int_equal(fstat(fd, &st), 0);
    else
        assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
    return st.st_ino;
}

static void visits_leave_the_caller_where_it_was(void **state) {
    need_root(state);
    ino_t home = netns_of(-1);
    size_t fds = open_fds();
    int ns = netns_new();

    assert_true(ns >= 0);
    assert_true(netns_of(ns) != home);
    assert_int_equal(netns_of(-1), home);
    int s = netns_socket(ns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    assert_true(s >= 0);
    assert_int_equal(fcntl(s, F_GETFD), FD_CLOEXEC);
    assert_int_equal(netns_of(-1), home);
    assert_int_equal(netns_socket(0, AF_INET, SOCK_DGRAM, 0), -EINVAL); /* no namespace */
    assert_int_equal(netns_socket(ns, AF_INET, 77, 0), -EINVAL);
    assert_int_equal(netns_of(-1), home);
    /* The road of those that could not come back. */
    int t = netns_socket_in(-1, ns, AF_INET, SOCK_DGRAM, 0);
    assert_true(t >= 0);
    assert_int_equal(fcntl(t, F_GETFD), FD_CLOEXEC);
    assert_int_equal(netns_of(-1), home);
    close(s);
    close(t);
    close(ns);
    assert_int_equal(open_fds(), fds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_laid_out_as_documented),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(malformed_attributes_are_not_followed),
        cmocka_unit_test(kernel_names_the_failing_message),
        cmocka_unit_test(elements_come_and_go),
        cmocka_unit_test(nft_tells_what_is_wrong),
        cmocka_unit_test(visits_leave_the_caller_where_it_was),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
