/* SPDX-License-Identifier: Apache-2.0 */
/* Run by the build: the default profile for docker's default capabilities, as a C array. */
#include "sys/caps.h"
#include "sys/seccomp.h"

#include <linux/filter.h>
#include <stdio.h>

int main(void) {
    struct err e = {0};
    struct seccomp_filter f;
    void *bytes;
    size_t len;
    AUTO_ARENA struct arena *a = arena_new();

    if (!a || seccomp_default_filter(CAPS_DEFAULT, a, &f, &e) < 0 ||
        seccomp_build(&f, a, &bytes, &len, &e) < 0) {
        fprintf(stderr, "seccomp-gen: %s\n", e.msg);
        return 1;
    }
    const struct sock_filter *v = bytes;
    printf("/* Made by tools/seccomp-gen.c; do not edit. */\n"
           "#pragma once\n#include <linux/filter.h>\n"
           "static const struct sock_filter seccomp_default_bpf[] = {\n");
    for (size_t i = 0; i < len / sizeof(*v); i++)
        printf("    {0x%04x, %3u, %3u, 0x%08x},\n", v[i].code, v[i].jt, v[i].jf, v[i].k);
    printf("};\n");
    return 0;
}
