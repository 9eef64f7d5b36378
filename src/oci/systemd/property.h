/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's property on its way from hako-oci's line to systemd's message. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct property {
    const char *name, *signature, *value;
};
struct sd_bus_message;

/* The lines of a request. Arena-owned. */
int property_parse(const char *text, struct arena *a, struct property **ret, size_t *n,
                   struct err *e);
/* As "(sv)". sd-bus's answer: negative errno on failure. */
int property_append(struct sd_bus_message *m, const struct property *p);
