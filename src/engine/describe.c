/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe.h"

#include "base/str.h"

#include <string.h>

char *describe_command(const struct record *rec) {
    AUTO_STR struct str b = STR_INIT((size_t)1 << 20);
    for (size_t i = 0; i < rec->args.n; i++)
        if (str_addf(&b, "%s%s", i ? " " : "", rec->args.v[i]) < 0)
            break; /* a command longer than that is shown cut */
    return b.s ? str_take(&b) : strdup("");
}

static bool describe_published(const struct record *rec, const char *exposed) {
    char text[32];
    for (size_t i = 0; i < rec->n_ports; i++) {
        const struct record_port *p = &rec->ports[i];
        AUTO_STR struct str b = STR_INIT(sizeof(text));
        if (str_addf(&b, "%u/%s", p->container_port, p->proto) == 0 && str_eq(b.s, exposed))
            return true;
    }
    return false;
}

char *describe_ports(const struct record *rec, struct arena *a) {
    AUTO_STR struct str b = STR_INIT((size_t)1 << 20);
    for (size_t i = 0; i < rec->exposed.n; i++)
        if (!describe_published(rec, rec->exposed.v[i]))
            str_addf(&b, "%s%s", b.len ? ", " : "", rec->exposed.v[i]);
    for (size_t i = 0; i < rec->n_ports; i++) {
        const struct record_port *p = &rec->ports[i];
        str_addf(&b, "%s%s:%u->%u/%s", b.len ? ", " : "", p->host_ip ? p->host_ip : "0.0.0.0",
                 p->host_port, p->container_port, p->proto);
    }
    return b.s ? str_take(&b) : strdup("");
}

char *describe_mounts(const struct record *rec) {
    AUTO_STR struct str b = STR_INIT((size_t)1 << 20);
    for (size_t i = 0; i < rec->n_mounts; i++) {
        const struct record_mount *m = &rec->mounts[i];
        if (!str_eq(m->type, "tmpfs"))
            str_addf(&b, "%s%s", b.len ? "," : "", m->name ? m->name : m->source);
    }
    return b.s ? str_take(&b) : strdup("");
}

const char *describe_network_name(const struct record *rec) {
    if (!rec->network)
        return "bridge";
    return str_starts(rec->network, "container:") ? "" : rec->network;
}
