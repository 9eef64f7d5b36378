/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, what signatures sign, lock files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/lockfile.h"
#include "spec/policy.h"
#include "spec/signpayload.h"

#include <stdio.h>
#include <string.h>

#define ACCEPT "[{\"type\":\"insecureAcceptAnything\"}]"
#define REJECT "[{\"type\":\"reject\"}]"

static struct arena *a;
static struct err e;

static int setup(void **state) {
    (void)state;
    a = arena_new();
    return a ? 0 : -1;
}
static int teardown(void **state) {
    (void)state;
    arena_free(a);
    return 0;
}

static int parse(const char *text, struct policy *p) {
    return policy_parse(text, strlen(text), "p.json", a, p, &e);
}

static const char *where(const struct policy *p, const char *name) {
    struct ref ref;
    assert_int_equal(ref_parse(name, a, &ref, &e), 0);
    return policy_for_ref(p, &ref)->where;
}

static void test_scopes(void **state) {
    struct policy p;
    (void)state;
    assert_int_equal(parse("{\"default\":" REJECT ",\"transports\":{\"docker\":{"
                           "\"quay.io/team/app:1\":" ACCEPT ",\"quay.io/team\":" ACCEPT
                           ",\"quay.io\":" REJECT ",\"*.example.com\":" ACCEPT ",\"\":" REJECT
                           "},\"oci\":{\"/srv/a\":" ACCEPT "}}}",
                           &p),
                     0);
    assert_string_equal(where(&p, "quay.io/team/app:1"),
                        "transports.docker.\"quay.io/team/app:1\"");
    assert_string_equal(where(&p, "quay.io/team/app:2"), "transports.docker.\"quay.io/team\"");
    assert_string_equal(where(&p, "quay.io/teamster/app"), "transports.docker.\"quay.io\"");
    assert_string_equal(where(&p, "r.sub.example.com/x"), "transports.docker.\"*.example.com\"");
    assert_string_equal(where(&p, "example.com/x"), "transports.docker.\"\"");
    assert_string_equal(where(&p, "debian"), "transports.docker.\"\"");
    assert_string_equal(policy_for_path(&p, "oci", "/srv/a/b")->where, "transports.oci.\"/srv/a\"");
    assert_string_equal(policy_for_path(&p, "oci", "/srv/ab")->where, "default");
    assert_string_equal(policy_for_path(&p, "dir", NULL)->where, "default");
}

static void test_refused(void **state) {
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"default\":[]}",
        "{\"default\":{}}",
        "{\"default\":[{\"type\":\"\"}]}",
        "{\"default\":[1]}",
        "{\"DEFAULT\":" REJECT "}",
        "{\"default\":" REJECT ",\"x\":1}",
        "{\"default\":" REJECT ",\"transports\":{\"docker\":[]}}",
        "{\"default\":[{\"type\":\"reject\",\"keyPath\":\"/k\"}]}",
        "{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\"}]}",
        "{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\","
        "\"keyData\":\"eA==\"}]}",
        "{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\","
        "\"signedIdentity\":{\"type\":\"exactReference\"}}]}",
        "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/k\",\"rekorPublicKeyPath\":"
        "\"/r\"}]}",
        "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPaths\":[]}]}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct policy p;
        assert_true(parse(bad[i], &p) < 0);
    }
}

static bool identity(const char *json, const char *wanted, const char *is) {
    struct policy p;
    struct ref ref;
    char text[600];
    snprintf(
        text, sizeof(text),
        "{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/k\",\"signedIdentity\":%s}]}",
        json);
    assert_int_equal(parse(text, &p), 0);
    assert_int_equal(ref_parse(wanted, a, &ref, &e), 0);
    return policy_identity_ok(&p.dflt.v[0], &ref, is);
}

