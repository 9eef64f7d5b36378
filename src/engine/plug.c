/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/plug.h"

#include "base/io.h"
#include "base/str.h"
#include "engine/container.h"
#include "net/holder.h"
#include "net/hosts.h"
#include "net/lease.h"
#include "net/publish.h"
#include "net/resolv.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static bool plug_in_use(const char *id, void *data) {
    return container_exists(data, id);
}

static char *plug_ip(struct arena *a, uint32_t address) {
    char text[INET_ADDRSTRLEN];
    struct in_addr in = {htonl(address)};
    return arena_strdup(a, inet_ntop(AF_INET, &in, text, sizeof(text)));
}

static int plug_exposed(struct box *b, struct err *e) {
    const struct strlist *image = &b->img.config.exposed_ports;
    int r = 0;
    for (size_t i = 0; r == 0 && i < image->n; i++)
        r = port_parse_exposed(image->v[i], b->a, &b->ports, e);
    for (size_t i = 0; r == 0 && i < b->ports.n; i++) {
        const struct port_spec *p = &b->ports.v[i];
        char text[24];
        snprintf(text, sizeof(text), "%u/%s", p->container_port, p->proto);
        if (!strlist_has(&b->rec.exposed, text) && strlist_add(b->a, &b->rec.exposed, text) < 0)
            r = err_oom(e);
    }
    return r;
}

/* Choose free host ports now, so that the plan knows them; start holds them for good. */
static int plug_publish(struct box *b, struct err *e) {
    b->rec.ports = arena_array(b->a, b->ports.n + 1, struct record_port);
    int *held = arena_array(b->a, b->ports.n + 1, int);
    size_t n = 0;
    int r = b->rec.ports && held ? 0 : err_oom(e);
    for (size_t i = 0; r == 0 && i < b->ports.n; i++) {
        struct port_spec *p = &b->ports.v[i];
        p->published = p->published || b->o->publish_all;
        if (!p->published)
            continue;
        if (b->net_mode != NET_BRIDGE)
            continue; /* docker: published ports are discarded with host and none */
        r = publish_open(p, PUBLISH_HOLD, &held[n], e);
        if (r < 0)
            break;
        b->rec.ports[n++] = (struct record_port){.proto = arena_strdup(b->a, p->proto),
                                                 .host_ip = p->host_ip,
                                                 .host_port = p->host_port,
                                                 .container_port = p->container_port};
    }
    for (size_t i = 0; i < n; i++)
        fd_close(&held[i]);
    b->rec.n_ports = n;
    return r;
}

static int plug_address(struct box *b, struct err *e) {
    char path[256];
    int r = network_default(b->g->netfd, &b->net, e);
    if (r == 0 && !b->dry)
        r = lease_take(b->g->netfd, &b->net, b->id, plug_in_use, b->g, &b->lease, e);
    if (r < 0 || b->dry)
        return r;
    b->leased = true;
    r = lease_path(&b->lease, path, sizeof(path));
    if (r < 0)
        return err_sysn(e, r, "lease");
    const uint8_t *m = b->lease.mac;
    b->rec.lease = arena_strdup(b->a, path);
    b->rec.ip = plug_ip(b->a, b->lease.address);
    b->rec.gateway = plug_ip(b->a, b->net.gateway);
    b->rec.prefix = b->net.prefix;
    b->rec.ifname = arena_strdup(b->a, b->lease.ifname);
    b->rec.mac =
        arena_printf(b->a, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    return b->rec.mac ? 0 : err_oom(e);
}

int plug_lease(struct box *b, struct err *e) {
    int r = plug_exposed(b, e);
    if (r == 0)
        r = plug_publish(b, e);
    if (r == 0 && b->net_mode == NET_BRIDGE)
        r = plug_address(b, e);
    return r;
}

int plug_plan(struct box *b, void **ret, size_t *ret_len, struct err *e) {
    if (b->net_mode == NET_NONE)
        return net_plan_none(b->a, ret, ret_len, e);
    if (b->net_mode != NET_BRIDGE)
        return 0;
    return net_plan_build(&b->net, &b->lease, b->ports.v, b->ports.n, b->a, ret, ret_len, e);
}

#define PLUG_MAX_FILE ((size_t)1 << 20)

static int plug_write(struct box *b, const char *name, const struct str *text, struct err *e) {
    AUTO_FD int fd = openat(b->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int r = fd < 0 ? -errno : io_write_all(fd, str_c(text), text->len);
    return r < 0 ? err_sysn(e, r, "cannot write %s of the container", name) : 0;
}

/* A missing file is an empty one; so is one that is too large to be what it should. */
static void plug_host_file(const char *path, struct str *text) {
    if (io_read_file(AT_FDCWD, path, text) < 0)
        str_clear(text);
}

static int plug_hosts(struct box *b, struct err *e) {
    AUTO_STR struct str host = STR_INIT(PLUG_MAX_FILE), text = STR_INIT(PLUG_MAX_FILE);
    if (b->net_mode == NET_HOST)
        plug_host_file("/etc/hosts", &host);
    struct hosts_options o = {.base = b->net_mode == NET_HOST ? str_c(&host) : NULL,
                              .hostname = b->hostname,
                              .name = b->o->name,
                              .address = b->lease.address,
                              .add = b->o->add_host.v,
                              .n_add = b->o->add_host.n,
                              .host_gateway = b->host.rootless ? 0 : b->net.gateway};
    int r = hosts_build(&o, &text, e);
    return r < 0 ? r : plug_write(b, "hosts", &text, e);
}

static int plug_resolv(struct box *b, struct err *e) {
    AUTO_STR struct str host = STR_INIT(PLUG_MAX_FILE), text = STR_INIT(PLUG_MAX_FILE);
    plug_host_file("/etc/resolv.conf", &host);
    if (b->net_mode == NET_HOST && !b->o->dns.n)
        return plug_write(b, "resolv.conf", &host, e);
    if (resolv_is_stub(str_c(&host)))
        plug_host_file(RESOLV_SYSTEMD, &host);
    struct resolv_options o = {.dns = b->o->dns.v,
                               .n_dns = b->o->dns.n,
                               .search = b->o->dns_search.v,
                               .n_search = b->o->dns_search.n,
                               .option = b->o->dns_option.v,
                               .n_option = b->o->dns_option.n,
                               .loopback_dns = b->host.rootless ? HOLDER_DNS : NULL};
    int r = resolv_build(str_c(&host), &o, &text, e);
    return r < 0 ? r : plug_write(b, "resolv.conf", &text, e);
}

int plug_files(struct box *b, struct err *e) {
    AUTO_STR struct str name = STR_INIT(256);
    int r = str_addf(&name, "%s\n", b->hostname);
    r = r < 0 ? err_sysn(e, r, "hostname") : plug_write(b, "hostname", &name, e);
    if (r == 0)
        r = plug_hosts(b, e);
    return r < 0 ? r : plug_resolv(b, e);
}
