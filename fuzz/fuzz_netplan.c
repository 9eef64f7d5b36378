/* SPDX-License-Identifier: Apache-2.0 */
/* The net plan of a bundle file: whatever is accepted must be safe to act on. */
#include "base/arena.h"
#include "net/ports.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    const struct netplan *p = NULL;
    struct err e;
    void *block = arena_alloc(a, size + 1);

    memcpy(block, data, size);
    if (netplan_open(block, size, &p, &e) < 0)
        return 0;
    if (p->kind == NETPLAN_BRIDGE &&
        (strlen(p->bridge) >= sizeof(p->bridge) || strlen(p->ifname) >= sizeof(p->ifname) - 1))
        abort();
    for (uint32_t i = 0; i < p->nports; i++) {
        struct ports_elem el;
        ports_elem(p, &p->port[i], &el);
        if (el.elem.key_len > sizeof(el.key))
            abort();
    }
    return 0;
}
