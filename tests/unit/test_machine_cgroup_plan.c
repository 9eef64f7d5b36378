/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/cgroup_plan.h"

#include "base/str.h"
#include "machine/container/cgroup_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A string that may be written, as the spec wants them. */
#define S(text) ((char[]){text})

#define V1(name, bits)                                                                             \
    {                                                                                              \
        .mount = "/cg/" name, .base = "/cg/" name, .ctls = (bits), .writable = true,               \
        .mount_writable = true                                                                     \
    }

static struct cgroup_layout v1_layout(void) {
    return (struct cgroup_layout){
        .kind = CGROUP_V1,
        .v1 = {V1("cpu", CG_BIT(CG_CPU) | CG_BIT(CG_CPUACCT)), V1("memory", CG_BIT(CG_MEMORY)),
               V1("pids", CG_BIT(CG_PIDS)), V1("devices", CG_BIT(CG_DEVICES)),
               V1("freezer", CG_BIT(CG_FREEZER)), V1("cpuset", CG_BIT(CG_CPUSET)),
               V1("blkio", CG_BIT(CG_IO))},
        .n_v1 = 7,
        .can_make_devices = true,
        .swap_accounting = true,
    };
}

static struct cgroup_layout v2_layout(void) {
    return (struct cgroup_layout){
        .kind = CGROUP_V2,
        .has_v2 = true,
        .v2 = {.mount = "/cg",
               .base = "/cg/user",
               .ctls = CG_BIT(CG_CPU) | CG_BIT(CG_MEMORY) | CG_BIT(CG_PIDS) | CG_BIT(CG_IO) |
                       CG_BIT(CG_CPUSET) | CG_BIT(CG_HUGETLB),
               .enabled = CG_BIT(CG_MEMORY) | CG_BIT(CG_PIDS),
               .writable = true},
        .v2_bpf_devices = true,
        .can_make_devices = true,
        .swap_accounting = true,
    };
}

static struct arena *arena;

static int setup(void **state) {
    arena = arena_new();
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    arena_free(arena);
    return 0;
}

/* The plan as text, one operation a line. */
static char *text(const struct cgroup_plan *p) {
    static const char *const words[] = {"mkdir", "leaf", "enable", "cpuset", "write", "devices"};
    AUTO_STR struct str s = STR_INIT(0);

    for (size_t i = 0; i < p->n; i++) {
        const struct cgroup_op *op = &p->v[i];
        assert_int_equal(str_addf(&s, "%s%s %s", words[op->kind], op->optional ? "?" : "", op->dir),
                         0);
        if (op->kind == CGROUP_OP_WRITE)
            assert_int_equal(str_addf(&s, "/%s %s", op->file, op->value), 0);
        if (op->kind == CGROUP_OP_ENABLE)
            assert_int_equal(str_addf(&s, " %s", op->value), 0);
        assert_int_equal(str_addc(&s, '\n'), 0);
    }
    return arena_strdup(arena, str_c(&s));
}

static struct cgroup_plan good(const struct cgroup_layout *l, const struct rt_resources *r,
                               const char *path) {
    struct cgroup_plan p;
    struct err e = {0};

    if (cgroup_plan_build(l, r, path, 0, arena, &p, &e) != 0)
        fail_msg("%s", e.msg);
    return p;
}

static const char *bad(const struct cgroup_layout *l, const struct rt_resources *r,
                       const char *path) {
    static struct err e;
    struct cgroup_plan p = {.n = 77};

    e = (struct err){0};
    assert_true(cgroup_plan_build(l, r, path, 0, arena, &p, &e) < 0);
    assert_int_equal(p.n, 77);
    return e.msg;
}

