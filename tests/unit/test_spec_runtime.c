/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "spec/runtime.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- helpers ------------------------------------------------------------------------------- */

static js *load(const char *name) {
    const char *dir = getenv("HAKO_TEST_SRCDIR");
    char path[500];
    AUTO_STR struct str text = STR_INIT(1 << 20);
    struct err e;
    js *doc = NULL;
    snprintf(path, sizeof(path), "%s/fuzz/corpus/runtime/%s", dir ? dir : ".", name);
    assert_int_equal(io_read_file(AT_FDCWD, path, &text), 0);
    assert_int_equal(js_parse(str_c(&text), text.len, name, &doc, &e), 0);
    return doc;
}

/* The same values, whatever the order of keys. */
static bool same(const js *a, const js *b) {
    if (js_type(a) != js_type(b))
        return false;
    switch (js_type(a)) {
    case JS_OBJECT: {
        struct js_iter it = js_iter(a);
        while (js_next(&it)) {
            if (!same(it.value, js_get(b, it.key)))
                return false;
        }
        return js_len(a) == js_len(b);
    }
    case JS_ARRAY:
        for (size_t i = 0; i < js_len(a); i++) {
            if (!same(js_at(a, i), js_at(b, i)))
                return false;
        }
        return js_len(a) == js_len(b);
    case JS_NULL:
    case JS_BOOL:
    case JS_INT:
    case JS_DOUBLE:
    case JS_STRING:
        break;
    }
    AUTO_STR struct str x = STR_INIT(0);
    AUTO_STR struct str y = STR_INIT(0);
    assert_int_equal(js_print(a, JS_COMPACT, &x) | js_print(b, JS_COMPACT, &y), 0);
    return str_eq(str_c(&x), str_c(&y));
}

static int decode(const char *text, struct arena *a, struct rt_spec *ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    assert_int_equal(js_parse(text, strlen(text), "test", &doc, e), 0);
    return rt_spec_decode(doc, a, ret, e);
}

/* --- round trips --------------------------------------------------------------------------- */

/* full.json gives every member of runtime-spec 1.2 a value that is no default: all of them must
 * come back. */
static void every_member_survives(void **state) {
    static const char *const names[] = {"full.json", "minimal.json", "start.json"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        AUTO_ARENA struct arena *a = arena_new();
        AUTO_JS js *doc = load(names[i]);
        AUTO_JS js *again = NULL;
        AUTO_STR struct str text = STR_INIT(0);
        struct rt_spec s = {0};
        struct err e;
        if (rt_spec_decode(doc, a, &s, &e) < 0)
            fail_msg("%s: %s", names[i], e.msg);
        assert_int_equal(rt_spec_encode(&s, &again, &e), 0);
        assert_int_equal(js_print(again, JS_PRETTY, &text), 0);
        if (!same(doc, again))
            fail_msg("%s came back as %s", names[i], str_c(&text));
    }
}

static void values_land_where_they_belong(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *doc = load("full.json");
    struct rt_spec s = {0};
    struct err e;
    assert_int_equal(rt_spec_decode(doc, a, &s, &e), 0);
    assert_true(s.has_process && s.process.terminal);
    assert_int_equal(s.process.console_width, 80);
    assert_int_equal(s.process.user.additional_gids[1], 6);
    assert_true(s.process.caps.bounding == (UINT64_C(1) << 0 | UINT64_C(1) << 40));
    assert_true(s.process.rlimits[1].hard == UINT64_MAX);
    assert_int_equal(s.n_namespaces, 8);
    assert_string_equal(rt_spec_ns(&s, RT_NS_NET)->path, "/run/netns/x");
    assert_null(rt_spec_ns(&s, RT_NS_PID)->path);
    assert_int_equal(s.resources.devices[0].type, 'a');
    assert_int_equal(s.resources.devices[0].major, -1);
    assert_true(s.resources.pids_limit.given && s.resources.pids_limit.v == 0);
    assert_true(s.resources.memory.has_disable_oom_killer);
    assert_false(s.resources.memory.disable_oom_killer);
    assert_string_equal(s.resources.rdma[1].name, "rxe3");
    assert_false(s.resources.rdma[1].hca_handles.given);
    assert_string_equal(s.seccomp->rules[1].args[0].op, "SCMP_CMP_MASKED_EQ");
    assert_string_equal(s.time_offsets[1].clock, "boottime");
    assert_int_equal(s.time_offsets[1].secs, -604800);
    assert_int_equal(s.prestart.v[0].timeout, 3);
    assert_string_equal(s.annotations[0].key, "org.example.a");
}

