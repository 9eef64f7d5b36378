/* SPDX-License-Identifier: Apache-2.0 */
/* Does what was signed speak of what is wanted? */
#include "spec/policy.h"

#include "base/str.h"

#include <string.h>

static bool identity_same_repo(const struct ref *a, const struct ref *b) {
    return str_eq(a->domain, b->domain) && str_eq(a->path, b->path);
}

/* A signature's name has its tag written out: "latest" is not understood by itself. */
static bool identity_parse(const char *text, struct arena *a, struct ref *ret, bool *tagged) {
    struct err ignored;
    const char *slash = strrchr(text, '/');
    *tagged = strchr(slash ? slash : text, ':') != NULL && !strchr(text, '@');
    return ref_parse(text, a, ret, &ignored) == 0;
}

static bool identity_exact(const struct ref *wanted, const struct ref *is, bool tagged) {
    return tagged && !wanted->digest.s[0] && identity_same_repo(wanted, is) &&
           str_eq(wanted->tag, is->tag);
}

static bool identity_repo_digest_or_exact(const struct ref *wanted, const struct ref *is,
                                          bool tagged) {
    return wanted->digest.s[0] ? identity_same_repo(wanted, is)
                               : identity_exact(wanted, is, tagged);
}

/* `wanted` with the prefix exchanged, when it has it. */
static bool identity_remap(const struct policy_rule *rule, const struct ref *wanted,
                           struct arena *a, struct ref *ret) {
    const char *full = ref_full(wanted, a);
    size_t n = strlen(rule->reference);
    *ret = *wanted;
    if (!full || strncmp(full, rule->reference, n) != 0 || !strchr("/:@", full[n]))
        return full != NULL; /* not of this prefix: as it is */
    const char *other = arena_printf(a, "%s%s", rule->signed_prefix, full + n);
    struct err ignored;
    return other && ref_parse(other, a, ret, &ignored) == 0;
}

bool policy_identity_ok(const struct policy_rule *rule, const struct ref *wanted,
                        const char *signed_as) {
    AUTO_ARENA struct arena *a = arena_new();
    struct ref is, want;
    bool tagged, want_tagged;
    if (!a || !identity_parse(signed_as, a, &is, &tagged))
        return false;
    switch (rule->identity) {
    case IDENTITY_EXACT:
        return identity_exact(wanted, &is, tagged);
    case IDENTITY_REPO_DIGEST_OR_EXACT:
        return identity_repo_digest_or_exact(wanted, &is, tagged);
    case IDENTITY_REPOSITORY:
        return identity_same_repo(wanted, &is);
    case IDENTITY_EXACT_REFERENCE:
        return identity_parse(rule->reference, a, &want, &want_tagged) && want_tagged &&
               identity_exact(&want, &is, tagged);
    case IDENTITY_EXACT_REPOSITORY:
        return identity_parse(rule->reference, a, &want, &want_tagged) &&
               identity_same_repo(&want, &is);
    case IDENTITY_REMAP:
        return identity_remap(rule, wanted, a, &want) &&
               identity_repo_digest_or_exact(&want, &is, tagged);
    }
    return false;
}
