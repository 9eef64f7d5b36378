/* SPDX-License-Identifier: Apache-2.0 */
/* -p and --expose. */
#include "spec/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    struct port_list list = {0};
    struct err e;
    const char *text = arena_strndup(a, (const char *)data, size);
    (void)port_parse(text, a, &list, &e);
    size_t published = list.n;
    if (published < 1000)
        (void)port_parse_exposed(text, a, &list, &e);
    for (size_t i = 0; i < list.n; i++) {
        const struct port_spec *p = &list.v[i];
        if (p->container_port == 0 || p->host_last < p->host_port || !p->proto ||
            p->published != (i < published))
            abort();
        (void)port_print(p, a);
    }
    return 0;
}
