/* SPDX-License-Identifier: Apache-2.0 */
/* --security-opt seccomp=FILE: what is read either is refused or makes a program the kernel could
 * load: of whole instructions, not too many, every jump inside, and a return at the end. */
#include <linux/filter.h>

#include "machine/container/seccomp_compile.h"
#include "spec/seccomp_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sock_filter *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t left = n - i - 1;
        if (BPF_CLASS(v[i].code) == BPF_RET)
            continue;
        if (left == 0)
            abort();
        if (BPF_CLASS(v[i].code) != BPF_JMP)
            continue;
        if (BPF_OP(v[i].code) == BPF_JA ? v[i].k >= left : v[i].jt >= left || v[i].jf >= left)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct seccomp_profile_env env = {
        .caps = 0xa80425fb, .arch = "amd64", .kernel_major = 6, .kernel_minor = 1};
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *doc = NULL;
    struct rt_seccomp s = {0};
    struct err e;
    const void *bytes = NULL;
    size_t len = 0;
    uint32_t flags;

    if (size > 1 << 16 || js_parse((const char *)data, size, "fuzz", &doc, &e) < 0 ||
        seccomp_profile_decode(doc, &env, a, &s, &e) < 0 ||
        seccomp_compile(&s, -1, a, &bytes, &len, &flags, &e) < 0)
        return 0;
    if (len == 0 || len % sizeof(struct sock_filter) || len / sizeof(struct sock_filter) > 4096)
        abort();
    check(bytes, len / sizeof(struct sock_filter));
    return 0;
}
