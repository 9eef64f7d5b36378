/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/seccomp_profile.h"

#include "machine/container/seccomp_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int setup(void **state) {
    arena = arena_new();
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    arena_free(arena);
    return 0;
}

static const struct seccomp_profile_env plain = {
    .caps = 1 << 18, .arch = "amd64", .kernel_major = 5, .kernel_minor = 10};

static int decode(const char *text, const struct seccomp_profile_env *env, struct rt_seccomp *ret,
                  struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(text, strlen(text), "test", &doc, e);

    return r < 0 ? r : seccomp_profile_decode(doc, env, arena, ret, e);
}

static const char docker[] =
    "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,"
    "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\","
    "\"SCMP_ARCH_X32\"]},{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":null}],"
    "\"syscalls\":["
    "{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[],\"comment\":\"\","
    "\"includes\":{},\"excludes\":{}},"
    "{\"name\":\"chroot\",\"action\":\"SCMP_ACT_ALLOW\",\"args\":null,"
    "\"includes\":{\"caps\":[\"CAP_SYS_CHROOT\"]}},"
    "{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":["
    "\"CAP_SYS_ADMIN\"]}},"
    "{\"names\":[\"both\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":["
    "\"CAP_SYS_CHROOT\",\"CAP_SYS_ADMIN\"]}},"
    "{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":"
    "2114060288,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}],\"excludes\":{\"caps\":["
    "\"CAP_SYS_ADMIN\"],\"arches\":[\"s390\"]}},"
    "{\"names\":[\"arm_sync_file_range\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":["
    "\"arm\",\"arm64\"]}},"
    "{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4.8\"}},"
    "{\"names\":[\"futuristic\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":"
    "\"5.11\"}},"
    "{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38}]}";

static void names(const struct rt_seccomp *s, char *out, size_t size) {
    out[0] = '\0';
    for (size_t i = 0; i < s->n_rules; i++)
        for (size_t k = 0; k < s->rules[i].names.n; k++)
            snprintf(out + strlen(out), size - strlen(out), "%s ", s->rules[i].names.v[k]);
}

static void conditions_are_decided(void **state) {
    struct rt_seccomp s;
    struct err e = {0};
    char text[200];
    struct seccomp_profile_env env = plain;

    assert_int_equal(decode(docker, &env, &s, &e), 0);
    names(&s, text, sizeof(text));
    assert_string_equal(text, "read write chroot clone ptrace clone3 ");
    assert_int_equal(s.architectures.n, 3);
    assert_string_equal(s.architectures.v[2], "SCMP_ARCH_X32");
    assert_int_equal(s.rules[2].n_args, 1);
    assert_int_equal(s.rules[4].errno_ret.v, 38);

    env.caps = (1 << 18) | (1 << 21);
    env.arch = "arm64";
    env.kernel_minor = 11;
    assert_int_equal(decode(docker, &env, &s, &e), 0);
    names(&s, text, sizeof(text));
    assert_string_equal(text, "read write chroot mount both arm_sync_file_range ptrace futuristic "
                              "clone3 ");
    assert_int_equal(s.architectures.n, 1);
}

static void compiles(void **state) {
    struct rt_seccomp s;
    struct err e = {0};
    const void *bytes = NULL;
    size_t len = 0;
    uint32_t flags = 77;

    assert_int_equal(decode(docker, &plain, &s, &e), 0);
    assert_int_equal(seccomp_compile(&s, -1, arena, &bytes, &len, &flags, &e), 0);
    assert_true(bytes && len > 0 && len % 8 == 0);
    assert_int_equal(flags, 0);
    assert_int_equal(decode("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":["
                            "\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]}",
                            &plain, &s, &e),
                     0);
    assert_int_equal(seccomp_compile(&s, -1, arena, &bytes, &len, &flags, &e), 0);
    assert_int_equal(flags, 6);
}

static void runtime_spec_is_a_profile_too(void **state) {
    struct rt_seccomp s;
    struct err e = {0};

    assert_int_equal(decode("{\"defaultAction\":\"SCMP_ACT_KILL\",\"architectures\":["
                            "\"SCMP_ARCH_X86\"],\"syscalls\":[{\"names\":[\"read\"],\"action\":"
                            "\"SCMP_ACT_ALLOW\"}]}",
                            &plain, &s, &e),
                     0);
    assert_string_equal(s.default_action, "SCMP_ACT_KILL");
    assert_int_equal(s.architectures.n, 1);
    assert_int_equal(s.n_rules, 1);
}

static void bad_profiles(void **state) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[]", "not an object"},
        {"{}", "defaultAction"},
        {"{\"defaultAction\":\"MAYBE\"}", "defaultAction"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":7}", "not a list"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[7]}", "syscalls[0]"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\"}]}",
         "names"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"a\",\"names\":[\"b\"],"
         "\"action\":\"SCMP_ACT_ALLOW\"}]}",
         "either"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"b\"],\"action\":"
         "\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"five\"}}]}",
         "minKernel"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],\"archMap\":["
         "{\"architecture\":\"SCMP_ARCH_X86_64\"}]}",
         "archMap"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]}", "VAX"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct rt_seccomp s = {.n_rules = 99};
        struct err e = {0};
        assert_true(decode(bad[i].text, &plain, &s, &e) < 0);
        assert_int_equal(s.n_rules, 99);
        if (!strstr(e.msg, bad[i].says))
            fail_msg("%s: %s", bad[i].text, e.msg);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(conditions_are_decided, setup, teardown),
        cmocka_unit_test_setup_teardown(compiles, setup, teardown),
        cmocka_unit_test_setup_teardown(runtime_spec_is_a_profile_too, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_profiles, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
