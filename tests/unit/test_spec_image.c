/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "spec/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST "sha256:" HEX_A
#define DESC(mt) "{\"mediaType\":\"" mt "\",\"digest\":\"" DIGEST "\",\"size\":7}"
#define CONFIG "\"config\":" DESC(MT_OCI_CONFIG)
#define LAYERS "\"layers\":[" DESC(MT_OCI_LAYER_GZIP) "]"
#define V2 "\"schemaVersion\":2"

static int manifest(const char *text, struct arena *a, struct manifest *ret, struct err *e) {
    return manifest_decode(text, strlen(text), "manifest of x", a, ret, e);
}

static int config(const char *text, struct arena *a, struct img_config *ret, struct err *e) {
    return img_config_decode(text, strlen(text), "config of x", a, ret, e);
}

/* --- manifests ----------------------------------------------------------------------------- */

static void reads_manifests(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest m = {0};
    struct err e;
    assert_int_equal(manifest("{" V2 "," CONFIG "," LAYERS "}", a, &m, &e), 0);
    assert_false(m.is_index);
    assert_string_equal(m.media_type, MT_OCI_MANIFEST); /* absent: what it must be */
    assert_int_equal(m.n_layers, 1);
    assert_string_equal(m.layers[0].media_type, MT_OCI_LAYER_GZIP);
    assert_string_equal(m.layers[0].digest.s, DIGEST);
    assert_int_equal(m.config.size, 7);
    assert_null(m.config.platform.os);

    assert_int_equal(manifest("{" V2 ",\"mediaType\":\"" MT_DOCKER_MANIFEST "\"," CONFIG
                              ",\"layers\":[]}",
                              a, &m, &e),
                     0);
    assert_string_equal(m.media_type, MT_DOCKER_MANIFEST);
    assert_int_equal(m.n_layers, 0);
}

static void reads_indexes(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest m = {0};
    struct err e;
    assert_int_equal(
        manifest(
            "{" V2 ",\"mediaType\":\"" MT_DOCKER_LIST
            "\",\"manifests\":[{\"mediaType\":\"" MT_DOCKER_MANIFEST "\",\"digest\":\"" DIGEST
            "\",\"size\":7,\"platform\":{"
            "\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\",\"os.version\":\"1\"},"
            "\"annotations\":{\"org.opencontainers.image.ref.name\":\"12\"}}]}",
            a, &m, &e),
        0);
    assert_true(m.is_index);
    assert_int_equal(m.n_manifests, 1);
    assert_string_equal(m.manifests[0].platform.arch, "arm");
    assert_string_equal(m.manifests[0].platform.variant, "v7");
    assert_string_equal(m.manifests[0].platform.os_version, "1");
    assert_string_equal(m.manifests[0].ref_name, "12");
}

