/* SPDX-License-Identifier: Apache-2.0 */
/* cgroupsPath and limits in systemd's words. */
#include "oci/unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S(text) ((char[]){text})

static struct arena *arena;
static struct err e;

static int setup(void **state) {
    e = (struct err){0};
    arena = arena_new();
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    arena_free(arena);
    return 0;
}

static const char *parse(const char *path, bool user) {
    struct unit_name n;
    e = (struct err){0};
    if (unit_name_parse(path, "runc", "box", user, arena, &n, &e) < 0)
        return e.msg;
    return arena_printf(arena, "%s %s", n.slice, n.unit);
}

static void names(void **state) {
    assert_string_equal(parse(NULL, false), "system.slice runc-box.scope");
    assert_string_equal(parse("", true), "user.slice runc-box.scope");
    assert_string_equal(parse("machine.slice:libpod:12ab", false),
                        "machine.slice libpod-12ab.scope");
    assert_string_equal(parse(":docker:1", false), "system.slice docker-1.scope");
    assert_string_equal(parse("a.slice::x", false), "a.slice x.scope");
    assert_string_equal(parse("kubepods.slice:cri:pod.slice", false), "kubepods.slice pod.slice");
    assert_non_null(strstr(parse("/a/b", false), "slice:prefix:name"));
    assert_non_null(strstr(parse("a.slice:b:c:d", false), "slice:prefix:name"));
    assert_non_null(strstr(parse("a.slice:b:", false), "slice:prefix:name"));
    assert_non_null(strstr(parse("a:b:c", false), "invalid slice name"));
    assert_non_null(strstr(parse("a--b.slice:b:c", false), "invalid slice name"));
    assert_non_null(strstr(parse("../a.slice:b:c", false), "invalid slice name"));
    assert_non_null(strstr(parse("\nDelegate b 0\na.slice:b:c", false), "invalid slice name"));
    assert_non_null(strstr(parse("a.slice:b:c/d", false), "name of a systemd unit"));
    assert_non_null(strstr(parse("a.slice:b:c\nMemoryMax t 1", false), "name of a systemd unit"));
}

static void slices(void **state) {
    static const char *const bad[] = {"a",          ".slice",    "a-.slice", "-a.slice",
                                      "a--b.slice", "a/b.slice", "--.slice"};
    char *path;
    assert_int_equal(unit_name_expand("a-b-c.slice", arena, &path, &e), 0);
    assert_string_equal(path, "/a.slice/a-b.slice/a-b-c.slice");
    assert_int_equal(unit_name_expand("-.slice", arena, &path, &e), 0);
    assert_string_equal(path, "/");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(unit_name_expand(bad[i], arena, &path, &e), -EINVAL);
}

static const char *variant(const char *key, const char *value) {
    AUTO_STR struct str out = STR_INIT(0);
    char *full = arena_printf(arena, UNIT_ANNOTATION "%s", key);
    e = (struct err){0};
    if (unit_variant_line(full, value, &out, &e) < 0)
        return e.msg;
    return arena_strdup(arena, str_c(&out));
}

static void variants(void **state) {
    assert_string_equal(variant("TimeoutStopUSec", "uint64 123"), "TimeoutStopUSec t 123\n");
    assert_string_equal(variant("TimeoutStopSec", "456"), "TimeoutStopUSec t 456000000\n");
    assert_string_equal(variant("TimeoutStopSec", "0.5"), "TimeoutStopUSec t 500000\n");
    assert_string_equal(variant("TimeoutStopSec", "byte 2"), "TimeoutStopUSec t 2000000\n");
    assert_string_equal(variant("CollectMode", "'inactive-or-failed'"),
                        "CollectMode s inactive-or-failed\n");
    assert_string_equal(variant("SendSIGHUP", "true"), "SendSIGHUP b 1\n");
    assert_string_equal(variant("Some", "-7"), "Some i -7\n");
    assert_string_equal(variant("Some", "@t 7"), "Some t 7\n");
    assert_string_equal(variant("Some", "\"a \\\" b\""), "Some s a \" b\n");
    assert_string_equal(variant("After", "['a.service', \"b.service\"]"),
                        "After as a.service b.service\n");
    assert_string_equal(variant("After", "[]"), "After as \n");
}

