/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of cgroup files, over directories that only look like cgroups. */
#include "sys/cgroup_usage.h"

#include "base/io.h"
#include "sys/cgroup_oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <cmocka.h>

static char dir[] = "/tmp/hako-usage.XXXXXX";
static struct arena *arena;
static const char *names[64];
static size_t n_names;

static void file(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(io_replace_file(AT_FDCWD, path, text, strlen(text), 0600, false), 0);
    names[n_names++] = name;
}

static int setup(void **state) {
    memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
    arena = arena_new();
    n_names = 0;
    return arena && mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
    for (size_t i = 0; i < n_names; i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    arena_free(arena);
    return rmdir(dir);
}

static void v1_files(void) {
    file("cpuacct.usage", "3000\n");
    file("cpuacct.stat", "user 2\nsystem 1\n");
    file("cpuacct.usage_all", "cpu user system\n0 10 20\n1 30 40\n");
    file("cpu.stat", "nr_periods 5\nnr_throttled 4\nthrottled_time 77\n");
    file("cpuset.cpus", "0-2,5\n");
    file("cpuset.mems", "0\n");
    file("cpuset.sched_relax_domain_level", "-1\n");
    file("memory.stat", "cache 4096\nrss 8192\ntotal_cache 4096\n");
    file("memory.usage_in_bytes", "12288\n");
    file("memory.max_usage_in_bytes", "16384\n");
    file("memory.limit_in_bytes", "9223372036854771712\n");
    file("memory.failcnt", "3\n");
    file("memory.memsw.limit_in_bytes", "65536\n");
    file("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    file("memory.use_hierarchy", "1\n");
    file("pids.current", "7\n");
    file("pids.max", "max\n");
    file("blkio.throttle.io_service_bytes_recursive",
         "8:0 Read 100\n8:0 Write 200\n8:16 Discard 5\nTotal 305\n");
    file("blkio.throttle.io_serviced_recursive", "8:0 Read 1\nTotal 1\n");
    file("hugetlb.2MB.usage_in_bytes", "2097152\n");
    file("hugetlb.2MB.max_usage_in_bytes", "4194304\n");
    file("hugetlb.2MB.failcnt", "9\n");
    file("hugetlb.2MB.rsvd.usage_in_bytes", "1\n");
}

static void v1(void **state) {
    struct cgroup_set set = {.ctl = {[CG_CPU] = dir,
                                     [CG_CPUACCT] = dir,
                                     [CG_CPUSET] = dir,
                                     [CG_MEMORY] = dir,
                                     [CG_PIDS] = dir,
                                     [CG_IO] = dir,
                                     [CG_HUGETLB] = dir}};
    struct cgroup_usage u;
    struct err e = {0};

    v1_files();
    assert_int_equal(cgroup_usage_read(&set, arena, &u, &e), 0);
    assert_int_equal(u.cpu.total_ns, 3000);
    assert_int_equal(u.cpu.n_cpus, 2);
    assert_int_equal(u.cpu.percpu_user[1], 30);
    assert_int_equal(u.cpu.percpu_kernel[0], 20);
    assert_int_equal(u.cpu.percpu[1], 70);
    assert_int_equal(u.cpu.throttled_ns, 77);
    assert_int_equal(u.cpuset.n_cpus, 4);
    assert_int_equal(u.cpuset.cpus[3], 5);
    assert_int_equal(u.cpuset.sched_relax_domain_level, -1);
    assert_int_equal(u.memory.cache, 4096);
    assert_int_equal(u.memory.n_raw, 3);
    assert_string_equal(u.memory.raw[1].name, "rss");
    assert_int_equal(u.memory.raw[1].value, 8192);
    assert_true(u.memory.use.limit == UINT64_MAX);
    assert_int_equal(u.memory.use.peak, 16384);
    assert_int_equal(u.memory.use.failures, 3);
    assert_int_equal(u.memory.swap.limit, 65536);
    assert_int_equal(u.memory.oom_kills, 2);
    assert_true(u.memory.use_hierarchy);
    assert_int_equal(u.pids.current, 7);
    assert_int_equal(u.pids.limit, 0);
    assert_int_equal(u.io.bytes.n, 3);
    assert_string_equal(u.io.bytes.v[1].op, "Write");
    assert_int_equal(u.io.bytes.v[2].minor, 16);
    assert_int_equal(u.io.bytes.v[2].value, 5);
    assert_int_equal(u.n_huge, 1);
    assert_string_equal(u.huge[0].size, "2MB");
    assert_int_equal(u.huge[0].peak, 4194304);
    assert_int_equal(u.huge[0].failures, 9);
    assert_false(u.memory.psi.given);
}

static void v2(void **state) {
    struct cgroup_set set = {.v2 = dir, .v2_ctls = CG_BIT(CG_MEMORY)};
    struct cgroup_usage u;
    struct err e = {0};

    file("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 1\n"
                     "nr_throttled 2\nthrottled_usec 3\nnr_bursts 4\nburst_usec 5\n");
    file("cpu.pressure", "some avg10=1.50 avg60=0.25 avg300=0.00 total=99\n"
                         "full avg10=0.00 avg60=0.00 avg300=10.01 total=7\n");
    file("memory.stat", "anon 4096\nfile 8192\nkernel 512\n");
    file("memory.current", "20000\n");
    file("memory.max", "40000\n");
    file("memory.swap.current", "1000\n");
    file("memory.swap.max", "5000\n");
    file("memory.events", "low 0\nhigh 0\nmax 6\noom 1\noom_kill 1\n");
    file("pids.max", "12\n");
    file("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:16 rbytes=9\n");
    file("hugetlb.1GB.current", "0\n");
    file("hugetlb.1GB.events", "max 8\n");
    file("rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\n");
    file("rdma.max", "mlx4_0 hca_handle=max hca_object=4000\n");
    assert_int_equal(cgroup_usage_read(&set, arena, &u, &e), 0);
    assert_int_equal(u.cpu.user_ns, 20000);
    assert_int_equal(u.cpu.burst_ns, 5000);
    assert_true(u.cpu.psi.given);
    assert_true(u.cpu.psi.some.avg10 > 1.49 && u.cpu.psi.some.avg10 < 1.51);
    assert_true(u.cpu.psi.full.avg300 > 10.0 && u.cpu.psi.full.avg300 < 10.02);
    assert_int_equal(u.cpu.psi.full.total, 7);
    assert_int_equal(u.memory.cache, 8192);
    assert_int_equal(u.memory.kernel.usage, 512);
    assert_int_equal(u.memory.swap.usage, 21000);
    assert_int_equal(u.memory.swap.limit, 45000);
    assert_int_equal(u.memory.use.failures, 6);
    assert_int_equal(u.memory.oom_kills, 1);
    assert_int_equal(u.pids.limit, 12);
    assert_int_equal(u.io.bytes.n, 3);
    assert_int_equal(u.io.bytes.v[1].value, 2);
    assert_int_equal(u.io.serviced.v[1].value, 4);
    assert_int_equal(u.io.bytes.v[2].minor, 16);
    assert_string_equal(u.huge[0].size, "1GB");
    assert_int_equal(u.huge[0].failures, 8);
    assert_int_equal(u.n_rdma, 1);
    assert_int_equal(u.rdma[0].objects, 2000);
    assert_true(u.rdma[0].max_handles == UINT64_MAX);
    assert_int_equal(u.rdma[0].max_objects, 4000);
}

static void oom_v2(void **state) {
    struct cgroup_set set = {.v2 = dir, .v2_ctls = CG_BIT(CG_MEMORY)};
    struct cgroup_oom o;
    struct err e = {0};
    char path[256];

    file("memory.events", "oom 0\noom_kill 0\n");
    file("cgroup.events", "populated 1\nfrozen 0\n");
    assert_int_equal(cgroup_oom_open(&set, &o, &e), 0);
    assert_int_equal(cgroup_oom_next(&o), 0);
    snprintf(path, sizeof(path), "%s/memory.events", dir);
    assert_int_equal(io_write_kernel(AT_FDCWD, path, "oom 1\noom_kill 1\n"), 0);
    struct pollfd p = {.fd = o.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 1000), 1);
    assert_int_equal(cgroup_oom_next(&o), 1);
    assert_int_equal(cgroup_oom_next(&o), 0);
    snprintf(path, sizeof(path), "%s/cgroup.events", dir);
    assert_int_equal(io_write_kernel(AT_FDCWD, path, "populated 0"), 0);
    assert_int_equal(poll(&p, 1, 1000), 1);
    assert_int_equal(cgroup_oom_next(&o), -ENOENT);
    cgroup_oom_close(&o);
}

static void nothing(void **state) {
    struct cgroup_set none = {0}, gone = {.v2 = "/nonexistent/x"};
    struct cgroup_usage u;
    struct cgroup_oom o;
    struct err e = {0};

    assert_true(cgroup_usage_read(&none, arena, &u, &e) < 0);
    assert_non_null(strstr(e.msg, "no cgroup"));
    assert_int_equal(cgroup_usage_read(&gone, arena, &u, &e), -ENOENT);
    assert_true(cgroup_oom_open(&none, &o, &e) < 0);
    /* an empty group: everything is 0 */
    gone.v2 = dir;
    assert_int_equal(cgroup_usage_read(&gone, arena, &u, &e), 0);
    assert_int_equal(u.memory.n_raw, 0);
    assert_false(u.memory.given);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(v1, setup, teardown),
        cmocka_unit_test_setup_teardown(v2, setup, teardown),
        cmocka_unit_test_setup_teardown(oom_v2, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
