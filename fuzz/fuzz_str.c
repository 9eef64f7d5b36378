/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes, durations, times and paths as people write them. */
#include "base/path.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static void check(bool ok) {
    if (!ok)
        abort();
}

static void numbers(const char *s) {
    uint64_t u;
    int64_t i;
    char text[32];

    if (str_to_u64(s, &u) == 0) {
        uint64_t size;
        snprintf(text, sizeof(text), "%llu", (unsigned long long)u);
        check(strcmp(text, s + (strlen(s) - strlen(text))) == 0);
        check(str_to_bytes(s, &size) == 0 && size == u);
    }
    if (str_to_i64(s, &i) == 0) {
        int64_t back;
        snprintf(text, sizeof(text), "%lld", (long long)i);
        check(str_to_i64(text, &back) == 0 && back == i);
    }
    if (str_to_bytes(s, &u) == 0) {
        char out[16];
        check(strlen(str_human_size(u, out)) < 8);
    }
    if (str_to_duration(s, 1000000000, &i) == 0) {
        char out[32];
        check(i > INT64_MIN);
        check(strlen(str_human_duration(i / 1000000000, out)) < 32);
    }
}

static void times(const char *s) {
    char out[36];
    int64_t ns;
    int64_t back;

    if (str_from_rfc3339(s, &ns) == 0)
        check(str_from_rfc3339(str_rfc3339(ns, out), &back) == 0 && back == ns);
}

static void paths(const char *s) {
    char once[256];
    char twice[256];

    if (path_clean(s, once, sizeof(once)) < 0)
        return;
    check(once[0] == '/' && (once[1] == '\0' || !str_ends(once, "/")));
    check(!strstr(once, "//") && !strstr(once, "/./") && !strstr(once, "/../"));
    check(!str_ends(once, "/..") && !str_ends(once, "/."));
    check(path_clean(once, twice, sizeof(twice)) == 0 && strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_FREE char *s = calloc(1, size + 1);
    int64_t ns = 0;

    if (!s)
        return 0;
    memcpy(s, data, size);
    numbers(s);
    times(s);
    paths(s);
    if (size >= sizeof(ns)) { /* any instant survives the way to text and back */
        char out[36];
        int64_t back;
        memcpy(&ns, data, sizeof(ns));
        check(str_from_rfc3339(str_rfc3339(ns, out), &back) == 0 && back == ns);
    }
    return 0;
}