static void bad_variants(void **state) {
    static const char *const bad[][2] = {
        {"Some", ""},           {"Some", "word"},        {"Some", "'open"},
        {"Some", "uint64 'x'"}, {"Some", "string 5"},    {"Some", "5 6"},
        {"Some", "['a' 'b']"},  {"Some", "'a\nb'"},      {"TimeoutStopSec", "'1'"},
        {"Some", "['a b']"},    {"Some", "uint64 x"},    {"TimeoutStopSec", "true"},
        {"Some", "[1, 2]"},     {"TimeoutStopSec", "-1"}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_non_null(strstr(variant(bad[i][0], bad[i][1]), "value parse error"));
    assert_non_null(strstr(variant("a", "1"), "name incorrect"));
    assert_non_null(strstr(variant("Memory Max", "1"), "name incorrect"));
    assert_non_null(strstr(variant("Foo\nBar", "1"), "name incorrect"));
}

static const char *props(const struct rt_resources *r, const struct cgroup_now *now, bool v2) {
    AUTO_STR struct str out = STR_INIT(0);
    e = (struct err){0};
    if (unit_props_resources(r, now, v2, arena, &out, &e) < 0)
        return e.msg;
    return arena_strdup(arena, str_c(&out));
}

static void limits(void **state) {
    struct rt_resources r = {.memory = {.limit = {true, 1000}, .swap = {true, 3000}},
                             .cpu = {.shares = {true, 1024},
                                     .quota = {true, 12345},
                                     .period = {true, 100000},
                                     .cpus = S("0-2,9")},
                             .pids_limit = {true, -1}};
    assert_string_equal(props(&r, NULL, true), "MemoryMax t 1000\n"
                                               "MemorySwapMax t 2000\n"
                                               "CPUWeight t 100\n"
                                               "CPUQuotaPeriodUSec t 100000\n"
                                               "CPUQuotaPerSecUSec t 130000\n"
                                               "TasksMax t 18446744073709551615\n"
                                               "AllowedCPUs ay 0702\n");
    assert_string_equal(props(&r, NULL, false), "MemoryLimit t 1000\n"
                                                "CPUShares t 1024\n"
                                                "CPUQuotaPeriodUSec t 100000\n"
                                                "CPUQuotaPerSecUSec t 130000\n"
                                                "TasksMax t 18446744073709551615\n"
                                                "AllowedCPUs ay 0702\n");
    r = (struct rt_resources){.cpu = {.cpus = S("2-1")}};
    assert_non_null(strstr(props(&r, NULL, true), "linux.resources.cpu.cpus"));
    r = (struct rt_resources){.cpu = {.mems = S("1,x")}};
    assert_non_null(strstr(props(&r, NULL, true), "linux.resources.cpu.mems"));
    r = (struct rt_resources){.cpu = {.cpus = S("99999")}};
    assert_non_null(strstr(props(&r, NULL, true), "not a list"));
}

static void limits_of_a_running_one(void **state) {
    struct cgroup_now now = {
        .memory = {true, 1000}, .period = {true, 50000}, .quota = {true, 5000}};
    struct rt_resources r = {.cpu = {.quota = {true, 10000}}, .memory = {.swap = {true, 1500}}};
    assert_string_equal(props(&r, &now, true), "MemorySwapMax t 500\n"
                                               "CPUQuotaPeriodUSec t 50000\n"
                                               "CPUQuotaPerSecUSec t 200000\n");
    r = (struct rt_resources){.cpu = {.quota = {true, -1}}};
    assert_string_equal(props(&r, &now, true), "CPUQuotaPeriodUSec t 50000\n"
                                               "CPUQuotaPerSecUSec t 18446744073709551615\n");
    r = (struct rt_resources){.pids_limit = {true, 0}};
    assert_string_equal(props(&r, &now, true), "");
}

static void unified(void **state) {
    struct rt_kv kv[] = {{S("cpu.max"), S("max 20000")},
                         {S("memory.high"), S("max")},
                         {S("pids.max"), S("7")},
                         {S("io.max"), S("8:0 rbps=1")},
                         {S("cpuset.mems"), S("0")}};
    struct rt_resources r = {.unified = kv, .n_unified = ARRAY_SIZE(kv)};
    assert_string_equal(props(&r, NULL, true), "CPUQuotaPeriodUSec t 20000\n"
                                               "CPUQuotaPerSecUSec t 18446744073709551615\n"
                                               "MemoryHigh t 18446744073709551615\n"
                                               "TasksMax t 7\n"
                                               "AllowedMemoryNodes ay 01\n");
    kv[2].value = S("many");
    assert_non_null(strstr(props(&r, NULL, true), "\"pids.max\" value conversion error"));
}

static const char *devices(struct rt_device_rule *v, size_t n) {
    AUTO_STR struct str out = STR_INIT(0);
    struct rt_resources r = {.devices = v, .n_devices = n};
    assert_int_equal(unit_props_devices(&r, arena, &out, &e), 0);
    return arena_strdup(arena, str_c(&out));
}

static void device_rules(void **state) {
    struct rt_device_rule v[] = {
        {.allow = false, .type = 'a', .major = -1, .minor = -1},
        {.allow = true, .type = 'b', .major = -1, .minor = -1, .access = S("r")},
        {.allow = true, .type = 'c', .major = 1, .minor = 3, .access = S("rw")},
    };
    const char *text = devices(v, 3);
    assert_int_equal(strncmp(text, "DevicePolicy s strict\nDeviceAllow a(ss) block-* rm ", 49), 0);
    assert_non_null(strstr(text, "/dev/char/1:3 rwm "));
    assert_non_null(strstr(text, "char-* m "));
    v[0].allow = true; /* privileged */
    text = devices(v, 1);
    assert_string_equal(text, "DevicePolicy s auto\nDeviceAllow a(ss) \n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names, setup, teardown),
        cmocka_unit_test_setup_teardown(slices, setup, teardown),
        cmocka_unit_test_setup_teardown(variants, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_variants, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_of_a_running_one, setup, teardown),
        cmocka_unit_test_setup_teardown(unified, setup, teardown),
        cmocka_unit_test_setup_teardown(device_rules, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