static void v1_default_box(void **state) {
    struct cgroup_layout l = v1_layout();
    struct rt_device_rule rules[] = {
        {.allow = false, .type = 'a', .major = -1, .minor = -1, .access = S("rwm")},
        {.allow = true, .type = 'c', .major = 1, .minor = 3, .access = S("rw")},
        {.allow = true, .type = 'c', .major = 136, .minor = -1, .access = S("rwm")},
        {.allow = false, .type = 'a', .major = -1, .minor = -1, .access = S("m")}};
    struct rt_resources r = {
        .devices = rules, .n_devices = 4, .pids_limit = {.given = true, .v = 512}};
    struct cgroup_plan p = good(&l, &r, "hako-x");

    assert_string_equal(text(&p), "mkdir /cg/cpu/hako-x\n"
                                  "mkdir /cg/memory/hako-x\n"
                                  "mkdir /cg/pids/hako-x\n"
                                  "write /cg/pids/hako-x/pids.max 512\n"
                                  "mkdir /cg/devices/hako-x\n"
                                  "write /cg/devices/hako-x/devices.deny a\n"
                                  "write /cg/devices/hako-x/devices.allow c 1:3 rw\n"
                                  "c 136:* rwm\n"
                                  "write /cg/devices/hako-x/devices.deny b *:* m\n"
                                  "c *:* m\n"
                                  "mkdir /cg/freezer/hako-x\n");
    assert_int_equal(p.n_join, 5);
    assert_string_equal(p.set.ctl[CG_CPUACCT], "/cg/cpu/hako-x");
    assert_string_equal(p.set.ctl[CG_FREEZER], "/cg/freezer/hako-x");
    assert_null(p.set.ctl[CG_CPUSET]);
    assert_null(p.set.v2);
}

static void hybrid_uses_the_v2_tree(void **state) {
    struct cgroup_layout l = v1_layout();
    l.kind = CGROUP_HYBRID;
    l.has_v2 = true;
    l.v2 =
        (struct cgroup_hierarchy){.mount = "/cg/unified", .base = "/cg/unified", .writable = true};
    struct rt_resources r = {0};
    struct cgroup_plan p = good(&l, &r, "hako-x");

    /* no freezer and no cpuacct: v2 has them; no cpu: not asked for; no device rules */
    assert_string_equal(text(&p), "mkdir /cg/memory/hako-x\n"
                                  "mkdir /cg/pids/hako-x\n"
                                  "mkdir /cg/unified/hako-x\n");
    assert_string_equal(p.set.v2, "/cg/unified/hako-x");
    assert_null(p.set.ctl[CG_FREEZER]);
    assert_int_equal(p.n_join, 2);
}

static void v1_limits(void **state) {
    struct cgroup_layout l = v1_layout();
    struct rt_throttle rbps = {.major = 8, .minor = 0, .rate = 1048576};
    struct rt_resources r = {.memory = {.limit = {true, 1 << 20},
                                        .swap = {true, 2 << 20},
                                        .reservation = {true, 4096},
                                        .swappiness = {true, 0}},
                             .cpu = {.shares = {true, 512},
                                     .quota = {true, 50000},
                                     .period = {true, 100000},
                                     .cpus = S("0-1")},
                             .block_io = {.weight = {true, 300}, .rbps = &rbps, .n_rbps = 1}};
    struct cgroup_plan p = good(&l, &r, "/a/b");

    assert_string_equal(text(&p),
                        "mkdir /cg/cpu/a/b\n"
                        "write /cg/cpu/a/b/cpu.shares 512\n"
                        "write /cg/cpu/a/b/cpu.cfs_period_us 100000\n"
                        "write /cg/cpu/a/b/cpu.cfs_quota_us 50000\n"
                        "mkdir /cg/memory/a/b\n"
                        "write /cg/memory/a/b/memory.limit_in_bytes 1048576\n"
                        "write /cg/memory/a/b/memory.memsw.limit_in_bytes 2097152\n"
                        "write /cg/memory/a/b/memory.soft_limit_in_bytes 4096\n"
                        "write /cg/memory/a/b/memory.swappiness 0\n"
                        "mkdir /cg/pids/a/b\n"
                        "mkdir /cg/freezer/a/b\n"
                        "mkdir /cg/cpuset/a\n"
                        "cpuset /cg/cpuset/a\n"
                        "mkdir /cg/cpuset/a/b\n"
                        "cpuset /cg/cpuset/a/b\n"
                        "write /cg/cpuset/a/b/cpuset.cpus 0-1\n"
                        "mkdir /cg/blkio/a/b\n"
                        "write? /cg/blkio/a/b/blkio.bfq.weight 300\n"
                        "write? /cg/blkio/a/b/blkio.weight 300\n"
                        "write /cg/blkio/a/b/blkio.throttle.read_bps_device 8:0 1048576\n");
}