static void absent_is_absent(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *again = NULL;
    AUTO_STR struct str text = STR_INIT(0);
    struct rt_spec s = {0};
    struct err e;
    /* null, "" and [] are absent; unknown members are ignored */
    assert_int_equal(decode("{\"ociVersion\":\"1.0.0\",\"hostname\":\"\",\"mounts\":[],"
                            "\"linux\":{\"seccomp\":null,\"netDevices\":{}},\"zos\":{},"
                            "\"annotations\":null}",
                            a, &s, &e),
                     0);
    assert_null(s.hostname);
    assert_null(s.mounts);
    assert_false(s.has_process);
    assert_null(s.seccomp);
    assert_int_equal(rt_spec_encode(&s, &again, &e), 0);
    assert_int_equal(js_print(again, JS_COMPACT, &text), 0);
    assert_string_equal(str_c(&text), "{\"ociVersion\":\"1.0.0\"}");
}

static void empty_but_given_stays(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *again = NULL;
    struct rt_spec s = {0};
    struct err e;
    assert_int_equal(decode("{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\","
                            "\"capabilities\":{}},\"linux\":{\"intelRdt\":{}}}",
                            a, &s, &e),
                     0);
    assert_true(s.process.caps.given && s.intel_rdt.given);
    assert_int_equal(rt_spec_encode(&s, &again, &e), 0);
    assert_int_equal(js_type(js_path(again, "linux.intelRdt")), JS_OBJECT);
    assert_int_equal(js_type(js_path(again, "process.capabilities")), JS_OBJECT);
    assert_int_equal(js_get_i64(js_path(again, "process.user"), "uid", -1), 0);
}

static void unknown_capabilities_are_reported(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct rt_spec s = {0};
    struct err e;
    assert_int_equal(decode("{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\","
                            "\"capabilities\":{\"bounding\":[\"CAP_X\",\"cap_kill\"],"
                            "\"ambient\":[\"CAP_X\"]}}}",
                            a, &s, &e),
                     0);
    assert_int_equal(s.process.caps.unknown.n, 1);
    assert_string_equal(s.process.caps.unknown.v[0], "CAP_X");
    assert_true(s.process.caps.bounding == UINT64_C(1) << 5);
}

/* --- refusals ------------------------------------------------------------------------------ */

/* A document with `members` inside `where`: "" the top, else "process", "linux", … */
static const char *wrap(struct arena *a, const char *where, const char *members) {
    if (!*where)
        return arena_printf(a, "{\"ociVersion\":\"1.0.0\",%s}", members);
    if (str_eq(where, "process"))
        return arena_printf(a, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",%s}}",
                            members);
    if (str_eq(where, "linux"))
        return arena_printf(a, "{\"ociVersion\":\"1.0.0\",\"linux\":{%s}}", members);
    return arena_printf(a, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{%s}}}", members);
}

