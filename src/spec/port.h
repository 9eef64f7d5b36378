/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker's port words.
 *
 *   -p        [ip:][host[-range]:]container[-range][/proto]     ip: 127.0.0.1, [::1] or ::1
 *   --expose  port[-range][/proto]      also the keys of an image's ExposedPorts
 *
 * A range on both sides is spread into single ports and must be equally long; a range on the host
 * side alone means "any free one of these".
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct port_spec {
    char *host_ip;      /* "127.0.0.1", "::1"; NULL = every address */
    uint16_t host_port; /* 0 = any free port, chosen by the lease */
    uint16_t host_last; /* = host_port; greater: any free port of host_port…host_last */
    uint16_t container_port;
    const char *proto; /* "tcp", "udp" or "sctp", static */
    bool published;    /* false: exposed only */
};

struct port_list {
    struct port_spec *v; /* NULL while empty */
    size_t n, cap;
};

/* Append what `text` means; the list is unchanged on failure. ERR_USAGE in docker's words. */
int port_parse(const char *text, struct arena *a, struct port_list *list, struct err *e);
/* Append exposed ports (published = false), skipping those that the list already has. */
int port_parse_exposed(const char *text, struct arena *a, struct port_list *list, struct err *e);
/* The list's entry for a container port, or NULL. */
const struct port_spec *port_find(const struct port_list *list, uint16_t container_port,
                                  const char *proto);
/* As `docker ps` shows it: "0.0.0.0:8080->80/tcp", "[::1]:53->53/udp", exposed only: "80/tcp". */
const char *port_print(const struct port_spec *p, struct arena *a);
