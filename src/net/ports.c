/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ports.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#define BATCH_PORTS 64

#define FLOW_ROUNDS 64 /* of 50 flows or so */

void ports_elem(const struct netplan *p, const struct netplan_port *port, struct ports_elem *ret) {
    bool bound = port->host_address != 0;
    size_t n = 0;

    /* The protocol is one byte and a port two, at the low end of their padded words. */
    *ret = (struct ports_elem){0};
    ret->key[n] = 0;
    ((uint8_t *)&ret->key[n++])[0] = (uint8_t)port->proto;
    if (bound)
        ret->key[n++] = htonl(port->host_address);
    uint16_t be = htons(port->host_port);
    memcpy(&ret->key[n++], &be, sizeof(be));
    ret->value[0] = htonl(p->address);
    be = htons(port->box_port);
    memcpy(&ret->value[1], &be, sizeof(be));
    ret->elem = (struct nft_elem){.table = NET_TABLE,
                                  .map = bound ? "bound" : "any",
                                  .key = ret->key,
                                  .key_len = n * sizeof(uint32_t),
                                  .value = ret->value,
                                  .value_len = sizeof(ret->value)};
}

static int refused(const struct netplan_port *q, const struct netlink_fail *f, struct err *e) {
    struct in_addr a = {htonl(q->host_address)};
    char text[INET_ADDRSTRLEN] = "";

    inet_ntop(AF_INET, &a, text, sizeof(text));
    if (f->code == -EEXIST)
        return err_set(e, ERR_CONFLICT, -EADDRINUSE,
                       "Bind for %s:%u failed: port is already allocated", text, q->host_port);
    return err_sysn(e, f->code, "cannot publish port %s:%u%s%s", text, q->host_port,
                    f->text[0] ? ": " : "", f->text);
}

/* Take the elements that are ours out of the maps; what is not there is no failure. */
static int take_back(const struct netplan *p, uint32_t n, int sock, struct err *e) {
    _Alignas(4) uint8_t mem[160 * (BATCH_PORTS + 2)];
    struct netlink_fail f = {0};
    int ret = 0;

    for (uint32_t i = 0; i < n;) {
        struct netlink_buf b = NETLINK_BUF(mem);
        uint32_t taken = 0;

        nft_batch_begin(&b);
        for (; i < n && taken < BATCH_PORTS; i++) {
            struct ports_elem el;
            uint32_t now[2] = {0};

            ports_elem(p, &p->port[i], &el);
            int r = nft_elem_get(sock, &el.elem, now);
            if (r < 0 && r != -ENOENT && ret == 0)
                ret = err_sysn(e, r, "cannot look up a published port");
            if (r < 0 || memcmp(now, el.value, sizeof(now)) != 0)
                continue;
            nft_elem_remove(&b, &el.elem);
            taken++;
        }
        nft_batch_end(&b);
        if (taken == 0)
            continue;
        if (netlink_talk(sock, &b, NULL, NULL, &f) < 0 && f.code != -ENOENT && ret == 0)
            ret = err_sysn(e, f.code, "cannot take back published ports");
    }
    return ret;
}

/* --- flows of the past ------------------------------------------------------------------------ */

struct flows {
    const struct netplan_port *port;
    struct netlink_buf *forget; /* messages that delete what was found */
    bool more;                  /* and there was no room for all */
};

static bool flow_matches(const struct netplan_port *port, const void *tuple, size_t len) {
    size_t ip_len = 0, proto_len = 0, n[3] = {0};
    uint32_t address;
    uint16_t be;
    const void *ip = netlink_attr_in(tuple, len, CTA_TUPLE_IP, &ip_len);
    const void *proto = netlink_attr_in(tuple, len, CTA_TUPLE_PROTO, &proto_len);

    if (!ip || !proto)
        return false;
    const void *dst = netlink_attr_in(ip, ip_len, CTA_IP_V4_DST, &n[0]);
    const uint8_t *num = netlink_attr_in(proto, proto_len, CTA_PROTO_NUM, &n[1]);
    const void *to = netlink_attr_in(proto, proto_len, CTA_PROTO_DST_PORT, &n[2]);
    if (!dst || n[0] != sizeof(address) || !num || n[1] != 1 || !to || n[2] != sizeof(be))
        return false;
    memcpy(&address, dst, sizeof(address));
    memcpy(&be, to, sizeof(be));
    return *num == port->proto && ntohs(be) == port->host_port &&
           (port->host_address == 0 || ntohl(address) == port->host_address);
}

static void put_flow(struct netlink_buf *b, uint16_t msg, uint16_t flags) {
    const struct nfgenmsg g = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};
    netlink_begin(b, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | msg), flags, &g, sizeof(g));
}

static int take_flow(const struct nlmsghdr *h, void *data) {
    struct flows *f = data;
    size_t len = 0;
    const void *tuple = netlink_attr(h, sizeof(struct nfgenmsg), CTA_TUPLE_ORIG, &len);

    if (!tuple || !flow_matches(f->port, tuple, len))
        return 0;
    if (f->forget->cap - f->forget->len < len + 64) {
        f->more = true;
        return 0;
    }
    put_flow(f->forget, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
    netlink_put(f->forget, CTA_TUPLE_ORIG | NLA_F_NESTED, tuple, len);
    netlink_end(f->forget);
    return 0;
}

/* A UDP flow goes where its first datagram went as long as it does not pause: to a box of the
 * past, or to nobody. Make the kernel forget those that ask for this port. That it knows of none,
 * or cannot tell, is no failure. */
static void forget_flows(int sock, const struct netplan_port *port) {
    _Alignas(4) uint8_t ask[64], mem[4096];
    struct flows f = {.port = port, .more = true};

    for (int round = 0; f.more && round < FLOW_ROUNDS; round++) {
        struct netlink_buf b = NETLINK_BUF(ask);
        struct netlink_buf forget = NETLINK_BUF(mem);
        f.more = false;
        f.forget = &forget;
        put_flow(&b, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
        netlink_end(&b);
        if (netlink_talk(sock, &b, take_flow, &f, NULL) < 0 || forget.seq == 0)
            return;
        netlink_talk(sock, &forget, NULL, NULL, NULL);
    }
}

/* --- publishing ------------------------------------------------------------------------------- */

int ports_publish(const struct netplan *p, int sock, struct err *e) {
    _Alignas(4) uint8_t mem[160 * (BATCH_PORTS + 2)];
    struct netlink_fail f = {0};

    for (uint32_t i = 0; i < p->nports; i += BATCH_PORTS) {
        struct netlink_buf b = NETLINK_BUF(mem);

        nft_batch_begin(&b);
        for (uint32_t k = i; k < p->nports && k < i + BATCH_PORTS; k++) {
            struct ports_elem el;
            ports_elem(p, &p->port[k], &el);
            nft_elem_create(&b, &el.elem);
        }
        nft_batch_end(&b);
        if (netlink_talk(sock, &b, NULL, NULL, &f) < 0) {
            /* Message 1 opens the batch. */
            uint32_t which = f.seq >= 2 ? i + f.seq - 2 : i;
            struct err unused;
            take_back(p, i, sock, &unused);
            return refused(&p->port[MIN_OF(which, p->nports - 1)], &f, e);
        }
    }
    for (uint32_t i = 0; i < p->nports; i++)
        if (p->port[i].proto == IPPROTO_UDP)
            forget_flows(sock, &p->port[i]);
    return 0;
}

int ports_unpublish(const struct netplan *p, int sock, struct err *e) {
    return take_back(p, p->nports, sock, e);
}