static const struct {
    const char *where, *members, *message;
} refused[] = {
    {"resources", "\"pids\":{\"limit\":\"x\"}",
     "config.json: linux.resources.pids.limit: expected a number, got \"x\""},
    {"resources", "\"pids\":{\"limit\":1.5}",
     "config.json: linux.resources.pids.limit: expected a whole number, got 1.5"},
    {"resources", "\"cpu\":{\"shares\":-1}",
     "config.json: linux.resources.cpu.shares: expected a number from 0 to "
     "18446744073709551615, got -1"},
    {"resources", "\"memory\":{\"limit\":9223372036854775808}",
     "config.json: linux.resources.memory.limit: expected a number from "
     "-9223372036854775808 to 9223372036854775807, got 9223372036854775808"},
    {"resources", "\"memory\":{\"disableOOMKiller\":\"yes\"}",
     "config.json: linux.resources.memory.disableOOMKiller: expected true or false, got "
     "\"yes\""},
    {"resources", "\"hugepageLimits\":[{\"limit\":1,\"pageSize\":\"64kB\"}]",
     "config.json: linux.resources.hugepageLimits[0].pageSize: expected a size such as "
     "\"2MB\", got \"64kB\""},
    {"resources", "\"rdma\":{\"mlx5_1\":{\"hcaHandles\":\"many\"}}",
     "config.json: linux.resources.rdma.mlx5_1.hcaHandles: expected a number, got \"many\""},
    {"resources", "\"unified\":{\"../x\":\"1\"}",
     "config.json: linux.resources.unified: \"../x\" is no cgroup file name"},
    {"resources", "\"unified\":{\"memory.high\":7}",
     "config.json: linux.resources.unified[\"memory.high\"]: expected a string, got 7"},
    {"resources", "\"devices\":[{\"allow\":true,\"access\":\"rx\"}]",
     "config.json: linux.resources.devices[0].access: expected letters of \"rwm\", got \"rx\""},
    {"resources", "\"blockIO\":{\"weight\":65536}",
     "config.json: linux.resources.blockIO.weight: expected a number from 0 to 65535, got "
     "65536"},
    {"linux", "\"namespaces\":[{\"type\":\"net\"}]",
     "config.json: linux.namespaces[0].type: expected one of pid, network, mount, ipc, uts, "
     "user, cgroup, time, got \"net\""},
    {"linux", "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
     "config.json: linux.namespaces: \"pid\" is given twice"},
    {"linux", "\"namespaces\":[{}]", "config.json: linux.namespaces[0].type: is required"},
    {"linux", "\"namespaces\":{}",
     "config.json: linux.namespaces: expected an array, got an "
     "object"},
    {"linux", "\"namespaces\":[7]",
     "config.json: linux.namespaces[0]: expected an object, "
     "got 7"},
    {"linux", "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"cc\"}]",
     "config.json: linux.devices[0].type: expected one letter of \"cbup\", got \"cc\""},
    {"linux", "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NO\"}",
     "config.json: linux.seccomp.defaultAction: expected one of"},
    {"linux",
     "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[],"
     "\"action\":\"SCMP_ACT_LOG\"}]}",
     "config.json: linux.seccomp.syscalls[0].names: must name at least one system call"},
    {"linux",
     "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"x\"],"
     "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":6,\"value\":1,"
     "\"op\":\"SCMP_CMP_EQ\"}]}]}",
     "config.json: linux.seccomp.syscalls[0].args[0].index: expected a number from 0 to 5, "
     "got 6"},
    {"linux", "\"timeOffsets\":{\"realtime\":{}}",
     "config.json: linux.timeOffsets.realtime: is not a known name"},
    {"linux", "\"rootfsPropagation\":\"up\"", "config.json: linux.rootfsPropagation: expected"},
    {"linux", "\"uidMappings\":[{\"containerID\":0,\"hostID\":4294967296,\"size\":1}]",
     "config.json: linux.uidMappings[0].hostID: expected a number from 0 to 4294967295, got "
     "4294967296"},
    {"process", "\"args\":[\"a\",null]",
     "config.json: process.args[1]: expected a string, got null"},
    {"process", "\"args\":\"sh\"", "config.json: process.args: expected an array, got \"sh\""},
    {"process", "\"capabilities\":{\"bounding\":[1]}",
     "config.json: process.capabilities.bounding[0]: expected a string, got 1"},
    {"process", "\"rlimits\":[{\"type\":\"RLIMIT_FOO\",\"soft\":1,\"hard\":1}]",
     "config.json: process.rlimits[0].type: expected one of RLIMIT_AS"},
    {"process", "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]",
     "config.json: process.rlimits[0].soft: 2 is above the hard limit 1"},
    {"process",
     "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_CPU\","
     "\"soft\":1,\"hard\":1}]",
     "config.json: process.rlimits: RLIMIT_CPU is given twice"},
    {"process", "\"oomScoreAdj\":1001",
     "config.json: process.oomScoreAdj: expected a number from -1000 to 1000, got 1001"},
    {"process", "\"consoleSize\":{\"height\":1}",
     "config.json: process.consoleSize.width: is required"},
    {"process", "\"scheduler\":{\"nice\":1}",
     "config.json: process.scheduler.policy: is "
     "required"},
    {"", "\"process\":{\"cwd\":\"\"}", "config.json: process.cwd: must not be empty"},
    {"", "\"process\":{\"cwd\":\"x\"}",
     "config.json: process.cwd: \"x\": must be an absolute path"},
    {"", "\"process\":{}", "config.json: process.cwd: is required"},
    {"", "\"root\":{}", "config.json: root.path: is required"},
    {"", "\"mounts\":[{}]", "config.json: mounts[0].destination: is required"},
    {"",
     "\"mounts\":[{\"destination\":\"/x\",\"uidMappings\":[{\"containerID\":0,"
     "\"hostID\":0,\"size\":1}]}]",
     "config.json: mounts[0]: uidMappings and gidMappings must be given together"},
    {"", "\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}",
     "config.json: hooks.poststop[0].path: \"x\": must be an absolute path"},
    {"", "\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}",
     "config.json: hooks.poststop[0].timeout: expected a number from 1 to 2147483647, got 0"},
    {"", "\"annotations\":{\"\":\"x\"}", "config.json: annotations: a key must not be empty"},
    {"", "\"hostname\":[\"\\u001b[2J\"]",
     "config.json: hostname: expected a string, got an "
     "array"},
};

static void errors_name_path_and_value(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct rt_spec s = {.n_mounts = 77};
        struct err e;
        const char *text = wrap(a, refused[i].where, refused[i].members);
        if (decode(text, a, &s, &e) != -EINVAL)
            fail_msg("%s was taken", text);
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_int_equal(s.n_mounts, 77);
        if (!str_starts(e.msg, refused[i].message))
            fail_msg("%s gave: %s", text, e.msg);
    }
}