static const struct cgroup_set v1_set = {
    .ctl = {[CG_CPU] = "/cg/cpu/x", [CG_MEMORY] = "/cg/memory/x", [CG_PIDS] = "/cg/pids/x"}};
static const struct cgroup_set v2_set = {
    .v2 = "/cg/x", .v2_ctls = CG_BIT(CG_CPU) | CG_BIT(CG_MEMORY) | CG_BIT(CG_PIDS) | CG_BIT(CG_IO)};

static const char *update(const struct cgroup_set *set, const struct cgroup_now *now,
                          const struct rt_resources *r) {
    static struct err e;
    struct cgroup_plan p;

    e = (struct err){0};
    return cgroup_plan_update(set, now, r, arena, &p, &e) == 0 ? text(&p) : e.msg;
}

static void v1_update(void **state) {
    struct cgroup_now now = {.has_swap = true};
    struct rt_resources r = {.memory = {.limit = {true, 8192}, .swap = {true, -1}},
                             .cpu = {.quota = {true, 1000}, .period = {true, 2000}}};

    assert_string_equal(update(&v1_set, &now, &r),
                        "write /cg/cpu/x/cpu.cfs_period_us 2000\n"
                        "write /cg/cpu/x/cpu.cfs_quota_us 1000\n"
                        "write /cg/memory/x/memory.limit_in_bytes 8192\n"
                        "write /cg/memory/x/memory.memsw.limit_in_bytes -1\n");
    /* no limit on memory: none on memory and swap either; without swap accounting no file */
    r = (struct rt_resources){.memory = {.limit = {true, -1}}, .pids_limit = {true, 0}};
    assert_string_equal(update(&v1_set, &now, &r),
                        "write /cg/memory/x/memory.limit_in_bytes -1\n"
                        "write /cg/memory/x/memory.memsw.limit_in_bytes -1\n");
    now.has_swap = false;
    assert_string_equal(update(&v1_set, &now, &r), "write /cg/memory/x/memory.limit_in_bytes -1\n");
}

static void update_refuses(void **state) {
    struct cgroup_now now = {.memory = {true, 8192}, .swap = {true, 4096}, .memory_usage = 5000};
    struct rt_resources r = {.memory = {.swap = {true, 4096}}};

    assert_non_null(strstr(update(&v1_set, &now, &r), "at least the memory limit 8192"));
    r = (struct rt_resources){.memory = {.limit = {true, 4096}, .check_before_update = true}};
    assert_non_null(strstr(update(&v1_set, &now, &r), "uses now: 5000"));
    assert_non_null(strstr(update(&v2_set, &now, &r), "uses now: 5000"));
    r = (struct rt_resources){.memory = {.limit = {true, 1 << 20}}};
    assert_non_null(strstr(update(&v2_set, &now, &r), "memory plus swap, which is 12288"));
    r = (struct rt_resources){.n_rdma = 1, .rdma = (struct rt_rdma[]){{.name = S("mlx")}}};
    assert_non_null(strstr(update(&v1_set, &now, &r), "without the cgroup controller rdma"));
    r = (struct rt_resources){.n_unified = 1,
                              .unified = (struct rt_kv[]){{S("memory.high"), S("1")}}};
    assert_non_null(strstr(update(&v1_set, &now, &r), "invalid configuration"));
    now.memory.v = -1;
    r = (struct rt_resources){.memory = {.swap = {true, 4096}}};
    assert_non_null(strstr(update(&v2_set, &now, &r), "memory limit -1"));
}

