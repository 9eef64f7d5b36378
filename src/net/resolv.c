/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolv.h"

#include <arpa/inet.h>
#include <string.h>

#define BLANKS " \t"
#define MAX_ADDRESS 64

/* One line of the file, cut into its keyword and the rest (comment and blanks at the end off). */
struct line {
    char key[16];
    const char *rest;
    size_t len;
};

static const char *next_line(const char *at, struct line *l) {
    if (!*at)
        return NULL;
    size_t n = strcspn(at, "\n");
    const char *next = at + n + (at[n] == '\n');
    const char *end = at + n;

    at += strspn(at, BLANKS);
    *l = (struct line){.key = ""};
    if (at >= end || *at == '#' || *at == ';')
        return next;
    size_t k = MIN_OF(strcspn(at, BLANKS "\n\r"), (size_t)(end - at));
    if (k < sizeof(l->key)) {
        memcpy(l->key, at, k);
        l->key[k] = '\0';
    }
    at += k;
    at += MIN_OF(strspn(at, BLANKS), (size_t)(end - at));
    while (end > at && strchr(BLANKS "\r", end[-1]))
        end--;
    l->rest = at;
    l->len = (size_t)(end - at);
    return next;
}

static bool address_of(const struct line *l, char out[MAX_ADDRESS]) {
    size_t n = 0;

    while (n < l->len && !strchr(BLANKS "#;", l->rest[n]))
        n++;
    if (n == 0 || n >= MAX_ADDRESS)
        return false;
    memcpy(out, l->rest, n);
    out[n] = '\0';
    return true;
}

static bool is_ipv6(const char *address) {
    return strchr(address, ':') != NULL;
}

static bool is_loopback(const char *address) {
    return str_starts(address, "127.") || strcmp(address, "::1") == 0;
}

bool resolv_is_stub(const char *host) {
    struct line l;
    char address[MAX_ADDRESS];
    size_t servers = 0;

    for (const char *at = host; (at = next_line(at, &l)) != NULL;) {
        if (strcmp(l.key, "nameserver") != 0)
            continue;
        if (!address_of(&l, address) || strcmp(address, "127.0.0.53") != 0)
            return false;
        servers++;
    }
    return servers > 0;
}

static int put_list(struct str *b, const char *key, char *const *v, size_t n) {
    int r = str_add(b, key);

    for (size_t i = 0; i < n && r == 0; i++)
        r = str_addf(b, " %s", v[i]);
    return r == 0 ? str_addc(b, '\n') : r;
}

static int put_server(struct str *b, const char *address) {
    return str_addf(b, "nameserver %s\n", address);
}

static int given_servers(const struct resolv_options *o, struct str *b, struct err *e) {
    uint8_t raw[16];

    for (size_t i = 0; i < o->n_dns; i++) {
        const char *a = o->dns[i];
        if (inet_pton(is_ipv6(a) ? AF_INET6 : AF_INET, a, raw) != 1)
            return err_set(e, ERR_USAGE, -EINVAL, "%s is not an IP address: --dns wants one", a);
        if (put_server(b, a) < 0)
            return err_oom(e);
    }
    return 0;
}

/* The host's resolvers that a box can reach, or others in their place. */
static int host_servers(const char *host, const struct resolv_options *o, struct str *b) {
    struct line l;
    char address[MAX_ADDRESS];
    bool had_loopback = false;
    size_t servers = 0;
    int r = 0;

    for (const char *at = host; r == 0 && (at = next_line(at, &l)) != NULL;) {
        if (strcmp(l.key, "nameserver") != 0 || !address_of(&l, address))
            continue;
        if (is_loopback(address)) {
            if (!had_loopback && o->loopback_dns) {
                r = put_server(b, o->loopback_dns);
                servers++;
            }
            had_loopback = true;
        } else if (o->ipv6 || !is_ipv6(address)) {
            r = put_server(b, address);
            servers++;
        }
    }
    if (r == 0 && servers == 0 && o->loopback_dns)
        return put_server(b, o->loopback_dns);
    if (r == 0 && servers == 0)
        r = str_add(b, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    return r;
}

/* "search" (or the older "domain") and "options" of the host, unless given. */
static int host_lines(const char *host, const struct resolv_options *o, struct str *b) {
    struct line l;
    int r = 0;

    for (const char *at = host; r == 0 && (at = next_line(at, &l)) != NULL;) {
        bool search = strcmp(l.key, "search") == 0 || strcmp(l.key, "domain") == 0;
        bool options = strcmp(l.key, "options") == 0;
        if ((search && o->n_search == 0) || (options && o->n_option == 0) ||
            strcmp(l.key, "sortlist") == 0)
            r = str_addf(b, "%s %.*s\n", l.key, (int)l.len, l.rest);
    }
    return r;
}

int resolv_build(const char *host, const struct resolv_options *o, struct str *ret, struct err *e) {
    bool no_search = o->n_search == 1 && strcmp(o->search[0], ".") == 0;
    int r = o->n_dns > 0 ? given_servers(o, ret, e) : host_servers(host, o, ret);

    if (r < 0)
        return o->n_dns > 0 ? r : err_oom(e);
    r = host_lines(host, o, ret);
    if (r == 0 && o->n_search > 0 && !no_search)
        r = put_list(ret, "search", o->search, o->n_search);
    if (r == 0 && o->n_option > 0)
        r = put_list(ret, "options", o->option, o->n_option);
    return r < 0 ? err_oom(e) : 0;
}
