/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges, stored credentials, and where a repository is looked for. */
#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "registry/challenge.h"
#include "registry/endpoint.h"
#include "registry/login.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct challenge parsed(const char *text) {
    struct challenge c;
    challenge_parse(text, &c);
    return c;
}

static void test_challenge(void **state) {
    (void)state;
    struct challenge c = parsed("Bearer realm=\"https://auth.docker.io/token\","
                                "service=\"registry.docker.io\",scope=\"repository:a/b:pull\"");
    assert_int_equal(c.scheme, CHALLENGE_BEARER);
    assert_string_equal(c.realm, "https://auth.docker.io/token");
    assert_string_equal(c.service, "registry.docker.io");
    assert_string_equal(c.scope, "repository:a/b:pull");
    c = parsed("bearer  Realm = \"a\\\"b\\\\c\" ,scope=repository:x:pull,error=\"invalid_token\"");
    assert_string_equal(c.realm, "a\"b\\c");
    assert_string_equal(c.scope, "repository:x:pull");
    c = parsed("Basic realm=\"Registry, Realm\"");
    assert_int_equal(c.scheme, CHALLENGE_BASIC);
    assert_string_equal(c.realm, "Registry, Realm");
}

static void test_challenge_choice(void **state) {
    (void)state;
    struct challenge c = parsed("Basic realm=\"x\", Bearer realm=\"y\",service=\"s\"");
    assert_int_equal(c.scheme, CHALLENGE_BEARER);
    assert_string_equal(c.realm, "y");
    c = parsed("Bearer realm=\"y\", Basic realm=\"x\"");
    assert_int_equal(c.scheme, CHALLENGE_BEARER);
    assert_string_equal(c.realm, "y");
    c = parsed("Negotiate abc==, Digest realm=\"d\", Basic");
    assert_int_equal(c.scheme, CHALLENGE_BASIC);
    c = parsed("Bearer service=\"no realm\", Basic realm=\"x\"");
    assert_int_equal(c.scheme, CHALLENGE_BASIC);
}

static void test_challenge_garbage(void **state) {
    static const char *const bad[] = {
        "", " , ,", "=", "\"", "Bearer realm=\"open", "Bearer realm=", "Negotiate", "\x01\x02"};
    char longer[2000] = "Bearer realm=\"";
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(parsed(bad[i]).scheme, CHALLENGE_NONE);
    memset(longer + 14, 'a', 1000);
    str_copy(longer + 1014, 10, "\"");
    assert_int_equal(parsed(longer).scheme, CHALLENGE_NONE); /* cut is not right */
}

struct world {
    struct arena *a;
    struct login l;
    struct err e;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    w->a = arena_new();
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    arena_free(w->a);
    free(w);
    return 0;
}

static int login(struct world *w, const char *text, const char *host, const char *path) {
    w->l = (struct login){.user = NULL};
    return login_parse(text, strlen(text), "auth.json", host, path, w->a, &w->l, &w->e);
}

static void test_login(void **state) {
    struct world *w = *state;
    static const char text[] =
        "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"YW5uOnNlY3JldA==\"},"
        " \"localhost:5000\": {\"auth\": \"Ym9iOmE6Yg\"},"
        " \"https://old.example/v1/\": {\"username\": \"u\", \"password\": \"p\"},"
        " \"quay.io\": {\"identitytoken\": \"tok\"},"
        " \"quay.io/team\": {\"auth\": \"dDp0\"},"
        " \"empty.example\": {}}, \"credsStore\": \"desktop\"}";
    assert_int_equal(login(w, text, "docker.io", "library/debian"), 0);
    assert_string_equal(w->l.user, "ann");
    assert_string_equal(w->l.password, "secret");
    assert_int_equal(login(w, text, "localhost:5000", "x"), 0);
    assert_string_equal(w->l.user, "bob");
    assert_string_equal(w->l.password, "a:b");
    assert_int_equal(login(w, text, "old.example", "x"), 0);
    assert_string_equal(w->l.user, "u");
    assert_int_equal(login(w, text, "quay.io", "other/x"), 0);
    assert_null(w->l.user);
    assert_string_equal(w->l.identity, "tok");
    assert_int_equal(login(w, text, "quay.io", "team/x"), 0); /* the nearest */
    assert_string_equal(w->l.user, "t");
    assert_int_equal(login(w, text, "quay.io", "teamster/x"), 0);
    assert_null(w->l.user);
    assert_int_equal(login(w, text, "empty.example", "x"), 0);
    assert_null(w->l.user);
    assert_int_equal(login(w, text, "localhost", "x"), 0);
    assert_null(w->l.user);
    assert_int_equal(login(w, "{}", "localhost", "x"), 0);
    assert_int_equal(login(w, "{\"auths\": []}", "localhost", "x"), 0);
    assert_null(w->l.user);
}

static void test_login_garbage(void **state) {
    static const char *const bad[] = {"YW5u", "YQ==", "A", "%%%%", "YTpiAA==", "====", "Y=W5"};
    struct world *w = *state;
    char text[128];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        snprintf(text, sizeof(text), "{\"auths\": {\"h\": {\"auth\": \"%s\"}}}", bad[i]);
        assert_true(login(w, text, "h", "x") < 0);
        assert_int_equal(w->e.kind, ERR_CORRUPT);
    }
    assert_true(login(w, "no json", "h", "x") < 0);
}

