/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "spec/ref.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST "sha256:" HEX

static void normalises_as_docker(void **state) {
    static const struct {
        const char *in, *full, *familiar, *name;
    } cases[] = {
        {"debian", "docker.io/library/debian:latest", "debian:latest", "debian"},
        {"debian:12", "docker.io/library/debian:12", "debian:12", "debian"},
        {"me/app", "docker.io/me/app:latest", "me/app:latest", "me/app"},
        {"library/debian", "docker.io/library/debian:latest", "debian:latest", "debian"},
        {"docker.io/debian", "docker.io/library/debian:latest", "debian:latest", "debian"},
        {"index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest", "a/b"},
        {"localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost/x"},
        {"localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x"},
        {"127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest",
         "127.0.0.1:5000/x"},
        {"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest", "[::1]:5000/x"},
        {"Upper/x", "Upper/x:latest", "Upper/x:latest", "Upper/x"},
        {"a__b/c-_d", NULL, NULL, NULL},
        {"a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest", "a__b/c---d.e_f:latest",
         "a__b/c---d.e_f"},
        {"x@" DIGEST, "docker.io/library/x@" DIGEST, "x@" DIGEST, "x"},
        {"x:1@" DIGEST, "docker.io/library/x:1@" DIGEST, "x:1@" DIGEST, "x"},
        {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest", "library/a/b"},
        {"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest", "docker.io/a.b/c"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ref r = {0};
        struct err e;
        int rc = ref_parse(cases[i].in, a, &r, &e);
        if (!cases[i].full) {
            assert_int_equal(rc, -EINVAL);
            continue;
        }
        if (rc < 0)
            fail_msg("%s: %s", cases[i].in, e.msg);
        assert_string_equal(ref_full(&r, a), cases[i].full);
        assert_string_equal(ref_familiar(&r, a), cases[i].familiar);
        assert_string_equal(ref_familiar_name(&r, a), cases[i].name);
    }
}

static void digest_alone_has_no_tag(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct ref r = {0};
    struct err e;
    assert_int_equal(ref_parse("x@" DIGEST, a, &r, &e), 0);
    assert_null(r.tag);
    assert_string_equal(digest_hex(&r.digest), HEX);
    assert_string_equal(digest_algo(&r.digest), "sha256");
}

static void refuses_bad_references(void **state) {
    static const struct {
        const char *in, *why;
    } cases[] = {
        {"", "empty"},
        {"Debian", "must be lowercase"},
        {"a/B", "must be lowercase"},
        {HEX, "64-byte hexadecimal"},
        {"x:", "a tag is"},
        {"x:-1", "a tag is"},
        {"a/x:b/c", "a tag is"},
        {"x:a/b", "registry name"},
        {"x@sha256:1", "digest"},
        {"x@md5:" HEX, "digest"},
        {"x@", "digest"},
        {"/x", "repository name"},
        {"x/", "repository name"},
        {"a//b", "repository name"},
        {"a..b", "repository name"},
        {"a___b", "repository name"},
        {"-a", "repository name"},
        {"a-", "repository name"},
        {"a b", "repository name"},
        {"-bad-.com/x", "registry name"},
        {"host:port/x", "registry name"},
        {"host:/x", "registry name"},
        {"[::1/x", "registry name"},
        {"[]:5/x", "registry name"},
        {"a..b.c/x", "registry name"},
        {"../x", "registry name"},
        {"x\n", "repository name"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char untouched[] = "untouched";
        struct ref r = {.tag = untouched};
        struct err e;
        if (ref_parse(cases[i].in, a, &r, &e) != -EINVAL)
            fail_msg("\"%s\" was taken", cases[i].in);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_ptr_equal(r.tag, untouched);
        if (!strstr(e.msg, cases[i].why))
            fail_msg("\"%s\" gave: %s", cases[i].in, e.msg);
    }
}

static int parse_repeated(const char *head, size_t n, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(0);
    struct ref r = {0};
    (void)str_add(&text, head);
    for (size_t i = 0; i < n; i++)
        (void)str_addc(&text, 'a');
    return ref_parse(str_c(&text), a, &r, e);
}

static void bounds_name_and_tag(void **state) {
    size_t most = 255 - strlen("docker.io/library/");
    struct err e;
    assert_int_equal(parse_repeated("", most, &e), 0);
    assert_int_equal(parse_repeated("", most + 1, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "255"));
    assert_int_equal(parse_repeated("x:", 128, &e), 0);
    assert_int_equal(parse_repeated("x:", 129, &e), -EINVAL);
}

static void digests(void **state) {
    struct digest d = {0};
    struct digest other = {0};
    struct err e;
    char sha512[8 + 128];
    snprintf(sha512, sizeof(sha512), "sha512:%s%s", HEX, HEX);
    assert_int_equal(digest_parse(DIGEST, "x", &d, &e), 0);
    assert_int_equal(digest_parse(sha512, "x", &other, &e), 0);
    assert_string_equal(digest_algo(&other), "sha512");
    assert_false(digest_eq(&d, &other));
    assert_true(digest_eq(&d, &d));
    static const char *const bad[] = {
        "",
        "sha256:",
        HEX,
        "sha256:" HEX "a",
        "sha256:" HEX "\n",
        "sha256:" HEX "/x",
        "sha512:" HEX,
        "SHA256:" HEX,
        "sha256:Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sha256:gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sha256:../../aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(digest_parse(bad[i], "layer 1", &d, &e), -EINVAL);
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_non_null(strstr(e.msg, "layer 1"));
        assert_string_equal(d.s, DIGEST);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalises_as_docker),
        cmocka_unit_test(digest_alone_has_no_tag),
        cmocka_unit_test(refuses_bad_references),
        cmocka_unit_test(bounds_name_and_tag),
        cmocka_unit_test(digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
