/* SPDX-License-Identifier: Apache-2.0 */
/* First byte even: a WWW-Authenticate header; odd: an auth.json. */
#include "registry/challenge.h"
#include "registry/login.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_challenge(const char *text) {
    struct challenge c;
    challenge_parse(text, &c);
    if (c.scheme == CHALLENGE_BEARER && !c.realm[0])
        __builtin_trap();
    if (strlen(c.realm) >= sizeof(c.realm) || strlen(c.scope) >= sizeof(c.scope))
        __builtin_trap();
}

static void fuzz_login(const char *text, size_t len) {
    AUTO_ARENA struct arena *a = arena_new();
    struct login l = {.user = NULL};
    struct err e;
    if (a && login_parse(text, len, "auth.json", "docker.io", "library/x", a, &l, &e) == 0 &&
        l.user && !l.password)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] % 2 == 0)
        fuzz_challenge(text);
    else
        fuzz_login(text, size - 1);
    free(text);
    return 0;
}