static void refuses_bad_manifests(void **state) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        /* CVE-2021-41190: two readers, two images */
        {"{" V2 "," CONFIG "," LAYERS ",\"manifests\":[]}", "ambiguous"},
        {"{" V2 "," LAYERS ",\"manifests\":[]}", "ambiguous"},
        {"{" V2 "," CONFIG ",\"manifests\":[]}", "ambiguous"},
        {"{" V2 ",\"Layers\":[],\"manifests\":[]}", "ambiguous"},
        {"{" V2 ",\"mediaType\":\"" MT_OCI_INDEX "\"," CONFIG "," LAYERS "}", "ambiguous"},
        {"{" V2 ",\"mediaType\":\"" MT_DOCKER_MANIFEST "\",\"manifests\":[]}", "ambiguous"},
        {"{" V2 ",\"mediaType\":\"text/html\"," CONFIG "," LAYERS "}", "unsupported mediaType"},
        {"{" V2 ",\"mediaType\":7," CONFIG "," LAYERS "}", "mediaType: expected a string"},
        {"{" CONFIG "," LAYERS "}", "schemaVersion"},
        {"{\"schemaVersion\":3," CONFIG "," LAYERS "}", "schemaVersion"},
        {"{\"schemaVersion\":\"2\"," CONFIG "," LAYERS "}", "schemaVersion"},
        {"{\"schemaVersion\":1,\"fsLayers\":[]}", "schema 1"},
        {"{" V2 "}", "neither"},
        {"[]", "no JSON object"},
        {"{" V2 "," LAYERS "}", "config: is required"},
        {"{" V2 "," CONFIG "}", "layers: is required"},
        {"{" V2 "," CONFIG ",\"layers\":{}}", "layers: expected an array"},
        {"{" V2 "," CONFIG ",\"layers\":[{}]}", "layers[0].mediaType: is required"},
        {"{" V2 "," CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"md5:1\",\"size\":1}]}",
         "layers[0].digest: expected a sha256 or sha512 digest, got \"md5:1\""},
        {"{" V2 "," CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" DIGEST
         "\",\"size\":-1}]}",
         "layers[0].size: expected a number from 0"},
        {"{" V2 "," CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" DIGEST
         "\",\"size\":9223372036854775808}]}",
         "layers[0].size: expected a number from 0"},
        {"{" V2 "," CONFIG ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" DIGEST "\"}]}",
         "layers[0].size: is required"},
        {"{" V2 ",\"manifests\":[" DESC("x") ",1]}", "manifests[1]: expected an object"},
        {"not json", "manifest of x"},
        {"", "manifest of x"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct manifest m = {.n_layers = 77};
        struct err e;
        if (manifest(cases[i].text, a, &m, &e) >= 0)
            fail_msg("%s was taken", cases[i].text);
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_int_equal(m.n_layers, 77);
        if (!str_starts(e.msg, "manifest of x: ") || !strstr(e.msg, cases[i].why))
            fail_msg("%s gave: %s", cases[i].text, e.msg);
    }
}

static int repeated(const char *head, const char *item, size_t n, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(0);
    struct manifest m = {0};
    (void)str_add(&text, head);
    for (size_t i = 0; i < n; i++)
        (void)str_addf(&text, "%s%s", i ? "," : "", item);
    assert_int_equal(str_add(&text, "]}"), 0);
    return manifest_decode(str_c(&text), text.len, "x", a, &m, e);
}

static void counts_are_bounded(void **state) {
    struct err e;
    const char *layers = "{" V2 "," CONFIG ",\"layers\":[";
    const char *index = "{" V2 ",\"manifests\":[";
    assert_int_equal(repeated(layers, DESC("x"), IMG_MAX_LAYERS, &e), 0);
    assert_int_equal(repeated(layers, DESC("x"), IMG_MAX_LAYERS + 1, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "513 layers"));
    assert_int_equal(repeated(index, DESC("x"), IMG_MAX_INDEX, &e), 0);
    assert_int_equal(repeated(index, DESC("x"), IMG_MAX_INDEX + 1, &e), -EINVAL);
}

/* --- configurations ------------------------------------------------------------------------ */

