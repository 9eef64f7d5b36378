/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/subuid, and /proc/self/cgroup with mountinfo (split at the first NUL). */
#include <string.h>

#include "sys/cgroup.h"
#include "sys/userns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool writable(const char *path, void *data) {
    return strlen(path) % 2;
}

static bool no_file(const char *path, char *buf, size_t size, void *data) {
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    const struct cgroup_probe probe = {.writable = writable, .read = no_file};
    char *text = arena_strndup(a, (const char *)data, size);
    char text_map[USERNS_MAX_RANGES * 36];
    struct cgroup_layout l;
    struct userns_map m;
    struct err e;

    if (!text)
        return 0;
    if (userns_map_parse(text, "ann", 1000, &m, &e) == 0) {
        uint64_t span = userns_map_span(&m);
        if (m.n == 0 || m.n > USERNS_MAX_RANGES || span == 0 || span > UINT32_MAX ||
            userns_map_text(&m, text_map, sizeof(text_map)) < 0)
            abort();
    }
    size_t first = strlen(text);
    const char *mounts =
        first < size ? arena_strndup(a, (const char *)data + first + 1, size - first - 1) : text;
    if (mounts && cgroup_layout_parse(text, mounts, &probe, a, &l, &e) == 0) {
        if (l.n_v1 > CG_COUNT)
            abort();
        for (size_t i = 0; i < l.n_v1; i++)
            if (!l.v1[i].mount || !l.v1[i].base || !l.v1[i].ctls)
                abort();
    }
    return 0;
}