static void base_of_the_caller(void **state) {
    struct cgroup_layout l = v1_layout();
    struct rt_resources r = {0};
    l.n_v1 = 2;
    l.v1[0].base = "/cg/cpu/mine";
    l.v1[1].base = "/cg/memory/mine";
    l.v1[1].mount_writable = false;

    assert_string_equal(text(&(struct cgroup_plan){0}), "");
    struct cgroup_plan p = good(&l, &r, "x");
    assert_string_equal(text(&p), "mkdir /cg/cpu/mine/x\nmkdir /cg/memory/mine/x\n");
    p = good(&l, &r, "/x/");
    assert_string_equal(text(&p), "mkdir /cg/cpu/x\nmkdir /cg/memory/mine/x\n");
}

static void v2_default_box(void **state) {
    struct cgroup_layout l = v2_layout();
    struct rt_device_rule rule = {
        .allow = true, .type = 'c', .major = 1, .minor = 3, .access = S("r")};
    struct rt_resources r = {
        .devices = &rule, .n_devices = 1, .pids_limit = {.given = true, .v = 100}};
    struct cgroup_plan p = good(&l, &r, "hako-x");

    assert_string_equal(text(&p), "enable? /cg/user +cpu\n"
                                  "mkdir /cg/user/hako-x\n"
                                  "write /cg/user/hako-x/pids.max 100\n"
                                  "devices /cg/user/hako-x\n");
    assert_int_equal(p.n_join, 0);
    assert_string_equal(p.set.v2, "/cg/user/hako-x");
    assert_true(p.set.v2_ctls & CG_BIT(CG_MEMORY));
}

static void v2_limits(void **state) {
    struct cgroup_layout l = v2_layout();
    l.v2.leaf = true;
    struct rt_throttle riops = {.major = 8, .minor = 0, .rate = 9}, lift = {8, 16, 0};
    struct rt_hugepage huge = {.page_size = S("2MB"), .limit = 4194304};
    struct rt_kv unified[] = {{S("memory.high"), S("1000")}, {S("cgroup.max.depth"), S("3")}};
    struct rt_resources r = {
        .memory = {.limit = {true, 1 << 20}, .swap = {true, 3 << 20}, .reservation = {true, 4096}},
        .cpu = {.shares = {true, 1024}, .quota = {true, 50000}, .mems = S("0")},
        .pids_limit = {true, -1},
        .block_io =
            {.weight = {true, 500}, .riops = &riops, .n_riops = 1, .wbps = &lift, .n_wbps = 1},
        .hugepages = &huge,
        .n_hugepages = 1,
        .unified = unified,
        .n_unified = 2};
    struct cgroup_plan p = good(&l, &r, "a/b");

    assert_string_equal(text(&p), "leaf /cg/user\n"
                                  "enable /cg/user +cpu +cpuset +io +hugetlb\n"
                                  "mkdir /cg/user/a\n"
                                  "enable /cg/user/a +cpu +cpuset +memory +io +hugetlb\n"
                                  "enable? /cg/user/a +pids\n"
                                  "mkdir /cg/user/a/b\n"
                                  "write /cg/user/a/b/cpu.weight 100\n"
                                  "write /cg/user/a/b/cpu.max 50000 100000\n"
                                  "write /cg/user/a/b/cpuset.mems 0\n"
                                  "write? /cg/user/a/b/memory.swap.max 2097152\n"
                                  "write /cg/user/a/b/memory.max 1048576\n"
                                  "write /cg/user/a/b/memory.low 4096\n"
                                  "write /cg/user/a/b/pids.max max\n"
                                  "write? /cg/user/a/b/io.bfq.weight 500\n"
                                  "write? /cg/user/a/b/io.weight default 4950\n"
                                  "write /cg/user/a/b/io.max 8:16 wbps=max\n"
                                  "write /cg/user/a/b/io.max 8:0 riops=9\n"
                                  "write /cg/user/a/b/hugetlb.2MB.max 4194304\n"
                                  "write? /cg/user/a/b/hugetlb.2MB.rsvd.max 4194304\n"
                                  "write /cg/user/a/b/memory.high 1000\n"
                                  "write /cg/user/a/b/cgroup.max.depth 3\n");
}

