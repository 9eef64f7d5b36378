/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json → rt_spec → plan, as hako-oci does it on a host with every kind of cgroup: whatever
 * comes in, a plan that is made passes its own check, and is made the same twice.
 */
#include <string.h>

#include "machine/plan.h"
#include "sys/caps.h"
#include "sys/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char proc_cgroup[] = "3:pids:/\n2:memory:/\n1:cpu,cpuacct:/\n0::/\n";
static const char hybrid[] =
    "1 0 0:1 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "2 0 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "3 0 0:3 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "4 0 0:4 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
    "5 0 0:5 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
static const char v2[] = "5 0 0:5 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

static bool writable(const char *path, void *data) {
    return true;
}

static bool answers(const char *path, char *buf, size_t size, void *data) {
    if (!strstr(path, "cgroup.controllers") && !strstr(path, "cgroup.subtree_control"))
        return false;
    return str_copy(buf, size, "cpuset cpu io memory hugetlb pids rdma misc\n");
}

static int make_plan(const char *text, size_t len, const char *mounts, struct arena *a, void **ret,
                     size_t *n) {
    static const uint64_t filter[2]; /* stands for a compiled one */
    AUTO_JS js *doc = NULL;
    struct rt_spec s = {0};
    struct cgroup_layout layout;
    struct cgroup_probe probe = {.writable = writable, .read = answers, .root = true};
    struct strlist warnings = {0};
    struct err e = {0};
    char dir[] = "/b/rootfs";
    struct root_recipe root = {.kind = ROOT_DIR, .dir = dir};
    struct plan_host host = {.caps = caps_mask(40),
                             .last_cap = 40,
                             .can_raise_oom = true,
                             .can_raise_rlimits = true,
                             .cgroups = &layout,
                             .cgroup_flags = PLAN_CGROUP_ALL | PLAN_CGROUP_DEVICES,
                             .seccomp_bpf = filter,
                             .seccomp_len = sizeof(filter),
                             .outlive = true,
                             .id = "id",
                             .bundle = "/b",
                             .warnings = &warnings};
    if (cgroup_layout_parse(proc_cgroup, mounts, &probe, a, &layout, &e) < 0 ||
        js_parse(text, len, "fuzz", &doc, &e) < 0 || rt_spec_decode(doc, a, &s, &e) < 0)
        return -1;
    return plan_build(&s, &root, &host, a, ret, n, &e);
}

static void once(const char *text, size_t len, const char *mounts) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str words = STR_INIT(64u << 20);
    void *one, *two;
    size_t n, m;
    struct plan p;
    struct err e;
    if (!a || make_plan(text, len, mounts, a, &one, &n) < 0)
        return;
    if (plan_open(one, n, &p, &e) < 0 || plan_print(&p, &words) < 0)
        abort();
    if (make_plan(text, len, mounts, a, &two, &m) < 0 || m != n || memcmp(one, two, n) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 1 << 18)
        return 0;
    once((const char *)data, size, hybrid);
    once((const char *)data, size, v2);
    return 0;
}
