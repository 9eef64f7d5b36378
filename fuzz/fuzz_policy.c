/* SPDX-License-Identifier: Apache-2.0 */
/* By the first byte: policy.json, a signed document, a lock file, a bootstrap lock, dpkg's status,
 * or registries.d. What parses is printed and parses again. */
#include "engine/bootstrap.h"
#include "engine/lookaside.h"
#include "spec/lockfile.h"
#include "spec/policy.h"
#include "spec/signpayload.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_policy(const char *text, size_t n, struct arena *a) {
    struct policy p;
    struct err e;
    struct ref ref;
    if (policy_parse(text, n, "p", a, &p, &e) < 0 ||
        ref_parse("q.example.io:5000/a/b:1", a, &ref, &e) < 0)
        return;
    const struct policy_rules *r = policy_for_ref(&p, &ref);
    if (!r || r->n == 0 || !policy_for_path(&p, "oci", "/a/b"))
        __builtin_trap();
    for (size_t i = 0; i < r->n; i++)
        (void)policy_identity_ok(&r->v[i], &ref, "q.example.io:5000/a/b:1");
}

static void fuzz_payload(const char *text, size_t n, struct arena *a) {
    AUTO_STR struct str out = STR_INIT(0);
    struct signpayload p, q;
    struct err e;
    if (signpayload_parse(text, n, "s", a, &p, &e) < 0)
        return;
    if (signpayload_print(&p, &out, &e) < 0 ||
        signpayload_parse(str_c(&out), out.len, "s", a, &q, &e) < 0 ||
        !digest_eq(&p.manifest, &q.manifest) || strcmp(p.reference, q.reference) != 0)
        __builtin_trap();
}

static void fuzz_lock(const char *text, size_t n, struct arena *a) {
    AUTO_STR struct str out = STR_INIT((size_t)64 << 20);
    struct lockfile l, again;
    struct err e;
    if (lockfile_parse(text, n, "l", a, &l, &e) < 0 || l.n == 0)
        return;
    if (lockfile_print(&l, &out, &e) < 0 ||
        lockfile_parse(str_c(&out), out.len, "l", a, &again, &e) < 0 || again.n != l.n)
        __builtin_trap();
}

static void fuzz_bootstrap(const char *text, bool status, struct arena *a) {
    AUTO_STR struct str out = STR_INIT(BOOTSTRAP_MAX_LOCK), prefs = STR_INIT(BOOTSTRAP_MAX_LOCK);
    struct bootstrap_lock l, again;
    struct err e;
    if (status) {
        (void)bootstrap_status_parse(text, a, &l, &e);
        return;
    }
    if (bootstrap_lock_parse(text, "l", a, &l, &e) < 0)
        return;
    if (bootstrap_lock_print(&l, &out, &e) < 0 || bootstrap_preferences(&l, &prefs, &e) < 0 ||
        bootstrap_lock_parse(str_c(&out), "l", a, &again, &e) < 0 || again.n != l.n)
        __builtin_trap();
}

static void fuzz_lookaside(const char *text, struct arena *a) {
    struct lookaside l = {NULL, NULL};
    struct err e;
    size_t best = 0;
    (void)lookaside_parse(text, "y", "docker.io/library/x:1", a, &best, &l, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FREE char *text = size ? malloc(size) : NULL;
    if (!text || !a)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 6) {
    case 0:
        fuzz_policy(text, size - 1, a);
        break;
    case 1:
        fuzz_payload(text, size - 1, a);
        break;
    case 2:
        fuzz_lock(text, size - 1, a);
        break;
    case 3:
    case 4:
        fuzz_bootstrap(text, data[0] % 6 == 4, a);
        break;
    default:
        fuzz_lookaside(text, a);
    }
    return 0;
}