static void reads_configs(void **state) {
    static const char text[] =
        "{\"architecture\":\"arm64\",\"variant\":\"v8\",\"os\":\"linux\",\"created\":\"2026\","
        "\"author\":\"me\",\"config\":{\"User\":\"1000\",\"ExposedPorts\":{\"80/tcp\":{}},"
        "\"Env\":[\"A=b\"],\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\"],\"Volumes\":{\"/v\":{}},"
        "\"WorkingDir\":\"/w\",\"Labels\":{\"k\":\"\"},\"StopSignal\":\"SIGINT\",\"Healthcheck\":{"
        "\"Test\":[\"CMD\",\"x\"],\"Interval\":5000000000,\"Retries\":3},\"OnBuild\":[\"RUN x\"],"
        "\"Shell\":[\"sh\"],\"ArgsEscaped\":true},"
        "\"container_config\":{\"Cmd\":7},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST
        "\"]},\"history\":[{\"created_by\":\"x\",\"empty_layer\":true}]}";
    AUTO_ARENA struct arena *a = arena_new();
    struct img_config c = {0};
    struct err e;
    if (config(text, a, &c, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal(c.platform.arch, "arm64");
    assert_string_equal(c.platform.variant, "v8");
    assert_string_equal(c.user, "1000");
    assert_string_equal(c.exposed_ports.v[0], "80/tcp");
    assert_string_equal(c.volumes.v[0], "/v");
    assert_string_equal(c.entrypoint.v[0], "/e");
    assert_string_equal(c.labels[0].value, "");
    assert_string_equal(c.stop_signal, "SIGINT");
    assert_true(c.health.given);
    assert_int_equal(c.health.interval, 5000000000);
    assert_int_equal(c.health.retries, 3);
    assert_string_equal(c.diff_ids[0].s, DIGEST);
    assert_true(c.history[0].empty_layer);
}

static void config_may_be_missing(void **state) {
    static const char *const texts[] = {
        "{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}",
        "{\"os\":\"linux\",\"config\":null,\"rootfs\":{\"diff_ids\":[]}}",
        "{\"os\":\"linux\",\"config\":{\"Cmd\":null,\"Volumes\":null},\"rootfs\":{}}",
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct img_config c = {0};
        struct err e;
        assert_int_equal(config(texts[i], a, &c, &e), 0);
        assert_int_equal(c.cmd.n, 0);
        assert_false(c.health.given);
        assert_int_equal(c.n_diff_ids, 0);
    }
}

static void refuses_bad_configs(void **state) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{}", "config of x: rootfs: is required"},
        {"7", "config of x: expected an object, got 7"},
        {"{\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}",
         "config of x: rootfs.diff_ids[0]: expected a sha256 or sha512 digest, got \"sha256:x\""},
        {"{\"rootfs\":{},\"config\":{\"Env\":\"A=b\"}}",
         "config of x: config.Env: expected an array, got \"A=b\""},
        {"{\"rootfs\":{},\"config\":{\"Volumes\":[]}}",
         "config of x: config.Volumes: expected an object, got an array"},
        {"{\"rootfs\":{},\"config\":{\"Labels\":{\"a\":1}}}",
         "config of x: config.Labels.a: expected a string, got 1"},
        {"{\"rootfs\":{},\"config\":{\"Healthcheck\":{\"Interval\":-1}}}",
         "config of x: config.Healthcheck.Interval: expected a number from 0"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct img_config c = {0};
        struct err e;
        assert_int_equal(config(cases[i].text, a, &c, &e), -EINVAL);
        if (!str_starts(e.msg, cases[i].message))
            fail_msg("%s gave: %s", cases[i].text, e.msg);
    }
}

/* --- platforms ----------------------------------------------------------------------------- */

static void parses_platforms(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"linux/amd64", "linux/amd64"},
        {"amd64", "linux/amd64"},
        {"LINUX/x86_64", "linux/amd64"},
        {"linux/arm64/v8", "linux/arm64"},
        {"aarch64", "linux/arm64"},
        {"linux/arm/v7", "linux/arm/v7"},
        {"armhf", "linux/arm/v7"},
        {"linux/armel", "linux/arm/v6"},
        {"linux/amd64/v3", "linux/amd64/v3"},
        {"windows/amd64", "windows/amd64"},
        {"linux", NULL},
        {"plan10/amd64", "!"},
        {"amd65", "!"},
        {"linux/", "!"},
        {"", "!"},
        {"/amd64", "!"},
        {"linux/amd64/v1/x", "!"},
        {"linux/arm/", "!"},
        {"linux/arm/v7;rm", "!"},
        {"linux(10)/amd64", "!"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    struct platform host = {0};
    struct err e;
    assert_int_equal(platform_parse(NULL, a, &host, &e), 0);
    assert_string_equal(host.os, "linux");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct platform p = {0};
        int r = platform_parse(cases[i].in, a, &p, &e);
        if (str_eq(cases[i].out, "!")) {
            if (r != -EINVAL || e.kind != ERR_USAGE)
                fail_msg("\"%s\" was taken", cases[i].in);
            continue;
        }
        assert_int_equal(r, 0);
        const char *want = cases[i].out ? cases[i].out : platform_print(&host, a);
        assert_string_equal(platform_print(&p, a), want);
    }
}