static void test_identity(void **state) {
    static const char digest[] =
        "q.io/a@sha256:0000000000000000000000000000000000000000000000000000000000000000";
    (void)state;
#define EXACT "{\"type\":\"matchExact\"}"
#define DEFAULT "{\"type\":\"matchRepoDigestOrExact\"}"
#define REPOSITORY "{\"type\":\"matchRepository\"}"
    assert_true(identity(EXACT, "q.io/a:1", "q.io/a:1"));
    assert_false(identity(EXACT, "q.io/a:1", "q.io/a:2"));
    assert_false(identity(EXACT, "q.io/a", "q.io/a")); /* no tag is written there */
    assert_false(identity(EXACT, digest, "q.io/a:1"));
    assert_true(identity(DEFAULT, digest, "q.io/a:1"));
    assert_false(identity(DEFAULT, digest, "q.io/b:1"));
    assert_true(identity(REPOSITORY, "q.io/a:1", "q.io/a"));
    assert_false(identity(REPOSITORY, "q.io/a:1", "q.io/ab"));
    assert_false(identity(REPOSITORY, "q.io/a:1", "no reference !"));
    assert_true(identity("{\"type\":\"exactReference\",\"dockerReference\":\"x.io/y:3\"}",
                         "q.io/a:1", "x.io/y:3"));
    assert_false(identity("{\"type\":\"exactReference\",\"dockerReference\":\"x.io/y:3\"}",
                          "q.io/a:1", "q.io/a:1"));
    assert_true(identity("{\"type\":\"exactRepository\",\"dockerRepository\":\"x.io/y\"}",
                         "q.io/a:1", "x.io/y:3"));
#define REMAP "{\"type\":\"remapIdentity\",\"prefix\":\"q.io/m\",\"signedPrefix\":\"x.io\"}"
    assert_true(identity(REMAP, "q.io/m/a:1", "x.io/a:1"));
    assert_false(identity(REMAP, "q.io/m/a:1", "q.io/m/a:1"));
    assert_true(identity(REMAP, "q.io/ma:1", "q.io/ma:1"));
}

static void test_payload(void **state) {
    AUTO_STR struct str out = STR_INIT(0);
    struct signpayload p, q;
    (void)state;
    static const char good[] =
        "{\"critical\":{\"identity\":{\"docker-reference\":\"q.io/a:1\"},\"image\":{\"docker-"
        "manifest-digest\":\"sha256:"
        "0000000000000000000000000000000000000000000000000000000000000001\"},\"type\":\"atomic "
        "container signature\"},\"optional\":{\"creator\":\"x\"}}";
    assert_int_equal(signpayload_parse(good, strlen(good), "s", a, &p, &e), 0);
    assert_string_equal(p.reference, "q.io/a:1");
    assert_int_equal(signpayload_print(&p, &out, &e), 0);
    assert_int_equal(signpayload_parse(str_c(&out), out.len, "s", a, &q, &e), 0);
    assert_true(digest_eq(&p.manifest, &q.manifest));
    /* every letter of the keys counts */
    static const char *const words[] = {
        "critical", "identity", "docker-reference", "image", "docker-manifest-digest", "type",
        "atomic",   "sha256"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        char text[sizeof(good)];
        memcpy(text, good, sizeof(good));
        strstr(text, words[i])[0] = 'X';
        assert_true(signpayload_parse(text, strlen(text), "s", a, &p, &e) < 0);
    }
}

static void test_lockfile(void **state) {
    AUTO_STR struct str out = STR_INIT(0);
    struct lockfile l = {.n = 0}, again;
    struct digest d1, d2;
    (void)state;
    digest_parse("sha256:0000000000000000000000000000000000000000000000000000000000000001", "d",
                 &d1, &e);
    digest_parse("sha256:0000000000000000000000000000000000000000000000000000000000000002", "d",
                 &d2, &e);
    assert_int_equal(lockfile_set(&l, "q.io/b:1", "linux/arm64", &d1, a, &e), 0);
    assert_int_equal(lockfile_set(&l, "q.io/b:1", "linux/amd64", &d1, a, &e), 0);
    assert_int_equal(lockfile_set(&l, "q.io/a:1", "linux/amd64", &d1, a, &e), 0);
    assert_int_equal(lockfile_set(&l, "q.io/b:1", "linux/amd64", &d2, a, &e), 0);
    assert_int_equal(l.n, 3);
    assert_int_equal(lockfile_print(&l, &out, &e), 0);
    assert_true(strstr(str_c(&out), "q.io/a:1") < strstr(str_c(&out), "q.io/b:1"));
    assert_int_equal(lockfile_parse(str_c(&out), out.len, "l", a, &again, &e), 0);
    assert_int_equal(again.n, 3);
    assert_string_equal(lockfile_find(&again, "q.io/b:1", "linux/amd64")->digest.s, d2.s);
    assert_null(lockfile_find(&again, "q.io/a:1", "linux/arm64"));
    assert_true(lockfile_has_name(&again, "q.io/a:1"));
    assert_false(lockfile_has_name(&again, "q.io/c:1"));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_scopes), T(test_refused), T(test_identity), T(test_payload), T(test_lockfile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
