/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of images: is what a policy requires there, and does it hold?
 *
 * Theory of operation
 *   A signature signs a small document (spec/signpayload.h) that names a manifest's digest and the
 *   image's name. Two schemes carry it: "simple signing" is an OpenPGP message in a lookaside
 *   store beside the registry, verified by the program gpgv; sigstore's (cosign) is a detached
 *   signature in the annotations of an artifact tagged "sha256-<hex>.sig" in the same repository,
 *   verified by OpenSSL. Every requirement of the policy's list must find one valid signature that
 *   names this manifest, or the index that led to it, and an acceptable name. The manifest is
 *   checked before any layer is asked for.
 */
#pragma once

#include "registry/job.h"
#include "spec/policy.h"

#define TRUST_MAX_SIGNATURES 32 /* looked at per manifest */

struct trust_want {
    const struct policy_rules *rules;
    const char *file;      /* the policy's, for messages */
    const char *lookaside; /* where simple signatures are: file:// or https://; NULL = nowhere */
};

struct trust_subject {
    struct job *job;
    const struct ref *ref;
    const struct registry_access *access;
    struct digest top, at; /* what the reference names; the platform's manifest */
};

/* ERR_DENIED names the file, the rule and what is missing. */
int trust_check(const struct trust_want *want, const struct trust_subject *s, struct err *e);

/* --- the schemes ----------------------------------------------------------------------------- */

/* Is this payload about our image, by this rule? 0, or why not. */
int trust_payload(const struct policy_rule *rule, const struct trust_subject *s, const char *text,
                  size_t len, struct err *e);
int trust_gpg(const struct policy_rule *rule, const struct trust_want *want,
              const struct trust_subject *s, struct err *e);
int trust_sigstore(const struct policy_rule *rule, const struct trust_subject *s, struct err *e);
/* Texts of all keys of a rule: files read, or base64 decoded, each a str; *n of them. */
int trust_keys(const struct policy_rule *rule, struct arena *a, struct str **ret, size_t *n,
               struct err *e);
