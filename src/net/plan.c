/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include "net/netplan.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static int fill_port(const struct port_spec *from, struct netplan_port *to, struct err *e) {
    struct in_addr a = {0};

    if (from->host_ip && strchr(from->host_ip, ':'))
        return err_set(e, ERR_USAGE, -EAFNOSUPPORT,
                       "cannot publish on %s: boxes have no IPv6 yet; name an IPv4 address",
                       from->host_ip);
    if (from->host_ip && inet_pton(AF_INET, from->host_ip, &a) != 1)
        return err_set(e, ERR_USAGE, -EINVAL, "cannot publish on %s: not an IPv4 address",
                       from->host_ip);
    if (from->host_port == 0 || from->container_port == 0)
        return err_set(e, ERR_INTERNAL, -EINVAL, "port %u/%s: no host port was chosen",
                       from->container_port, from->proto);
    *to = (struct netplan_port){.host_address = ntohl(a.s_addr),
                                .host_port = from->host_port,
                                .box_port = from->container_port};
    if (strcmp(from->proto, "tcp") == 0)
        to->proto = IPPROTO_TCP;
    else if (strcmp(from->proto, "udp") == 0)
        to->proto = IPPROTO_UDP;
    else if (strcmp(from->proto, "sctp") == 0)
        to->proto = IPPROTO_SCTP;
    else
        return err_set(e, ERR_USAGE, -EPROTONOSUPPORT, "unknown protocol %s", from->proto);
    return 0;
}

static int finish(struct netplan *p, size_t len, void **ret, size_t *ret_len, struct err *e) {
    const struct netplan *checked = NULL;
    p->magic = NETPLAN_MAGIC;
    p->size = (uint32_t)len;
    int r = netplan_open(p, len, &checked, e);
    if (r < 0)
        return r;
    *ret = p;
    *ret_len = len;
    return 0;
}

int net_plan_build(const struct network *n, const struct lease *l, const struct port_spec *ports,
                   size_t nports, struct arena *a, void **ret, size_t *ret_len, struct err *e) {
    if (nports > NETPLAN_MAX_PORTS)
        return err_set(e, ERR_USAGE, -E2BIG, "too many published ports");
    size_t len = sizeof(struct netplan) + nports * sizeof(struct netplan_port);
    struct netplan *p = arena_alloc(a, len);
    if (!p)
        return err_oom(e);
    *p = (struct netplan){.kind = NETPLAN_BRIDGE,
                          .address = l->address,
                          .gateway = n->gateway,
                          .prefix = (uint32_t)n->prefix,
                          .mtu = (uint32_t)n->mtu};
    memcpy(p->bridge, n->bridge, sizeof(p->bridge));
    memcpy(p->ifname, l->ifname, sizeof(p->ifname));
    memcpy(p->mac, l->mac, sizeof(l->mac));
    for (size_t i = 0; i < nports; i++) {
        if (!ports[i].published)
            continue;
        int r = fill_port(&ports[i], &p->port[p->nports], e);
        if (r < 0)
            return r;
        p->nports++;
    }
    return finish(p, sizeof(*p) + p->nports * sizeof(p->port[0]), ret, ret_len, e);
}

int net_plan_none(struct arena *a, void **ret, size_t *ret_len, struct err *e) {
    struct netplan *p = arena_new_of(a, struct netplan);
    if (!p)
        return err_oom(e);
    p->kind = NETPLAN_LOOPBACK;
    return finish(p, sizeof(*p), ret, ret_len, e);
}
