/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "sys/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A host of the imagination. */
struct host {
    const char *const *writable;   /* NULL-ended */
    const char *const (*files)[2]; /* path, content; NULL-ended */
    bool all_writable;
};

static bool is_writable(const char *path, void *data) {
    const struct host *h = data;

    for (size_t i = 0; h->writable && h->writable[i]; i++)
        if (strcmp(h->writable[i], path) == 0)
            return true;
    return h->all_writable;
}

static bool read_file(const char *path, char *buf, size_t size, void *data) {
    const struct host *h = data;

    for (size_t i = 0; h->files && h->files[i][0]; i++)
        if (strcmp(h->files[i][0], path) == 0) {
            return str_copy(buf, size, h->files[i][1]);
        }
    return false;
}

static struct cgroup_layout parse(const char *groups, const char *mounts, struct host *h, bool root,
                                  struct arena *a) {
    struct cgroup_probe probe = {
        .writable = is_writable, .read = read_file, .data = h, .root = root};
    struct cgroup_layout l;
    struct err e = {0};

    assert_int_equal(cgroup_layout_parse(groups, mounts, &probe, a, &l, &e), 0);
    return l;
}

#define MOUNT_V2(root, point) "31 23 0:28 " root " " point " rw - cgroup2 cgroup2 rw\n"

static void nothing_mounted(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {0};
    struct cgroup_layout l = parse("0::/\n", "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n", &h, true, a);
    bool v2;

    assert_int_equal(l.kind, CGROUP_NONE);
    assert_null(cgroup_layout_find(&l, CG_PIDS, &v2));
}

static void hybrid(void **state) {
    static const char mounts[] =
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup "
        "rw,cpu,cpuacct\n"
        "36 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
        "37 31 0:33 / /sys/fs/cgroup/my\\040blkio rw,relatime - cgroup cgroup rw,blkio\n"
        "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    static const char groups[] = "9:name=systemd:/a\n7:blkio:/\n4:memory:/user/one\n"
                                 "1:cpu,cpuacct:/\n0::/\n";
    static const char *const files[][2] = {
        {"/sys/fs/cgroup/unified/cgroup.controllers", "\n"},
        {"/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", "9223372036854771712\n"},
        {NULL, NULL},
    };
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {.all_writable = true, .files = files};
    struct cgroup_layout l = parse(groups, mounts, &h, true, a);
    bool v2 = true;

    assert_int_equal(l.kind, CGROUP_HYBRID);
    assert_int_equal(l.n_v1, 4);
    assert_int_equal(l.v1[3].ctls, CG_BIT(CG_NAMED));
    assert_string_equal(l.v1[3].base, "/sys/fs/cgroup/systemd/a");
    assert_int_equal(l.v1[0].ctls, CG_BIT(CG_CPU) | CG_BIT(CG_CPUACCT));
    assert_string_equal(l.v1[0].base, "/sys/fs/cgroup/cpu,cpuacct");
    assert_string_equal(l.v1[1].base, "/sys/fs/cgroup/memory/user/one");
    assert_string_equal(l.v1[2].mount, "/sys/fs/cgroup/my blkio");
    assert_true(l.v1[1].writable);
    assert_true(l.swap_accounting);
    assert_true(l.has_v2);
    assert_string_equal(l.v2.base, "/sys/fs/cgroup/unified");
    assert_true(l.v2.writable);
    assert_false(l.v2.leaf);
    assert_int_equal(l.v2.ctls, 0);
    const struct cgroup_hierarchy *found = cgroup_layout_find(&l, CG_MEMORY, &v2);
    assert_ptr_equal(found, &l.v1[1]);
    assert_false(v2);
    assert_null(cgroup_layout_find(&l, CG_PIDS, &v2));
}

static void hybrid_as_a_user(void **state) {
    static const char mounts[] = "36 31 0:32 / /cg/memory rw,relatime - cgroup cgroup rw,memory\n"
                                 "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n";
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {0};
    struct cgroup_layout l = parse("4:memory:/\n0::/x\n", mounts, &h, false, a);

    assert_false(l.v1[0].writable);
    assert_false(l.v2.writable);
    assert_false(l.can_make_devices);
    assert_false(l.swap_accounting);
}

/* A v1 mount inside a container: its root is the container's own group. */
static void mount_root_is_taken_off(void **state) {
    static const char mounts[] =
        "36 31 0:32 /docker/abc /cg/memory ro,relatime - cgroup cgroup rw,memory\n"
        "37 31 0:33 /docker/abcdef /cg/pids ro,relatime - cgroup cgroup rw,pids\n"
        "38 31 0:34 / /cg/cpu ro,relatime - cgroup cgroup rw,cpu\n";
    static const char groups[] = "3:memory:/docker/abc/inner\n2:pids:/docker/abc\n1:cpu:/../up\n";
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {0};
    struct cgroup_layout l = parse(groups, mounts, &h, true, a);

    assert_string_equal(l.v1[0].base, "/cg/memory/inner");
    assert_string_equal(l.v1[1].base, "/cg/pids"); /* not ours: abc is no prefix word of abcdef */
    assert_string_equal(l.v1[2].base, "/cg/cpu");
}