static void test_login_places(void **state) {
    struct world *w = *state;
    char dir[] = "/tmp/hako-login-XXXXXX", path[128];
    assert_non_null(mkdtemp(dir));
    AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(path_mkdir_p(fd, ".config/containers", 0700), 0);
    static const char docker[] = "{\"auths\": {\"one\": {\"auth\": \"YTpi\"}}}";
    static const char podman[] = "{\"auths\": {\"two\": {\"auth\": \"Yzpk\"}}}";
    assert_int_equal(io_replace_file(fd, "config.json", docker, sizeof(docker) - 1, 0600, false),
                     0);
    assert_int_equal(io_replace_file(fd, ".config/containers/auth.json", podman, sizeof(podman) - 1,
                                     0600, false),
                     0);
    unsetenv("REGISTRY_AUTH_FILE");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_CONFIG_HOME");
    setenv("DOCKER_CONFIG", dir, 1);
    setenv("HOME", dir, 1);
    assert_int_equal(login_find(NULL, "one", "x", w->a, &w->l, &w->e), 0);
    assert_string_equal(w->l.user, "a");
    assert_int_equal(login_find(NULL, "two", "x", w->a, &w->l, &w->e), 0);
    assert_string_equal(w->l.user, "c");
    assert_int_equal(login_find(NULL, "three", "x", w->a, &w->l, &w->e), 0);
    assert_null(w->l.user);
    snprintf(path, sizeof(path), "%s/none.json", dir);
    assert_int_equal(login_find(path, "one", "x", w->a, &w->l, &w->e), -ENOENT);
    path_remove_tree(AT_FDCWD, dir);
}

static void test_loopback(void **state) {
    static const char *const yes[] = {"localhost",   "localhost:5000", "127.0.0.1",
                                      "127.9.8.7:1", "[::1]",          "[::1]:5000"};
    static const char *const no[] = {"localhost.evil.example",
                                     "127.0.0.1.evil.example",
                                     "127.evil.example:5000",
                                     "[::1].x",
                                     "docker.io",
                                     "0.0.0.0",
                                     "localhosts:1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(endpoint_is_loopback(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(endpoint_is_loopback(no[i]));
}

static void test_endpoints(void **state) {
    struct world *w = *state;
    const char *const mirrors[] = {"mirror.example:5000/cache/", "http://plain.example",
                                   "https://tls.example/a/b", NULL};
    struct registry_entry v[] = {{.host = "docker.io", .mirrors = mirrors},
                                 {.host = "tls.example", .insecure = true},
                                 {.host = "bad.example", .blocked = true}};
    struct registry_config config = {v, 3};
    struct registry_access access = {.config = &config, .auth_file = "/tmp/hako-empty-auth.json"};
    struct ref ref;
    struct endpoints list;
    static const char file[] = "/tmp/hako-empty-auth.json";
    assert_int_equal(io_replace_file(AT_FDCWD, file, "{}", 2, 0600, false), 0);
    assert_int_equal(ref_parse("debian:12", w->a, &ref, &w->e), 0);
    assert_int_equal(endpoints_make(&ref, &access, w->a, &list, &w->e), 0);
    assert_int_equal(list.n, 4);
    assert_string_equal(list.v[0].host, "mirror.example:5000");
    assert_string_equal(list.v[0].repo, "cache/library/debian");
    assert_false(list.v[0].insecure);
    assert_string_equal(list.v[1].host, "plain.example");
    assert_true(list.v[1].insecure);
    assert_string_equal(list.v[2].repo, "a/b/library/debian");
    assert_true(list.v[2].insecure);
    assert_string_equal(list.v[3].host, "registry-1.docker.io");
    assert_false(list.v[3].insecure);
    endpoints_done(&list);
    assert_int_equal(ref_parse("bad.example/x", w->a, &ref, &w->e), 0);
    assert_true(endpoints_make(&ref, &access, w->a, &list, &w->e) < 0);
    assert_int_equal(w->e.kind, ERR_DENIED);
    assert_int_equal(ref_parse("localhost:5000/x", w->a, &ref, &w->e), 0);
    access.config = NULL;
    assert_int_equal(endpoints_make(&ref, &access, w->a, &list, &w->e), 0);
    assert_true(list.v[0].loopback && list.v[0].insecure);
    endpoints_done(&list);
    access.tls = VERIFY_YES;
    access.creds = "me:se:cret";
    assert_int_equal(endpoints_origin(&ref, &access, w->a, &list, &w->e), 0);
    assert_false(list.v[0].insecure);
    assert_string_equal(list.v[0].login.user, "me");
    assert_string_equal(list.v[0].login.password, "se:cret");
    endpoints_done(&list);
    unlink(file);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_challenge_choice),
        cmocka_unit_test(test_challenge_garbage),
        T(test_login),
        T(test_login_garbage),
        T(test_login_places),
        cmocka_unit_test(test_loopback),
        T(test_endpoints),
    };
    return cmocka_run_group_tests_name("registry/auth", tests, NULL, NULL);
}