static void versions(void **state) {
    static const char *const bad[] = {"2.0.0", "1", "x", "1.x", "11.0.0"};
    static const char *const good[] = {"1.0.0", "1.2.0", "0.5.0-dev", "1.0.2-dev", "1.3.0"};
    AUTO_ARENA struct arena *a = arena_new();
    struct rt_spec s = {0};
    struct err e;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(decode(arena_printf(a, "{\"ociVersion\":\"%s\"}", bad[i]), a, &s, &e),
                         -EINVAL);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(decode(arena_printf(a, "{\"ociVersion\":\"%s\"}", good[i]), a, &s, &e), 0);
    assert_int_equal(decode("{}", a, &s, &e), -EINVAL);
    assert_string_equal(e.msg, "config.json: ociVersion: is required");
    assert_int_equal(decode("[]", a, &s, &e), -EINVAL);
    assert_string_equal(e.msg, "config.json: expected an object, got an array");
}

static void long_lists_are_refused(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(0);
    struct rt_spec s = {0};
    struct err e;
    (void)str_add(&text, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"maskedPaths\":[\"\"");
    for (size_t i = 0; i < 70000; i++)
        (void)str_add(&text, ",\"\"");
    assert_int_equal(str_add(&text, "]}}"), 0);
    assert_int_equal(decode(str_c(&text), a, &s, &e), -EINVAL);
    assert_string_equal(e.msg, "config.json: linux.maskedPaths: 70001 entries are more than the "
                               "65536 allowed");
}

/* --- parts alone, vocabularies ------------------------------------------------------------- */

static void process_and_resources_alone(void **state) {
    static const char process[] = "{\"cwd\":\"/\",\"args\":[\"sh\"]}";
    static const char resources[] = "{\"pids\":{\"limit\":5}}";
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *p = NULL;
    AUTO_JS js *r = NULL;
    struct rt_process out = {0};
    struct rt_resources res = {0};
    struct err e;
    assert_int_equal(js_parse(process, sizeof(process) - 1, "p", &p, &e), 0);
    assert_int_equal(js_parse(resources, sizeof(resources) - 1, "r", &r, &e), 0);
    assert_int_equal(rt_process_decode(p, a, &out, &e), 0);
    assert_string_equal(out.args.v[0], "sh");
    assert_int_equal(rt_resources_decode(r, a, &res, &e), 0);
    assert_int_equal(res.pids_limit.v, 5);
    assert_int_equal(rt_process_decode(r, a, &out, &e), -EINVAL);
    assert_string_equal(e.msg, "process document: cwd: is required");
}

static void namespace_words(void **state) {
    for (int ns = 0; ns < RT_NS_COUNT; ns++) {
        assert_non_null(rt_ns_name((enum rt_ns)ns));
        assert_non_null(rt_ns_proc((enum rt_ns)ns));
        assert_true(rt_ns_flag((enum rt_ns)ns) != 0);
    }
    assert_string_equal(rt_ns_name(RT_NS_NET), "network");
    assert_string_equal(rt_ns_proc(RT_NS_MOUNT), "mnt");
    assert_true(rt_ns_flag(RT_NS_USER) == 0x10000000);
}

static void capability_words(void **state) {
    for (int cap = 0; cap <= RT_CAP_LAST; cap++) {
        assert_non_null(rt_cap_name(cap));
        assert_int_equal(rt_cap_from_name(rt_cap_name(cap)), cap);
        assert_int_equal(rt_cap_from_name(rt_cap_name(cap) + 4), cap);
    }
    assert_string_equal(rt_cap_name(21), "CAP_SYS_ADMIN");
    assert_int_equal(rt_cap_from_name("net_admin"), 12);
    assert_int_equal(rt_cap_from_name("CAP_"), -1);
    assert_int_equal(rt_cap_from_name(""), -1);
    assert_int_equal(rt_cap_from_name("ALL"), -1);
    assert_null(rt_cap_name(-1));
    assert_null(rt_cap_name(RT_CAP_LAST + 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_survives),
        cmocka_unit_test(values_land_where_they_belong),
        cmocka_unit_test(absent_is_absent),
        cmocka_unit_test(empty_but_given_stays),
        cmocka_unit_test(unknown_capabilities_are_reported),
        cmocka_unit_test(errors_name_path_and_value),
        cmocka_unit_test(versions),
        cmocka_unit_test(long_lists_are_refused),
        cmocka_unit_test(process_and_resources_alone),
        cmocka_unit_test(namespace_words),
        cmocka_unit_test(capability_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
