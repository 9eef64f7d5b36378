/* SPDX-License-Identifier: Apache-2.0 */
/* The box's /etc/hosts. Pure. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct hosts_options {
    const char *base;     /* --network host: the host's own file; NULL = the usual lines */
    const char *hostname; /* "web" or "web.example.org" */
    const char *name;     /* container name, an alias; NULL = none */
    uint32_t address;     /* host byte order; 0 = no line for the box itself */
    char *const *add;     /* --add-host: "name:ip", "name:host-gateway" */
    size_t n_add;
    uint32_t host_gateway; /* what host-gateway means; 0 = nothing does */
};

int hosts_build(const struct hosts_options *o, struct str *ret, struct err *e);
