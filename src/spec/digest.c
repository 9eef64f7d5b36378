/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/digest.h"

#include <string.h>

static const struct {
    const char *name, *prefix;
    size_t hex;
} algos[] = {
    {"sha256", "sha256:", 64},
    {"sha512", "sha512:", 128},
};

int digest_parse(const char *text, const char *what, struct digest *ret, struct err *e) {
    for (size_t i = 0; i < ARRAY_SIZE(algos); i++) {
        size_t skip = strlen(algos[i].prefix);
        if (strncmp(text, algos[i].prefix, skip) != 0)
            continue;
        size_t hex = strspn(text + skip, "0123456789abcdef");
        if (hex != algos[i].hex || text[skip + hex])
            return err_set(e, ERR_CORRUPT, -EINVAL,
                           "%s: invalid digest \"%.150s\": %s needs %zu lower-case hex digits",
                           what, text, algos[i].name, algos[i].hex);
        memset(ret->s, 0, sizeof(ret->s));
        memcpy(ret->s, text, skip + hex);
        return 0;
    }
    return err_set(e, ERR_CORRUPT, -EINVAL,
                   "%s: invalid digest \"%.150s\": expected sha256:… or sha512:…", what, text);
}

const char *digest_hex(const struct digest *d) {
    const char *colon = strchr(d->s, ':');
    return colon ? colon + 1 : "";
}

const char *digest_algo(const struct digest *d) {
    for (size_t i = 0; i < ARRAY_SIZE(algos); i++) {
        if (strncmp(d->s, algos[i].prefix, strlen(algos[i].prefix)) == 0)
            return algos[i].name;
    }
    return "";
}

bool digest_eq(const struct digest *a, const struct digest *b) {
    return strcmp(a->s, b->s) == 0;
}
