/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/place.h"

#include "base/str.h"
#include "monitor/client.h"
#include "net/holder.h"
#include "net/publish.h"

#include <unistd.h>

static int place_network(hako_engine *g, int monitor_fd, const struct record *rec, struct place *p,
                         struct err *e) {
    struct network net;
    bool bridge = str_eq(rec->network, "bridge");
    int r = bridge ? network_default(g->netfd, &net, e) : 0;
    if (r < 0)
        return r;
    if (!g->rootless)
        return bridge ? network_ensure(&net, -1, e) : 0;
    struct holder h = {.conn = -1, .userns = -1, .netns = -1};
    r = holder_connect(g->runfd, monitor_fd, bridge ? &net : NULL, &h, e);
    if (r < 0)
        return r;
    p->userns = TAKE_FD(h.userns);
    p->netns = TAKE_FD(h.netns);
    p->holder = TAKE_FD(h.conn);
    return 0;
}

static int place_port(const struct record_port *rp, bool rootless, int *fd, struct err *e) {
    struct port_spec s = {.host_ip = rp->host_ip,
                          .host_port = rp->host_port,
                          .host_last = rp->host_port,
                          .container_port = rp->container_port,
                          .proto = rp->proto,
                          .published = true};
    return publish_open(&s, rootless ? PUBLISH_LISTEN : PUBLISH_HOLD, fd, e);
}

int place_open(hako_engine *g, int monitor_fd, const struct record *rec, struct place *ret,
               struct err *e) {
    struct place p = PLACE_NONE;
    if (rec->n_ports > PLACE_MAX_PORTS)
        return err_set(e, ERR_USAGE, -E2BIG, "more than %d published ports", PLACE_MAX_PORTS);
    int r = place_network(g, monitor_fd, rec, &p, e);
    if (r == 0 && rec->n_ports) {
        p.ports = calloc(rec->n_ports, sizeof(*p.ports));
        r = p.ports ? 0 : err_oom(e);
    }
    for (size_t i = 0; r == 0 && i < rec->n_ports; i++) {
        p.ports[p.n_ports++] = -1;
        r = place_port(&rec->ports[i], g->rootless, &p.ports[i], e);
    }
    if (r < 0) {
        place_close(&p);
        return r;
    }
    *ret = p;
    return 0;
}

void place_close(struct place *p) {
    fd_close(&p->userns);
    fd_close(&p->netns);
    fd_close(&p->holder);
    for (size_t i = 0; i < p->n_ports; i++)
        fd_close(&p->ports[i]);
    free(p->ports);
    p->ports = NULL;
    p->n_ports = 0;
}

int place_send_ports(int sock, const struct place *p, struct err *e) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->n_ports; i++) {
        struct mon_msg m = {.word = MON_LISTENER, .arg = (int32_t)i};
        if (p->ports[i] >= 0)
            r = mon_send(sock, &m, NULL, &p->ports[i], 1, e);
    }
    return r;
}
