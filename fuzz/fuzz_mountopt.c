/* SPDX-License-Identifier: Apache-2.0 */
/* -v, --mount and --tmpfs; the first byte chooses. */
#include <string.h>

#include "spec/mountopt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct mount_request *m) {
    if (!m->target || m->target[0] != '/' || !m->target[1] || strstr(m->target, "/../"))
        abort();
    if (m->kind == MOUNT_BIND && (!m->source || m->source[0] != '/'))
        abort();
    if (m->kind == MOUNT_VOLUME && m->source && !mountopt_is_volume_name(m->source))
        abort();
    if (m->kind == MOUNT_TMPFS && m->source)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    struct mount_request m = {0};
    struct err e;
    if (size < 1)
        return 0;
    const char *text = arena_strndup(a, (const char *)data + 1, size - 1);
    int r;
    if (data[0] == 'v')
        r = mountopt_volume(text, "/home/me", a, &m, &e);
    else if (data[0] == 't')
        r = mountopt_tmpfs(text, a, &m, &e);
    else
        r = mountopt_mount(text, "/home/me", a, &m, &e);
    if (r == 0)
        check(&m);
    return 0;
}