static void v2_update(void **state) {
    struct cgroup_now now = {
        .memory = {true, 1 << 20}, .swap = {true, 1 << 20}, .quota = {true, 5000}};
    struct rt_resources r = {.cpu = {.quota = {true, -1}, .idle = {true, 0}}};

    assert_string_equal(update(&v2_set, &now, &r),
                        "write /cg/x/cpu.idle 0\nwrite /cg/x/cpu.max max\n");
    r = (struct rt_resources){.cpu = {.period = {true, 7000}, .burst = {true, 9}}};
    assert_string_equal(update(&v2_set, &now, &r),
                        "write /cg/x/cpu.max 5000 7000\nwrite /cg/x/cpu.max.burst 9\n");
    r = (struct rt_resources){.cpu = {.quota = {true, 6000}}}; /* the period stays */
    assert_string_equal(update(&v2_set, &now, &r), "write /cg/x/cpu.max 6000\n");
    /* memory plus swap stays 2 MiB */
    r = (struct rt_resources){.memory = {.limit = {true, 3 << 19}}};
    assert_string_equal(update(&v2_set, &now, &r), "write? /cg/x/memory.swap.max 524288\n"
                                                   "write /cg/x/memory.max 1572864\n");
    r = (struct rt_resources){.memory = {.swap = {true, 3 << 20}}};
    assert_string_equal(update(&v2_set, &now, &r), "write? /cg/x/memory.swap.max 2097152\n");
    r = (struct rt_resources){.memory = {.limit = {true, -1}, .swap = {true, -1}}};
    assert_string_equal(update(&v2_set, &now, &r),
                        "write? /cg/x/memory.swap.max max\nwrite /cg/x/memory.max max\n");
    r = (struct rt_resources){.unified = (struct rt_kv[]){{S("pids.max"), S("10")}},
                              .n_unified = 1};
    assert_string_equal(update(&v2_set, &now, &r), "write /cg/x/pids.max 10\n");
}

static struct cgroup_plan flagged(const struct cgroup_layout *l, const struct rt_resources *r,
                                  const char *path, uint32_t flags) {
    struct cgroup_plan p;
    struct err e = {0};

    if (cgroup_plan_build(l, r, path, flags, arena, &p, &e) != 0)
        fail_msg("%s", e.msg);
    return p;
}

static void every_hierarchy(void **state) {
    struct cgroup_layout l = v1_layout();
    struct rt_resources none = {0};
    l.v1[l.n_v1++] = (struct cgroup_hierarchy)V1("systemd", CG_BIT(CG_NAMED));

    struct cgroup_plan p = flagged(&l, &none, "/a", PLAN_CGROUP_ALL);
    assert_int_equal(p.n_join, 8);
    assert_string_equal(p.set.ctl[CG_NAMED], "/cg/systemd/a");
    assert_string_equal(p.set.ctl[CG_CPUSET], "/cg/cpuset/a");
    p = good(&l, &none, "/a");
    assert_null(p.set.ctl[CG_NAMED]);
    l = v2_layout();
    p = flagged(&l, &none, "a", PLAN_CGROUP_ALL);
    assert_string_equal(text(&p), "enable? /cg/user +cpu +cpuset +io +hugetlb\n"
                                  "mkdir /cg/user/a\n");
}

