/* SPDX-License-Identifier: Apache-2.0 */
/* The box's /etc/resolv.conf, /etc/hosts and /etc/hostname. Pure: text and options in, text out. */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* What --dns, --dns-search and --dns-option gave; an empty list keeps the host's lines. */
struct resolv_options {
    char *const *dns; /* addresses, checked here */
    size_t n_dns;
    char *const *search; /* a single "." = none at all */
    size_t n_search;
    char *const *option;
    size_t n_option;
    /* Instead of the host's loopback resolvers, which a box cannot reach: HOLDER_DNS when
     * rootless; NULL = as docker does, public ones when nothing else is left. */
    const char *loopback_dns;
    bool ipv6; /* the box can reach IPv6 resolvers */
};

/* Where systemd-resolved keeps the real resolvers while /etc/resolv.conf names its stub. */
#define RESOLV_SYSTEMD "/run/systemd/resolve/resolv.conf"
/* True when this host file names nothing but systemd's stub (127.0.0.53): read RESOLV_SYSTEMD. */
bool resolv_is_stub(const char *host);
/* `host`: text of the host's file, "" when it has none. Not for --network host: that box gets the
 * host's text as it is, unless options are given. */
int resolv_build(const char *host, const struct resolv_options *o, struct str *ret, struct err *e);
