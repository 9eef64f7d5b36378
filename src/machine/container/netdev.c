/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/netdev.h"

#include "base/str.h"
#include "sys/netlink.h"
#include "sys/netns.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NETDEV_ADDRESSES 32
#define NETDEV_NAMES 256 /* tried for a name with %d */

struct netdev_address {
    uint8_t family, prefix;
    uint8_t len[3];
    uint8_t bytes[3][16]; /* local, address, broadcast */
};

struct netdev {
    const char *name, *inside;
    int host, box; /* rtnetlink sockets */
    int index;     /* of what was asked for last */
    bool too_many;
    uint32_t n;
    struct netdev_address addr[NETDEV_ADDRESSES];
    struct err *e;
};

static const uint16_t address_types[3] = {IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST};

static int netdev_failed(const struct netdev *d, const struct netlink_fail *f, const char *doing) {
    return err_sysn(d->e, f->code, "linux.netDevices: cannot %s %s%s%s", doing, d->name,
                    f->text[0] ? ": " : "", f->text);
}

static int take_index(const struct nlmsghdr *h, void *data) {
    const struct ifinfomsg *i = netlink_head(h);
    if (h->nlmsg_type == RTM_NEWLINK)
        *(int *)data = i->ifi_index;
    return 0;
}

/* Its index, 0 when there is none of this name, or -errno. */
static int netdev_find(int sock, const char *name) {
    _Alignas(4) uint8_t mem[256];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct ifinfomsg i = {0};
    int index = 0;
    netlink_begin(&b, RTM_GETLINK, NLM_F_ACK, &i, sizeof(i));
    netlink_put_str(&b, IFLA_IFNAME, name);
    netlink_end(&b);
    int r = netlink_talk(sock, &b, take_index, &index, NULL);
    return r == -ENODEV ? 0 : r < 0 ? r : index;
}

/* The name in the box: free, or the first free one of a template like "eth%d". */
static int netdev_name(struct netdev *d, char out[IFNAMSIZ]) {
    const char *template = d->inside ? strstr(d->inside, "%d") : NULL;
    for (int i = 0; i < (template ? NETDEV_NAMES : 1); i++) {
        int len = template ? snprintf(out, IFNAMSIZ, "%.*s%d%s", (int)(template - d->inside),
                                      d->inside, i, template + 2)
                           : snprintf(out, IFNAMSIZ, "%s", d->inside);
        if (len <= 0 || len >= IFNAMSIZ)
            break;
        int there = netdev_find(d->box, out);
        if (there < 0)
            return err_sysn(d->e, there, "linux.netDevices: cannot look for %s in the box", out);
        if (there == 0)
            return 0;
    }
    return err_set(d->e, ERR_CONFLICT, -EEXIST,
                   "linux.netDevices: %s cannot be named %s: the container has that already",
                   d->name, d->inside);
}

/* Permanent and global ones: others belong to where it was. */
static int take_address(const struct nlmsghdr *h, void *data) {
    struct netdev *d = data;
    const struct ifaddrmsg *m = netlink_head(h);
    uint32_t flags = netlink_attr_u32(h, sizeof(*m), IFA_FLAGS, m->ifa_flags);
    if (h->nlmsg_type != RTM_NEWADDR || (int)m->ifa_index != d->index ||
        m->ifa_scope != RT_SCOPE_UNIVERSE || !(flags & IFA_F_PERMANENT))
        return 0;
    if (d->n == NETDEV_ADDRESSES) {
        d->too_many = true;
        return 1;
    }
    struct netdev_address *a = &d->addr[d->n++];
    *a = (struct netdev_address){.family = m->ifa_family, .prefix = m->ifa_prefixlen};
    for (int i = 0; i < 3; i++) {
        size_t len = 0;
        const void *p = netlink_attr(h, sizeof(*m), address_types[i], &len);
        if (p && len <= sizeof(a->bytes[i])) {
            memcpy(a->bytes[i], p, len);
            a->len[i] = (uint8_t)len;
        }
    }
    return 0;
}

static int netdev_addresses(struct netdev *d) {
    _Alignas(4) uint8_t mem[128];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f;
    struct ifaddrmsg m = {.ifa_index = (uint32_t)d->index};
    netlink_begin(&b, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m));
    netlink_end(&b);
    if (netlink_talk(d->host, &b, take_address, d, &f) < 0)
        return netdev_failed(d, &f, "read the addresses of");
    return d->too_many
               ? err_set(d->e, ERR_USAGE, -E2BIG, "linux.netDevices: %s has more than %d addresses",
                         d->name, NETDEV_ADDRESSES)
               : 0;
}

static int netdev_move(struct netdev *d, int netns, const char *inside) {
    _Alignas(4) uint8_t mem[256];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f;
    struct ifinfomsg i = {.ifi_index = d->index};
    netlink_begin(&b, RTM_SETLINK, NLM_F_ACK, &i, sizeof(i));
    netlink_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns);
    netlink_put_str(&b, IFLA_IFNAME, inside);
    netlink_end(&b);
    return netlink_talk(d->host, &b, NULL, NULL, &f) < 0
               ? netdev_failed(d, &f, "move to the container the network device")
               : 0;
}

static void put_address(struct netlink_buf *b, const struct netdev_address *a, int index) {
    struct ifaddrmsg m = {
        .ifa_family = a->family, .ifa_prefixlen = a->prefix, .ifa_index = (uint32_t)index};
    netlink_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m));
    for (int i = 0; i < 3; i++) {
        if (a->len[i])
            netlink_put(b, address_types[i], a->bytes[i], a->len[i]);
    }
    netlink_end(b);
}

static int netdev_set_up(struct netdev *d, const char *inside) {
    _Alignas(4) uint8_t mem[NETDEV_ADDRESSES * 88 + 128];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct netlink_fail f;
    int index = netdev_find(d->box, inside);
    if (index <= 0)
        return err_set(d->e, ERR_INTERNAL, index < 0 ? index : -ENODEV,
                       "linux.netDevices: %s went astray on its way to the container", d->name);
    for (uint32_t i = 0; i < d->n; i++)
        put_address(&b, &d->addr[i], index);
    struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    netlink_begin(&b, RTM_SETLINK, NLM_F_ACK, &up, sizeof(up));
    netlink_end(&b);
    return netlink_talk(d->box, &b, NULL, NULL, &f) < 0
               ? netdev_failed(d, &f, "set up in the container the network device")
               : 0;
}

static int netdev_hand_over(struct netdev *d, int netns) {
    char inside[IFNAMSIZ];
    d->index = netdev_find(d->host, d->name);
    if (d->index <= 0)
        return err_set(d->e, ERR_USAGE, d->index < 0 ? d->index : -ENODEV,
                       "linux.netDevices: the host has no network device %s", d->name);
    int r = netdev_name(d, inside);
    if (r == 0)
        r = netdev_addresses(d);
    if (r == 0)
        r = netdev_move(d, netns, inside);
    return r < 0 ? r : netdev_set_up(d, inside);
}

int netdev_give(const struct plan *p, const struct plan_step *s, int netns, struct err *e) {
    AUTO_FD int host = netlink_open(NETLINK_ROUTE);
    AUTO_FD int box = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (host < 0 || box < 0)
        return err_sysn(e, host < 0 ? host : box, "linux.netDevices: cannot talk to the kernel");
    netlink_setup(box);
    struct netdev d = {.name = plan_str(p, s->ref[0]),
                       .inside = plan_str(p, s->ref[1]),
                       .host = host,
                       .box = box,
                       .e = e};
    return netdev_hand_over(&d, netns);
}
