/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/port.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

struct range {
    uint16_t first, last;
};

static const char *const protos[] = {"tcp", "udp", "sctp"};

/* "8000" or "8000-8010" out of s[0..n). */
static bool parse_range(const char *s, size_t n, struct range *ret) {
    char buf[12];
    uint64_t first = 0;
    uint64_t last = 0;
    if (n == 0 || n >= sizeof(buf))
        return false;
    memcpy(buf, s, n);
    buf[n] = 0;
    char *dash = strchr(buf, '-');
    if (dash)
        *dash++ = 0;
    if (str_to_u64(buf, &first) < 0 || str_to_u64(dash ? dash : buf, &last) < 0)
        return false;
    if (first > last || last > UINT16_MAX)
        return false;
    *ret = (struct range){(uint16_t)first, (uint16_t)last};
    return true;
}

/* "80-81/udp" → range and protocol. */
static int parse_container(const char *s, const char *text, struct range *ports, const char **proto,
                           struct err *e) {
    size_t n = strcspn(s, "/");
    const char *word = s[n] && s[n + 1] ? s + n + 1 : "tcp";
    if (n == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "no port specified: %.200s<empty>", text);
    *proto = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
        if (strcasecmp(word, protos[i]) == 0)
            *proto = protos[i];
    }
    if (!*proto)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid proto: %.60s", word);
    if (!parse_range(s, n, ports) || ports->first == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid containerPort: %.*s", (int)MIN_OF(n, 60), s);
    return 0;
}

/* "127.0.0.1", "[::1]", "::1" out of s[0..n) → canonical text. */
static int parse_ip(const char *s, size_t n, struct arena *a, char **ret, struct err *e) {
    unsigned char addr[16];
    char canonical[INET6_ADDRSTRLEN];
    bool bracketed = n > 2 && s[0] == '[' && s[n - 1] == ']';
    char *ip = arena_strndup(a, s + bracketed, n - 2 * (size_t)bracketed);
    if (!ip)
        return err_oom(e);
    int family = bracketed || strchr(ip, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, ip, addr) != 1 || !inet_ntop(family, addr, canonical, sizeof(canonical)))
        return err_set(e, ERR_USAGE, -EINVAL, "invalid IP address: %.80s", ip);
    *ret = arena_strdup(a, canonical);
    return *ret ? 0 : err_oom(e);
}

static int append(struct arena *a, struct port_list *list, const struct port_spec *p) {
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 8;
        struct port_spec *v = arena_array(a, cap, struct port_spec);
        if (!v)
            return -ENOMEM;
        if (list->n)
            memcpy(v, list->v, list->n * sizeof(*v));
        list->v = v;
        list->cap = cap;
    }
    list->v[list->n++] = *p;
    return 0;
}

/* The colon that ends before s[0..n)'s last part, or NULL. */
static const char *last_colon(const char *s, size_t n) {
    return n ? memrchr(s, ':', n) : NULL;
}

/* Split at the last two colons, so that an IPv6 address needs no brackets. */
static int split(const char *text, struct arena *a, struct port_spec *p, struct range *host,
                 const char **container, struct err *e) {
    const char *c2 = last_colon(text, strlen(text));
    *host = (struct range){0, 0};
    *container = c2 ? c2 + 1 : text;
    if (!c2)
        return 0;
    const char *c1 = last_colon(text, (size_t)(c2 - text));
    const char *h = c1 ? c1 + 1 : text;
    size_t n = (size_t)(c2 - h);
    if (n && (!parse_range(h, n, host) || (host->first == 0 && host->last != 0)))
        return err_set(e, ERR_USAGE, -EINVAL, "invalid hostPort: %.*s", (int)MIN_OF(n, 60), h);
    if (!c1 || c1 == text) /* ":80:80" is "80:80" */
        return 0;
    return parse_ip(text, (size_t)(c1 - text), a, &p->host_ip, e);
}

int port_parse(const char *text, struct arena *a, struct port_list *list, struct err *e) {
    struct port_spec p = {.published = true};
    struct port_list out = *list;
    struct range host = {0, 0};
    struct range ports = {0, 0};
    const char *container = NULL;
    int r = split(text, a, &p, &host, &container, e);
    if (r == 0)
        r = parse_container(container, text, &ports, &p.proto, e);
    if (r < 0)
        return r;
    size_t n = (size_t)(ports.last - ports.first) + 1;
    size_t hosts = (size_t)(host.last - host.first) + 1;
    if (host.last && n > 1 && n != hosts)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid ranges specified for container and host Ports: %u-%u and %u-%u",
                       ports.first, ports.last, host.first, host.last);
    for (size_t i = 0; i < n; i++) {
        p.container_port = (uint16_t)(ports.first + i);
        p.host_port = host.last ? (uint16_t)(host.first + i) : 0;
        p.host_last = n == 1 ? host.last : p.host_port;
        if (append(a, &out, &p) < 0)
            return err_oom(e);
    }
    *list = out;
    return 0;
}

const struct port_spec *port_find(const struct port_list *list, uint16_t container_port,
                                  const char *proto) {
    for (size_t i = 0; i < list->n; i++) {
        if (list->v[i].container_port == container_port && str_eq(list->v[i].proto, proto))
            return &list->v[i];
    }
    return NULL;
}

int port_parse_exposed(const char *text, struct arena *a, struct port_list *list, struct err *e) {
    struct port_spec p = {0};
    struct port_list out = *list;
    struct range ports = {0, 0};
    if (strchr(text, ':'))
        return err_set(e, ERR_USAGE, -EINVAL, "invalid port format for --expose: %.200s", text);
    int r = parse_container(text, text, &ports, &p.proto, e);
    if (r < 0)
        return r;
    for (unsigned port = ports.first; port <= ports.last; port++) {
        p.container_port = (uint16_t)port;
        if (!port_find(list, p.container_port, p.proto) && append(a, &out, &p) < 0)
            return err_oom(e);
    }
    *list = out;
    return 0;
}

const char *port_print(const struct port_spec *p, struct arena *a) {
    if (!p->published)
        return arena_printf(a, "%u/%s", p->container_port, p->proto);
    const char *ip = p->host_ip ? p->host_ip : "0.0.0.0";
    bool six = strchr(ip, ':') != NULL;
    return arena_printf(a, "%s%s%s:%u->%u/%s", six ? "[" : "", ip, six ? "]" : "", p->host_port,
                        p->container_port, p->proto);
}