/* An index of these platforms, "os/arch[/variant]"; "" = none given. */
static const char *selected(const char *const *have, size_t n, const char *want_text) {
    static char out[40];
    AUTO_ARENA struct arena *a = arena_new();
    struct descriptor d[8] = {0};
    struct manifest index = {.is_index = true, .manifests = d, .n_manifests = n};
    struct platform want = {0};
    struct err e;
    for (size_t i = 0; i < n; i++) {
        char *copy = arena_strdup(a, have[i]);
        d[i].platform.os = *copy ? strsep(&copy, "/") : NULL;
        d[i].platform.arch = copy && *copy ? strsep(&copy, "/") : NULL;
        d[i].platform.variant = copy && *copy ? copy : NULL;
    }
    assert_int_equal(platform_parse(want_text, a, &want, &e), 0);
    const struct descriptor *best = manifest_select(&index, &want);
    snprintf(out, sizeof(out), "%s", best ? have[best - d] : "none");
    return out;
}

static void selects_by_platform(void **state) {
    static const char *const common[] = {"linux/amd64",  "linux/arm/v5",   "linux/arm/v7",
                                         "linux/arm/v6", "linux/arm64/v8", "windows/amd64"};
    static const char *const levels[] = {"linux/amd64", "linux/amd64/v2", "linux/amd64/v4",
                                         "linux/amd64/v3"};
    static const char *const plain[] = {"unknown/unknown", ""};
    size_t n = ARRAY_SIZE(common);
    assert_string_equal(selected(common, n, "linux/amd64"), "linux/amd64");
    assert_string_equal(selected(common, n, "linux/arm64"), "linux/arm64/v8");
    assert_string_equal(selected(common, n, "linux/arm64/v9"), "linux/arm64/v8");
    assert_string_equal(selected(common, n, "linux/arm"), "linux/arm/v7");
    assert_string_equal(selected(common, n, "linux/arm/v6"), "linux/arm/v6");
    assert_string_equal(selected(common, n, "linux/arm/v8"), "linux/arm/v7");
    assert_string_equal(selected(common, n, "windows/amd64"), "windows/amd64");
    assert_string_equal(selected(common, n, "linux/s390x"), "none");
    assert_string_equal(selected(levels, ARRAY_SIZE(levels), "linux/amd64"), "linux/amd64");
    assert_string_equal(selected(levels, ARRAY_SIZE(levels), "linux/amd64/v3"), "linux/amd64/v3");
    assert_string_equal(selected(plain, ARRAY_SIZE(plain), "linux/amd64"), "");
    assert_string_equal(selected(plain, 1, "linux/amd64"), "none");
}

static void select_skips_what_is_no_image(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct manifest m = {0};
    struct platform want = {0};
    struct err e;
    assert_int_equal(
        manifest("{" V2 ",\"manifests\":[" DESC("application/x") "," DESC(MT_OCI_MANIFEST) "]}", a,
                 &m, &e),
        0);
    assert_int_equal(platform_parse(NULL, a, &want, &e), 0);
    assert_ptr_equal(manifest_select(&m, &want), &m.manifests[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_manifests),       cmocka_unit_test(reads_indexes),
        cmocka_unit_test(refuses_bad_manifests), cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(reads_configs),         cmocka_unit_test(config_may_be_missing),
        cmocka_unit_test(refuses_bad_configs),   cmocka_unit_test(parses_platforms),
        cmocka_unit_test(selects_by_platform),   cmocka_unit_test(select_skips_what_is_no_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