static void default_devices(void **state) {
    struct cgroup_layout l = v1_layout();
    struct rt_device_rule rules[] = {
        {.allow = false, .type = 'a', .major = -1, .minor = -1},
        {.allow = true, .type = 'c', .major = 10, .minor = 229, .access = S("rw")}};
    struct rt_resources r = {.devices = rules, .n_devices = 2}, none = {0};
    struct cgroup_plan p = flagged(&l, &r, "x", PLAN_CGROUP_DEVICES);
    const char *t = text(&p);

    /* one denial, then all that is allowed in one go */
    assert_non_null(strstr(t, "devices.deny a\nwrite /cg/devices/x/devices.allow c 10:229 rw\n"
                              "c *:* m\nb *:* m\nc 1:3 rwm\n"));
    assert_non_null(strstr(t, "c 136:* rwm\nc 5:2 rwm\nc 10:200 rwm\n"));
    p = flagged(&l, &none, "x", PLAN_CGROUP_DEVICES);
    assert_non_null(
        strstr(text(&p), "devices.deny a\nwrite /cg/devices/x/devices.allow c *:* m\n"));
    p = good(&l, &none, "x");
    assert_null(strstr(text(&p), "devices"));
    l = v2_layout();
    p = flagged(&l, &none, "x", PLAN_CGROUP_DEVICES);
    assert_non_null(strstr(text(&p), "devices /cg/user/x\n"));
}

static void a_path_that_was_asked_for(void **state) {
    struct cgroup_layout l = v2_layout();
    struct rt_resources none = {0};
    struct cgroup_plan p = {.n = 77};
    struct err e = {0};

    /* the host's tree is not ours, but part of it */
    assert_true(cgroup_plan_build(&l, &none, "/a", PLAN_CGROUP_ASKED, arena, &p, &e) < 0);
    assert_non_null(strstr(e.msg, "unable to apply cgroup configuration"));
    assert_non_null(strstr(e.msg, "permission denied"));
    p = flagged(&l, &none, "/user/a", PLAN_CGROUP_ASKED);
    assert_string_equal(p.set.v2, "/cg/user/a");
    p = flagged(&l, &none, "a", PLAN_CGROUP_ASKED);
    assert_string_equal(p.set.v2, "/cg/user/a");
    /* systemd has made it where only systemd may */
    p = flagged(&l, &none, "/system.slice/x.scope", PLAN_CGROUP_UNIT);
    assert_string_equal(text(&p), "mkdir /cg/system.slice/x.scope\n");
    l.v2.mount_writable = true;
    p = flagged(&l, &none, "/s.slice/x.scope", PLAN_CGROUP_UNIT);
    assert_non_null(strstr(text(&p), "enable? /cg/s.slice +cpu +memory +pids\n"
                                     "mkdir /cg/s.slice/x.scope\n"));
}

static void limits_have_json_paths(void **state) {
    struct cgroup_layout l = v2_layout();
    struct rt_kv unified = {S("memory.high"), S("1000")};
    struct rt_hugepage huge = {.page_size = S("2MB"), .limit = 4194304};
    struct rt_resources r = {.memory = {.limit = {true, 4096}},
                             .hugepages = &huge,
                             .n_hugepages = 1,
                             .unified = &unified,
                             .n_unified = 1};
    struct cgroup_plan p = good(&l, &r, "x");

    for (size_t i = 0; i < p.n; i++)
        if (p.v[i].kind == CGROUP_OP_WRITE)
            assert_non_null(p.v[i].json);
    assert_string_equal(p.v[p.n - 1].json, "linux.resources.unified[\"memory.high\"]");
    assert_string_equal(cgroup_limits_json("cpu.max", arena), "linux.resources.cpu.quota");
    assert_null(cgroup_limits_json("cgroup.freeze", arena));
}

static void no_cgroups_at_all(void **state) {
    struct rt_resources none = {0},
                        unlimited = {.pids_limit = {true, -1}, .memory = {.limit = {true, -1}}},
                        some = {.memory = {.limit = {true, 4096}}};
    struct cgroup_plan p = good(NULL, &none, "x");

    assert_int_equal(p.n, 0);
    assert_null(p.set.v2);
    p = good(NULL, &unlimited, "x"); /* nothing to enforce */
    assert_int_equal(p.n, 0);
    assert_non_null(strstr(bad(NULL, &some, "x"), "cannot limit memory"));
    p = good(NULL, &none, NULL);
    assert_int_equal(p.n, 0);
    assert_non_null(strstr(bad(NULL, &some, ""), "cgroupsPath"));
}

