/* SPDX-License-Identifier: Apache-2.0 */
/* The host's resolv.conf, and an --add-host line. */
#include "base/arena.h"
#include "net/hosts.h"
#include "net/resolv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    char *text = arena_strndup(a, (const char *)data, size);
    char *add[] = {text};
    struct str b = STR_INIT((size_t)1 << 20);
    struct err e;
    const struct resolv_options o = {.ipv6 = size & 1};
    const struct hosts_options h = {
        .add = add, .n_add = 1, .host_gateway = 1, .address = 2, .hostname = text};

    (void)resolv_is_stub(text);
    if (resolv_build(text, &o, &b, &e) == 0 && !strstr(str_c(&b), "nameserver "))
        abort(); /* a box always has one to ask */
    str_clear(&b);
    (void)hosts_build(&h, &b, &e);
    str_free(&b);
    return 0;
}
