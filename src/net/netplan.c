/* SPDX-License-Identifier: Apache-2.0 */
#include "net/netplan.h"

#include <netinet/in.h>
#include <string.h>

static int corrupt(struct err *e, const char *what) {
    return err_set(e, ERR_CORRUPT, -EBADMSG, "net plan: bad %s", what);
}

static bool name_ok(const char name[IFNAMSIZ]) {
    size_t n = strnlen(name, IFNAMSIZ);

    if (n == 0 || n == IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~' || strchr("/:%", name[i]))
            return false;
    return true;
}

static int check_bridge(const struct netplan *p, struct err *e) {
    /* Names of 14 and 15 bytes leave no room for the letter that attach may append. */
    if (!name_ok(p->bridge) || !name_ok(p->ifname) || strlen(p->ifname) > IFNAMSIZ - 2)
        return corrupt(e, "interface name");
    if (p->prefix < 1 || p->prefix > 30)
        return corrupt(e, "prefix");
    uint32_t mask = UINT32_MAX << (32 - p->prefix);
    if (p->address == p->gateway || ((p->address ^ p->gateway) & mask) != 0)
        return corrupt(e, "address");
    if (p->mtu != 0 && (p->mtu < 68 || p->mtu > 65535))
        return corrupt(e, "mtu");
    if (p->mac[0] & 1)
        return corrupt(e, "hardware address");
    return 0;
}

int netplan_open(const void *block, size_t len, const struct netplan **ret, struct err *e) {
    const struct netplan *p = block;

    if (!block || (uintptr_t)block % _Alignof(struct netplan) != 0 || len < sizeof(*p) ||
        p->magic != NETPLAN_MAGIC || p->size != len)
        return corrupt(e, "header");
    if (p->nports > NETPLAN_MAX_PORTS || len - sizeof(*p) != p->nports * sizeof(p->port[0]))
        return corrupt(e, "number of ports");
    if (p->kind == NETPLAN_LOOPBACK ? p->nports > 0 : p->kind != NETPLAN_BRIDGE)
        return corrupt(e, "kind");
    if (p->kind == NETPLAN_BRIDGE) {
        int r = check_bridge(p, e);
        if (r < 0)
            return r;
    }
    for (uint32_t i = 0; i < p->nports; i++) {
        const struct netplan_port *q = &p->port[i];
        if (q->proto != IPPROTO_TCP && q->proto != IPPROTO_UDP && q->proto != IPPROTO_SCTP)
            return corrupt(e, "protocol of a port");
        if (q->host_port == 0 || q->box_port == 0)
            return corrupt(e, "port number");
    }
    *ret = p;
    return 0;
}