static void v2_root(void **state) {
    static const char *const files[][2] = {
        {"/cg/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n"},
        {"/cg/cgroup.subtree_control", "cpu memory pids\n"},
        {"/cg/cgroup.procs", "1\n2\n"},
        {NULL, NULL},
    };
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {.all_writable = true, .files = files};
    struct cgroup_layout l =
        parse("0::/user.slice/session-1.scope\n", MOUNT_V2("/", "/cg"), &h, true, a);
    bool v2 = false;

    assert_int_equal(l.kind, CGROUP_V2);
    assert_string_equal(l.v2.base, "/cg"); /* the root needs no leaf */
    assert_false(l.v2.leaf);
    assert_int_equal(l.v2.enabled, CG_BIT(CG_CPU) | CG_BIT(CG_MEMORY) | CG_BIT(CG_PIDS));
    assert_true(l.v2.ctls & CG_BIT(CG_IO));
    assert_non_null(cgroup_layout_find(&l, CG_MEMORY, &v2));
    assert_true(v2);
    assert_true(l.swap_accounting);
}

#define USER "/cg/user.slice/user-1000.slice/user@1000.service"
#define DELEGATED(dir) dir, dir "/cgroup.procs", dir "/cgroup.subtree_control"

static void v2_systemd_user(void **state) {
    static const char *const writable[] = {DELEGATED(USER "/app.slice/run-1.scope"),
                                           DELEGATED(USER "/app.slice"), DELEGATED(USER), NULL};
    static const char *const files[][2] = {
        {"/cg/cgroup.type", ""},
        {USER "/app.slice/run-1.scope/cgroup.procs", "77\n"},
        {USER "/app.slice/cgroup.procs", ""},
        {USER "/app.slice/cgroup.controllers", "memory pids\n"},
        {USER "/app.slice/cgroup.subtree_control", "memory pids\n"},
        {NULL, NULL},
    };
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {.writable = writable, .files = files};
    struct cgroup_layout l = parse("0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
                                   "run-1.scope\n",
                                   MOUNT_V2("/", "/cg"), &h, false, a);

    assert_true(l.v2.writable);
    assert_string_equal(l.v2.base, USER "/app.slice");
    assert_false(l.v2.leaf);
    assert_int_equal(l.v2.ctls, CG_BIT(CG_MEMORY) | CG_BIT(CG_PIDS));
}

static void v2_login_session(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {0};
    struct cgroup_layout l = parse("0::/user.slice/user-1000.slice/session-2.scope\n",
                                   MOUNT_V2("/", "/cg"), &h, false, a);

    assert_false(l.v2.writable);
    assert_string_equal(l.v2.base, "/cg/user.slice/user-1000.slice/session-2.scope");
}

/* Root of a container with its own cgroup namespace: processes sit in the only group there is. */
static void v2_inside_a_container(void **state) {
    static const char *const files[][2] = {
        {"/cg/cgroup.type", "domain\n"},
        {"/cg/cgroup.procs", "1\n"},
        {"/cg/cgroup.controllers", "cpu memory pids\n"},
        {"/cg/cgroup.subtree_control", "\n"},
        {NULL, NULL},
    };
    AUTO_ARENA struct arena *a = arena_new();
    struct host h = {.all_writable = true, .files = files};
    struct cgroup_layout l = parse("0::/\n", MOUNT_V2("/", "/cg"), &h, true, a);

    assert_true(l.v2.writable);
    assert_string_equal(l.v2.base, "/cg");
    assert_true(l.v2.leaf);
}

static void this_host(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct cgroup_layout l;
    struct err e = {0};

    assert_int_equal(cgroup_layout_read(a, &l, &e), 0);
    for (size_t i = 0; i < l.n_v1; i++) {
        assert_non_null(l.v1[i].base);
        assert_int_equal(access(l.v1[i].base, F_OK), 0);
    }
    if (l.has_v2)
        assert_int_equal(access(l.v2.base, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_mounted),  cmocka_unit_test(hybrid),
        cmocka_unit_test(hybrid_as_a_user), cmocka_unit_test(mount_root_is_taken_off),
        cmocka_unit_test(v2_root),          cmocka_unit_test(v2_systemd_user),
        cmocka_unit_test(v2_login_session), cmocka_unit_test(v2_inside_a_container),
        cmocka_unit_test(this_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
