/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include "base/io.h"
#include "sys/netlink.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

/*
 * The default network's choice is made once and remembered as one line, "hako0 10.77.0.1/16 0"
 * (interface, gateway and prefix, MTU), which an administrator may write beforehand.
 */
#define FILE_NAME "bridge"
#define LOCK_NAME "lock"

static const struct candidate {
    uint32_t subnet;
    int prefix;
} candidates[] = {
#define TEN(n)                                                                                     \
    { 0x0a000000U | (n) << 16, 16 }
    TEN(77U),          TEN(78U),          TEN(79U),          TEN(80U),          TEN(81U),
    TEN(82U),          TEN(83U),          TEN(84U),          TEN(177U),         TEN(178U),
    {0xac1c0000U, 16}, {0xac1d0000U, 16}, {0xac1e0000U, 16}, {0xac1f0000U, 16}, {0xc0a8d000U, 20},
    {0xc0a8e000U, 20}, {0xc6120000U, 16},
#undef TEN
};

/* One bit per candidate that something on this host overlaps. */
struct survey {
    uint32_t taken;
};

static void exclude(struct survey *s, uint32_t address, unsigned prefix) {
    for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
        unsigned shorter = MIN_OF(prefix, (unsigned)candidates[i].prefix);
        uint32_t mask = shorter == 0 ? 0 : UINT32_MAX << (32 - shorter);
        if (((address ^ candidates[i].subnet) & mask) == 0)
            s->taken |= UINT32_C(1) << i;
    }
}

static int survey_address(const struct nlmsghdr *h, void *data) {
    const struct ifaddrmsg *m = netlink_head(h);

    if (h->nlmsg_type == RTM_NEWADDR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) &&
        m->ifa_family == AF_INET && m->ifa_prefixlen <= 32)
        exclude(data, ntohl(netlink_attr_u32(h, sizeof(*m), IFA_ADDRESS, 0)), m->ifa_prefixlen);
    return 0;
}

static int survey_route(const struct nlmsghdr *h, void *data) {
    const struct rtmsg *m = netlink_head(h);

    /* Routes shorter than /8 are default routes in disguise ("0.0.0.0/1"): ours is preferred. */
    if (h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) &&
        m->rtm_family == AF_INET && m->rtm_dst_len >= 8 && m->rtm_dst_len <= 32)
        exclude(data, ntohl(netlink_attr_u32(h, sizeof(*m), RTA_DST, 0)), m->rtm_dst_len);
    return 0;
}

static int survey_host(struct survey *s, struct err *e) {
    _Alignas(4) uint8_t mem[128];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct ifaddrmsg address = {.ifa_family = AF_INET};
    struct rtmsg route = {.rtm_family = AF_INET};

    AUTO_FD int sock = netlink_open(NETLINK_ROUTE);
    if (sock < 0)
        return err_sysn(e, sock, "cannot look at the host's routes");
    netlink_begin(&b, RTM_GETADDR, NLM_F_DUMP, &address, sizeof(address));
    netlink_end(&b);
    int r = netlink_talk(sock, &b, survey_address, s, NULL);
    if (r == 0) {
        uint32_t seq = b.seq;
        b = NETLINK_BUF(mem);
        b.seq = seq;
        netlink_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route));
        netlink_end(&b);
        r = netlink_talk(sock, &b, survey_route, s, NULL);
    }
    return r < 0 ? err_sysn(e, r, "cannot list the host's routes") : 0;
}

static void fill(struct network *n, const char *bridge, uint32_t gateway, int prefix, int mtu) {
    *n = (struct network){.name = "bridge", .gateway = gateway, .prefix = prefix, .mtu = mtu};
    memcpy(n->bridge, bridge, strnlen(bridge, sizeof(n->bridge) - 1));
    n->subnet = gateway & UINT32_MAX << (32 - prefix);
}

static int choose(int netdir, struct network *ret, struct err *e) {
    struct survey s = {0};
    struct network n;
    char line[64], bridge[IFNAMSIZ], gateway[INET_ADDRSTRLEN];
    size_t i = 0;
    int r = survey_host(&s, e);

    if (r < 0)
        return r;
    while (i < ARRAY_SIZE(candidates) && s.taken >> i & 1)
        i++;
    if (i == ARRAY_SIZE(candidates))
        return err_set(e, ERR_CONFLICT, -EADDRINUSE,
                       "every network hako would use for its bridge overlaps a route of this "
                       "host: write a free one into net/" FILE_NAME
                       " in hako's state directory, as \"hako0 192.168.99.1/24 0\"");
    /* One bridge per subnet, so that two state directories on one host keep apart. */
    snprintf(bridge, sizeof(bridge), "hako%u", (unsigned)i);
    fill(&n, bridge, candidates[i].subnet | 1, candidates[i].prefix, 0);
    struct in_addr a = {htonl(n.gateway)};
    inet_ntop(AF_INET, &a, gateway, sizeof(gateway));
    int len = snprintf(line, sizeof(line), "%s %s/%d %d\n", bridge, gateway, n.prefix, n.mtu);
    r = io_replace_file(netdir, FILE_NAME, line, (size_t)len, 0644, false);
    if (r < 0)
        return err_sysn(e, r, "cannot remember the default network");
    *ret = n;
    return 0;
}

/* "hako0 10.77.0.1/16 0": cuts `line` into its words. */
static bool parse_choice(char *line, struct network *ret) {
    char *gateway = strchr(line, ' ');
    char *prefix_text = gateway ? strchr(gateway, '/') : NULL;
    char *mtu_text = prefix_text ? strchr(prefix_text, ' ') : NULL;
    uint64_t prefix = 0, mtu = 0;
    struct in_addr a;

    if (!mtu_text)
        return false;
    *gateway++ = *prefix_text++ = *mtu_text++ = '\0';
    if (str_to_u64(prefix_text, &prefix) < 0 || str_to_u64(mtu_text, &mtu) < 0 || prefix < 8 ||
        prefix > 30 || mtu > 65535 || inet_pton(AF_INET, gateway, &a) != 1)
        return false;
    size_t n = strlen(line);
    if (n == 0 || n >= IFNAMSIZ || strpbrk(line, "/\":%") != NULL)
        return false;
    fill(ret, line, ntohl(a.s_addr), (int)prefix, (int)mtu);
    return true;
}

/* 1 when read, 0 when there is no such file. */
static int read_choice(int netdir, struct network *ret, struct err *e) {
    char line[64] = "", work[64];
    int r = io_read_line(netdir, FILE_NAME, line, sizeof(line));

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return err_sysn(e, r, "cannot read the default network");
    str_copy(work, sizeof(work), line);
    if (!parse_choice(work, ret))
        return err_set(e, ERR_CORRUPT, -EBADMSG,
                       "net/" FILE_NAME " in hako's state directory should read like \"hako0 "
                       "10.77.0.1/16 0\", not \"%s\": mend or remove it",
                       line);
    return 1;
}

int network_default(int netdir, struct network *ret, struct err *e) {
    int r = read_choice(netdir, ret, e);

    if (r != 0)
        return r < 0 ? r : 0;
    AUTO_FD int lock = openat(netdir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock < 0)
        return err_sys(e, "cannot write in hako's net directory");
    while (flock(lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_sys(e, "cannot lock hako's net directory");
    r = read_choice(netdir, ret, e);
    return r != 0 ? (r < 0 ? r : 0) : choose(netdir, ret, e);
}
