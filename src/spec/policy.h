/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images may be used: policy.json as containers/image publishes it (containers-policy.json).
 *
 * Theory of operation
 *   A policy gives lists of requirements: one for each scope of a transport, one by default. The
 *   narrowest scope that covers an image decides alone: "host/name:tag", "host/name", "host/na…"
 *   by whole components, "host", "*.domain", then the transport's "". Every requirement of the
 *   list must hold. Words that hako does not know are refused when the file is read: a policy that
 *   is not understood protects nobody.
 */
#pragma once

#include "base/arena.h"
#include "spec/ref.h"

enum policy_type { POLICY_ACCEPT, POLICY_REJECT, POLICY_SIGNED_BY, POLICY_SIGSTORE };

enum policy_identity {
    IDENTITY_REPO_DIGEST_OR_EXACT, /* what counts when nothing is said */
    IDENTITY_EXACT,
    IDENTITY_REPOSITORY,
    IDENTITY_EXACT_REFERENCE,
    IDENTITY_EXACT_REPOSITORY,
    IDENTITY_REMAP,
};

struct policy_rule {
    enum policy_type type;
    struct strlist key_paths; /* any of these keys, … */
    struct strlist key_data;  /* … or of these: base64 */
    enum policy_identity identity;
    const char *reference;     /* EXACT_*: the reference; REMAP: the prefix */
    const char *signed_prefix; /* REMAP */
};

struct policy_rules {
    const struct policy_rule *v;
    size_t n;
    const char *where; /* "default", "transports.docker.\"quay.io/team\"" */
};

struct policy_scope {
    const char *transport, *scope;
    struct policy_rules rules;
};

struct policy {
    struct policy_rules dflt;
    struct policy_scope *scopes;
    size_t n;
};

#define POLICY_MAX_BYTES ((size_t)1 << 20)

/* `what` names the file in errors. */
int policy_parse(const char *text, size_t len, const char *what, struct arena *a,
                 struct policy *ret, struct err *e);
/* The requirements for an image of a registry (transport "docker"), or for anything from another
 * transport, where `path` (may be NULL) is a file or directory. */
const struct policy_rules *policy_for_ref(const struct policy *p, const struct ref *ref);
const struct policy_rules *policy_for_path(const struct policy *p, const char *transport,
                                           const char *path);
/* Does a signature that names `signed_as` speak of `wanted`? */
bool policy_identity_ok(const struct policy_rule *rule, const struct ref *wanted,
                        const char *signed_as);
const char *policy_type_name(enum policy_type t);
