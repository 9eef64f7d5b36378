/* SPDX-License-Identifier: Apache-2.0 */
/* First byte even: a tar archive that is indexed; odd: docker's manifest.json. */
#include "base/io.h"
#include "registry/source_bag.h"
#include "registry/tarindex.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_index(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct tar_index t;
    struct err e;
    if (!a || fd < 0 || io_write_all(fd, data, size) < 0 ||
        tarindex_read(fd, size, "fuzz", 1000, a, &t, &e) < 0)
        return;
    for (size_t i = 0; i < t.n; i++) {
        const struct tarindex_entry *x = &t.v[i], *found = tarindex_find(&t, x->name);
        if (!x->name[0] || x->name[0] == '/' || strncmp(x->name, "../", 3) == 0)
            __builtin_trap();
        if (found && (found->link || found->at > size || found->size > size - found->at))
            __builtin_trap();
    }
}

static void fuzz_manifest(const char *text, size_t len) {
    AUTO_ARENA struct arena *a = arena_new();
    struct docker_item *v;
    size_t n;
    struct err e;
    if (a && source_docker_parse(text, len, "manifest.json", a, &v, &n, &e) == 0 &&
        (n == 0 || !v[n - 1].config[0]))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        fuzz_index(data + 1, size - 1);
    else
        fuzz_manifest((const char *)data + 1, size - 1);
    return 0;
}
