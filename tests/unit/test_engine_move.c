/* SPDX-License-Identifier: Apache-2.0 */
/* Places with a prefix; Dockerfile instructions of --change. */
#include "engine/change.h"
#include "engine/move.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct move_place place(struct arena *a, const char *text, bool reading) {
    struct move_place p;
    struct err e;
    assert_int_equal(move_parse(text, reading, a, &p, &e), 0);
    return p;
}

static void test_places(void **state) {
    (void)state;
    AUTO_ARENA struct arena *a = arena_new();
    struct move_place p = place(a, "debian:12", true);
    assert_int_equal(p.transport, MOVE_REGISTRY);
    assert_string_equal(p.path, "debian:12");
    p = place(a, "docker://localhost:5000/x:1", true);
    assert_int_equal(p.transport, MOVE_REGISTRY);
    assert_string_equal(p.path, "localhost:5000/x:1");
    p = place(a, "docker-archive:/a/b.tar:localhost:5000/x:1", true);
    assert_int_equal(p.transport, MOVE_DOCKER_ARCHIVE);
    assert_string_equal(p.path, "/a/b.tar");
    assert_string_equal(p.name, "localhost:5000/x:1");
    p = place(a, "oci:/a/b", true);
    assert_int_equal(p.transport, MOVE_OCI_DIR);
    assert_null(p.name);
    p = place(a, "dir:/a:b", true);
    assert_int_equal(p.transport, MOVE_DIR);
    assert_string_equal(p.path, "/a:b");
    /* an image that is called so, unless there is such a file */
    assert_int_equal(place(a, "oci:no-such-file-here", true).transport, MOVE_REGISTRY);
    assert_int_equal(place(a, "oci:no-such-file-here", false).transport, MOVE_OCI_DIR);
}

static void test_bad_places(void **state) {
    (void)state;
    AUTO_ARENA struct arena *a = arena_new();
    struct move_place p;
    struct err e;
    static const char *const bad[] = {"docker-daemon:x", "ostree:x", "oci-archive:", "docker://"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(move_parse(bad[i], true, a, &p, &e) < 0);
        assert_int_equal(e.kind, ERR_USAGE);
    }
}

/* The configuration after these instructions. */
static void changed(const char *const lines[], const char *want) {
    AUTO_JS js *config = js_new_object();
    AUTO_STR struct str text = STR_INIT(0);
    struct err e;
    for (; *lines; lines++)
        if (change_apply(config, *lines, &e) < 0)
            fail_msg("%s: %s", *lines, e.msg);
    assert_int_equal(js_print(config, JS_COMPACT, &text), 0);
    assert_string_equal(str_c(&text), want);
}
#define CHANGED(want, ...) changed((const char *const[]){__VA_ARGS__, NULL}, want)

static void test_changes(void **state) {
    (void)state;
    CHANGED("{\"Cmd\":[\"a\",\"b c\"]}", "CMD [\"a\", \"b c\"]");
    CHANGED("{\"Entrypoint\":[\"/bin/sh\",\"-c\",\"a b\"]}", "entrypoint a b");
    CHANGED("{\"Env\":[\"B=2\",\"A=3\",\"C=x y\"]}", "ENV A=1 B=2", "ENV A=3 C=\"x y\"");
    CHANGED("{\"Env\":[\"A=b c\"]}", "ENV A b c");
    CHANGED("{\"Labels\":{\"a\":\"b=c\",\"d\":\"\"}}", "LABEL a=b=c d=");
    CHANGED("{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}}", "EXPOSE 80 53/udp");
    CHANGED("{\"Volumes\":{\"/a\":{},\"/b\":{}}}", "VOLUME [\"/a\", \"/b\"]");
    CHANGED("{\"User\":\"me\",\"WorkingDir\":\"/x\",\"StopSignal\":\"INT\"}", "USER me",
            "WORKDIR=/x", "STOPSIGNAL INT");
    CHANGED("{\"OnBuild\":[\"RUN a\",\"RUN b\"]}", "ONBUILD RUN a", "ONBUILD RUN b");
    CHANGED("{\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":2,\"Test\":[\"CMD-SHELL\",\"a "
            "b\"]}}",
            "HEALTHCHECK --interval=5s --retries=2 CMD a b");
    CHANGED("{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", "HEALTHCHECK NONE");
}

static void test_bad_changes(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",        "FROM x", "ENV",           "ENV A",
        "ENV =b",  "LABEL",  "EXPOSE http",   "EXPOSE",
        "USER",    "VOLUME", "HEALTHCHECK x", "HEALTHCHECK --x=1 CMD y",
        "CMDX [1]"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        AUTO_JS js *config = js_new_object();
        struct err e;
        if (change_apply(config, bad[i], &e) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_int_equal(e.kind, ERR_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_bad_places),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_bad_changes),
    };
    return cmocka_run_group_tests_name("engine/move", tests, NULL, NULL);
}
