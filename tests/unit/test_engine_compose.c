/* SPDX-License-Identifier: Apache-2.0 */
/* Options → runtime-spec, without a host: the composer is pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "engine/box.h"
#include "sys/caps.h"

static struct box box(struct arena *a, const struct hako_run_options *o) {
    struct box b = {.a = a, .o = o, .pids_limit = 4096, .hostname = "web", .path = "/data/c/1"};
    static struct rt_rlimit no_limits[1];
    static struct rt_device no_devices[1];
    b.host = (struct host){.last_cap = 40, .caps = caps_mask(40), .cpus = 4};
    b.sec.caps = CAPS_DEFAULT;
    b.ulimits = no_limits;
    b.devices = no_devices;
    b.mounts = arena_array(a, 8, struct box_mount);
    b.rec.workdir = arena_strdup(a, "/");
    b.rec.cgroup = arena_strdup(a, "hako/1");
    assert_int_equal(strlist_add(a, &b.args, "sh"), 0);
    return b;
}

static const struct rt_mount *mount_at(const struct rt_spec *s, const char *target) {
    for (size_t i = 0; i < s->n_mounts; i++)
        if (str_eq(s->mounts[i].destination, target))
            return &s->mounts[i];
    return NULL;
}

static struct rt_spec compose(const struct box *b) {
    struct rt_spec s = {0};
    struct err e = {0};
    assert_int_equal(compose_spec(b, &s, &e), 0);
    return s;
}

static void test_defaults(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    struct box b = box(a, &o);
    struct rt_spec s = compose(&b);
    assert_string_equal(s.hostname, "web");
    assert_int_equal(s.resources.pids_limit.v, 4096);
    assert_int_equal(s.process.caps.bounding, CAPS_DEFAULT);
    assert_int_equal(s.process.caps.effective, CAPS_DEFAULT);
    assert_int_equal(s.process.caps.ambient, 0);
    assert_true(strlist_has(&s.masked_paths, "/proc/kcore"));
    assert_true(strlist_has(&s.readonly_paths, "/proc/sys"));
    assert_non_null(rt_spec_ns(&s, RT_NS_NET));
    assert_null(rt_spec_ns(&s, RT_NS_USER)); /* root boxes share the host's, as docker's do */
    assert_true(strlist_has(&mount_at(&s, "/sys")->options, "ro"));
    assert_true(strlist_has(&mount_at(&s, "/dev/shm")->options, "size=67108864"));
    assert_string_equal(mount_at(&s, "/etc/hosts")->source, "/data/c/1/hosts");
    /* nothing allowed but what is listed */
    assert_false(s.resources.devices[0].allow);
    assert_int_equal(s.resources.devices[0].type, 'a');
}

static void test_user_without_root_has_no_effective_caps(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    struct box b = box(a, &o);
    b.user.uid = 1000;
    struct rt_spec s = compose(&b);
    assert_int_equal(s.process.caps.effective, 0);
    assert_int_equal(s.process.caps.permitted, 0);
    assert_int_equal(s.process.caps.bounding, CAPS_DEFAULT);
}

static void test_rootless_has_a_user_namespace_and_no_device_rules(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    struct box b = box(a, &o);
    b.host.rootless = true;
    b.ids = 65537;
    struct rt_spec s = compose(&b);
    assert_non_null(rt_spec_ns(&s, RT_NS_USER));
    assert_int_equal(s.uid_mappings.n, 1);
    assert_int_equal(s.uid_mappings.v[0].size, 65537);
    assert_int_equal(s.resources.n_devices, 0);
}

static void test_rootless_host_network_binds_sysfs(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    struct box b = box(a, &o);
    b.host.rootless = true;
    b.ids = 65537;
    b.join[RT_NS_NET] = "";
    struct rt_spec s = compose(&b);
    assert_null(rt_spec_ns(&s, RT_NS_NET));
    assert_string_equal(mount_at(&s, "/sys")->type, "bind");
    assert_true(strlist_has(&mount_at(&s, "/sys")->options, "rro"));
}

static void test_memory_limits_swap_as_docker_does(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    o.memory = 64 << 20;
    struct box b = box(a, &o);
    struct rt_spec s = compose(&b);
    assert_int_equal(s.resources.memory.limit.v, 64 << 20);
    assert_int_equal(s.resources.memory.swap.v, 128 << 20);
    o.memory_swap = -1;
    s = compose(&b);
    assert_int_equal(s.resources.memory.swap.v, -1);
}

static void test_cpus_become_a_quota(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    o.cpus = 1.5;
    struct box b = box(a, &o);
    struct rt_spec s = compose(&b);
    assert_int_equal(s.resources.cpu.period.v, 100000);
    assert_int_equal(s.resources.cpu.quota.v, 150000);
}

static void test_the_users_mount_takes_our_place(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    struct box b = box(a, &o);
    char shm[] = "/dev/shm", etc[] = "/etc", deep[] = "/etc/deep/er";
    b.mounts[0] = (struct box_mount){.rq.kind = MOUNT_BIND, .rq.target = deep, .source = "/deep"};
    b.mounts[1] = (struct box_mount){.rq.kind = MOUNT_TMPFS, .rq.target = shm};
    b.mounts[2] = (struct box_mount){.rq = {.kind = MOUNT_BIND, .target = etc, .readonly = true},
                                     .source = "/host/etc"};
    b.n_mounts = 3;
    struct rt_spec s = compose(&b);
    /* hosts stays ours, on top of the user's /etc */
    assert_true(mount_at(&s, "/etc") < mount_at(&s, "/etc/hosts"));
    assert_string_equal(mount_at(&s, "/dev/shm")->source, "tmpfs");
    assert_true(strlist_has(&mount_at(&s, "/etc")->options, "rro"));
    /* parents before children, whatever the order of the words */
    assert_true(mount_at(&s, "/etc") < mount_at(&s, "/etc/deep/er"));
}

static void test_privileged_unmasks(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    struct box b = box(a, &o);
    b.sec.privileged = b.sec.unmask = true;
    struct rt_spec s = compose(&b);
    assert_int_equal(s.masked_paths.n, 0);
    assert_false(strlist_has(&mount_at(&s, "/sys")->options, "ro"));
    assert_true(s.resources.devices[0].allow);
    assert_int_equal(s.resources.n_devices, 1);
}

static void test_bad_device_rule(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_run_options o = HAKO_INIT(struct hako_run_options);
    const char *bad[] = {"c 1:3", "x 1:3 rwm", "c 1 rwm", "c 1:x rwm", "c 1:3 rwx", ""};
    struct box b = box(a, &o);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char *word = arena_strdup(a, bad[i]);
        struct rt_spec s = {0};
        struct err e = {0};
        o.device_cgroup_rule = (struct hako_strings){&word, 1, 1};
        assert_int_equal(compose_spec(&b, &s, &e), -EINVAL);
        assert_int_equal(e.kind, ERR_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_user_without_root_has_no_effective_caps),
        cmocka_unit_test(test_rootless_has_a_user_namespace_and_no_device_rules),
        cmocka_unit_test(test_rootless_host_network_binds_sysfs),
        cmocka_unit_test(test_memory_limits_swap_as_docker_does),
        cmocka_unit_test(test_cpus_become_a_quota),
        cmocka_unit_test(test_the_users_mount_takes_our_place),
        cmocka_unit_test(test_privileged_unmasks),
        cmocka_unit_test(test_bad_device_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