static void refusals_name_the_mend(void **state) {
    struct cgroup_layout l1 = v1_layout(), l2 = v2_layout();
    struct rt_resources memory = {.memory = {.limit = {true, 4096}}};
    struct rt_resources swap = {.memory = {.limit = {true, 4096}, .swap = {true, 100}}};
    struct rt_resources lone_swap = {.memory = {.swap = {true, 100}}};
    struct rt_resources rdma = {.n_rdma = 1, .rdma = (struct rt_rdma[]){{.name = S("mlx")}}};
    struct rt_resources swappy = {.memory = {.swappiness = {true, 10}}};
    struct rt_kv slash = {S("../x.y"), S("1")}, odd = {S("misc.max"), S("1")};
    struct rt_resources unified = {.unified = &slash, .n_unified = 1};

    assert_non_null(strstr(bad(&l1, &memory, "../up"), "is not a path"));
    l1.v1[1].writable = l1.v1[1].mount_writable = false;
    assert_non_null(strstr(bad(&l1, &memory, "x"), "run as root"));
    l1 = v1_layout();
    assert_non_null(strstr(bad(&l1, &swap, "x"), "at least the memory limit 4096"));
    assert_non_null(strstr(bad(&l1, &lone_swap, "x"), "needs a memory limit"));
    assert_non_null(strstr(bad(&l2, &lone_swap, "x"), "needs a memory limit"));
    assert_non_null(strstr(bad(&l1, &unified, "x"), "cgroup v2"));
    assert_non_null(strstr(bad(&l2, &unified, "x"), "not the name of a cgroup file"));
    unified.unified = &odd;
    assert_non_null(strstr(bad(&l2, &unified, "x"), "not available"));
    assert_non_null(strstr(bad(&l2, &rdma, "x"), "Delegate="));
    assert_non_null(strstr(bad(&l2, &swappy, "x"), "swappiness"));
    l2.v2.writable = false;
    assert_non_null(strstr(bad(&l2, &memory, "x"), "systemd-run"));
    struct rt_resources none = {0};
    struct cgroup_plan p = good(&l2, &none, "x");
    assert_int_equal(p.n, 0);
}

static void weights(void **state) {
    assert_int_equal(cgroup_limits_cpu_weight(1), 1);
    assert_int_equal(cgroup_limits_cpu_weight(2), 1);
    assert_int_equal(cgroup_limits_cpu_weight(1024), 100);
    assert_int_equal(cgroup_limits_cpu_weight(262144), 10000);
    assert_int_equal(cgroup_limits_cpu_weight(1 << 30), 10000);
    uint64_t last = 0;
    for (uint64_t shares = 2; shares <= 262144; shares += shares / 7 + 1) {
        uint64_t w = cgroup_limits_cpu_weight(shares);
        assert_true(w >= last && w >= 1 && w <= 10000);
        last = w;
    }
    assert_int_equal(cgroup_limits_io_weight(10), 1);
    assert_int_equal(cgroup_limits_io_weight(1000), 10000);
    assert_int_equal(cgroup_limits_io_weight(0), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(v1_default_box, setup, teardown),
        cmocka_unit_test_setup_teardown(hybrid_uses_the_v2_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(v1_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(v1_update, setup, teardown),
        cmocka_unit_test_setup_teardown(update_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(every_hierarchy, setup, teardown),
        cmocka_unit_test_setup_teardown(default_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_was_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_have_json_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(base_of_the_caller, setup, teardown),
        cmocka_unit_test_setup_teardown(v2_default_box, setup, teardown),
        cmocka_unit_test_setup_teardown(v2_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(v2_update, setup, teardown),
        cmocka_unit_test_setup_teardown(no_cgroups_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_name_the_mend, setup, teardown),
        cmocka_unit_test(weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
