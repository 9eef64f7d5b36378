/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on the real host; a group that a test makes, it removes. */
#include "sys/cgroup.h"

#include "base/io.h"
#include "base/str.h"
#include "sys/cgroup_walk.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct arena *arena;
static struct cgroup_layout layout;

static int setup(void **state) {
    struct err e = {0};

    arena = arena_new();
    return cgroup_layout_read(arena, &layout, &e);
}

static int teardown(void **state) {
    arena_free(arena);
    return 0;
}

/* Our own group in the hierarchy of a controller (v1) or in the v2 tree; NULL = cannot. */
static const char *group_v1(enum cgroup_ctl ctl, const char *suffix) {
    bool v2;
    const struct cgroup_hierarchy *h = cgroup_layout_find(&layout, ctl, &v2);

    if (!h || v2 || !h->writable)
        return NULL;
    return arena_printf(arena, "%s/hako-test-%d%s", h->base, getpid(), suffix);
}

static const char *group_v2(const char *suffix) {
    if (!layout.has_v2 || !layout.v2.writable)
        return NULL;
    return arena_printf(arena, "%s/hako-test-%d%s", layout.v2.base, getpid(), suffix);
}

#define NEED(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            print_message("skipped: needs write access to %s\n", #what);                           \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

static void must(int r, const struct err *e) {
    if (r != 0)
        fail_msg("%d: %s", r, e->msg);
}

/* A child that joined every group of the set, then forks `more` children of its own; it closes the
 * pipe when they are all there. */
static pid_t resident(const struct cgroup_set *s, int more) {
    int p[2];
    char byte;

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const char *dirs[CG_COUNT + 1];
        size_t n = cgroup_dirs(s, dirs);
        close(p[0]);
        for (size_t i = 0; i < n; i++) {
            int r = dirs[i] == s->v2 ? cgroup_join_pid(dirs[i], 0) : cgroup_join_v1(dirs[i]);
            if (r < 0)
                _exit(100);
        }
        for (int i = 0; i < more; i++)
            if (fork() == 0)
                break;
        if (write(p[1], "x", 1) != 1)
            _exit(101);
        close(p[1]);
        for (;;)
            pause();
    }
    close(p[1]);
    for (int i = 0; i <= more; i++)
        assert_int_equal(read(p[0], &byte, 1), 1);
    close(p[0]);
    return pid;
}

static void reap_killed(pid_t pid) {
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void make_and_remove(const struct cgroup_set *s) {
    struct err e = {0};
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(s, dirs);

    for (size_t i = 0; i < n; i++) {
        bool made = false;
        must(cgroup_mkdir(dirs[i], &made, &e), &e);
        assert_true(made);
        must(cgroup_mkdir(dirs[i], &made, &e), &e);
        assert_false(made);
    }
    assert_false(cgroup_populated(s));
    must(cgroup_kill(s, 1000, &e), &e); /* nobody there */
    pid_t pid = resident(s, 5);
    assert_true(cgroup_populated(s));
    pid_t pids[16];
    assert_int_equal(cgroup_pids(s, pids, 16), 6);
    assert_int_equal(cgroup_pids(s, pids, 3), 3);
    must(cgroup_kill(s, 5000, &e), &e);
    assert_false(cgroup_populated(s));
    reap_killed(pid);
    must(cgroup_remove(s, &e), &e);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(access(dirs[i], F_OK), -1);
    /* idempotent */
    must(cgroup_kill(s, 1000, &e), &e);
    must(cgroup_remove(s, &e), &e);
}

static void v1_life(void **state) {
    struct cgroup_set s = {
        .ctl = {[CG_PIDS] = group_v1(CG_PIDS, ""), [CG_FREEZER] = group_v1(CG_FREEZER, "")}};

    NEED(s.ctl[CG_PIDS]);
    make_and_remove(&s);
}

static void v2_life(void **state) {
    struct cgroup_set s = {.v2 = group_v2("")};

    NEED(s.v2);
    make_and_remove(&s);
}

static void hybrid_life(void **state) {
    struct cgroup_set s = {.v2 = group_v2(""), .ctl = {[CG_PIDS] = group_v1(CG_PIDS, "")}};

    NEED(s.v2 && s.ctl[CG_PIDS]);
    make_and_remove(&s);
}

/* Groups that the box made inside its own, some of them with processes. */
static void nested_groups_go_too(void **state) {
    struct cgroup_set s = {.v2 = group_v2("")};
    struct cgroup_set v1 = {.ctl = {[CG_PIDS] = group_v1(CG_PIDS, "")}};
    struct cgroup_set *sets[] = {s.v2 ? &s : NULL, v1.ctl[CG_PIDS] ? &v1 : NULL};

    NEED(s.v2 || v1.ctl[CG_PIDS]);
    for (size_t i = 0; i < 2; i++) {
        struct err e = {0};
        if (!sets[i])
            continue;
        const char *top;
        assert_int_equal(cgroup_dirs(sets[i], &top), 1);
        const char *deep = top, *leaves[] = {"a", "b", "c"};
        for (int k = 0; k < 12; k++)
            deep = arena_printf(arena, "%s/d%d", deep, k);
        must(cgroup_mkdir(deep, NULL, &e), &e);
        for (size_t k = 0; k < 3; k++)
            must(cgroup_mkdir(arena_printf(arena, "%s/%s", top, leaves[k]), NULL, &e), &e);
        struct cgroup_set inner = {0};
        if (sets[i]->v2)
            inner.v2 = deep;
        else
            inner.ctl[CG_PIDS] = deep;
        pid_t pid = resident(&inner, 2);

        struct cgroup_walk w;
        int visited = 0;
        assert_int_equal(cgroup_walk_begin(&w, top), 0);
        while (cgroup_walk_next(&w) > 0)
            visited++;
        cgroup_walk_end(&w);
        assert_int_equal(visited, 16);

        pid_t pids[8];
        assert_int_equal(cgroup_pids(sets[i], pids, 8), 3);
        must(cgroup_kill(sets[i], 5000, &e), &e);
        reap_killed(pid);
        must(cgroup_remove(sets[i], &e), &e);
        assert_int_equal(access(top, F_OK), -1);
    }
}

static void clone_into_v2(void **state) {
    struct cgroup_set s = {.v2 = group_v2("")};
    struct err e = {0};
    int status;

    NEED(s.v2);
    must(cgroup_mkdir(s.v2, NULL, &e), &e);
    int fd = cgroup_open(s.v2);
    assert_true(fd >= 0);
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0)
        _exit(cgroup_populated(&s) ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fd);
    must(cgroup_remove(&s, &e), &e);
    assert_int_equal(cgroup_open(s.v2), -ENOENT);
}

/* A number that the child counts up while it runs. */
static void freezes(struct cgroup_set *s) {
    struct err e = {0};
    volatile uint64_t *count =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(s, dirs);

    for (size_t i = 0; i < n; i++)
        must(cgroup_mkdir(dirs[i], NULL, &e), &e);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < n; i++)
            if (cgroup_join_pid(dirs[i], 0) < 0)
                _exit(1);
        for (;;)
            ++*count;
    }
    while (*count == 0)
        sched_yield();
    must(cgroup_freeze(s, true, &e), &e);
    uint64_t before = *count;
    for (int i = 0; i < 1000; i++)
        sched_yield();
    assert_int_equal(*count, before);
    must(cgroup_freeze(s, true, &e), &e);
    must(cgroup_freeze(s, false, &e), &e);
    while (*count == before)
        sched_yield();
    /* a frozen box can be killed */
    must(cgroup_freeze(s, true, &e), &e);
    must(cgroup_kill(s, 5000, &e), &e);
    reap_killed(pid);
    must(cgroup_remove(s, &e), &e);
    munmap((void *)(uintptr_t)count, 4096);
}

static void v2_freezes(void **state) {
    struct cgroup_set s = {.v2 = group_v2("")};

    NEED(s.v2);
    freezes(&s);
}

static void v1_freezes(void **state) {
    struct cgroup_set s = {.ctl = {[CG_FREEZER] = group_v1(CG_FREEZER, "")}};

    NEED(s.ctl[CG_FREEZER]);
    freezes(&s);
}

static void signals_everybody(void **state) {
    struct cgroup_set s = {.v2 = group_v2(""), .ctl = {[CG_PIDS] = group_v1(CG_PIDS, "")}};
    struct err e = {0};
    int status;

    NEED(s.v2 || s.ctl[CG_PIDS]);
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(&s, dirs);
    for (size_t i = 0; i < n; i++)
        must(cgroup_mkdir(dirs[i], NULL, &e), &e);
    pid_t pid = resident(&s, 3);
    must(cgroup_signal(&s, SIGUSR1, &e), &e);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    must(cgroup_kill(&s, 5000, &e), &e);
    must(cgroup_remove(&s, &e), &e);
    struct cgroup_set none = {0};
    assert_true(cgroup_signal(&none, SIGUSR1, &e) < 0);
    assert_int_equal(cgroup_kill(&none, 0, &e), 0);
    assert_int_equal(cgroup_remove(&none, &e), 0);
}

static void pids_limit_and_stats(void **state) {
    struct cgroup_set s = {.ctl = {[CG_PIDS] = group_v1(CG_PIDS, ""),
                                   [CG_MEMORY] = group_v1(CG_MEMORY, ""),
                                   [CG_CPUACCT] = group_v1(CG_CPUACCT, "")}};
    struct cgroup_stats st;
    struct err e = {0};

    NEED(s.ctl[CG_PIDS] && s.ctl[CG_MEMORY] && s.ctl[CG_CPUACCT]);
    const char *dirs[CG_COUNT + 1];
    size_t n = cgroup_dirs(&s, dirs);
    for (size_t i = 0; i < n; i++)
        must(cgroup_mkdir(dirs[i], NULL, &e), &e);
    must(cgroup_stats(&s, &st, &e), &e);
    assert_int_equal(st.pids_limit, UINT64_MAX);
    assert_int_equal(st.memory_limit, UINT64_MAX);
    must(cgroup_write(s.ctl[CG_PIDS], "pids.max", "7", &e), &e);
    must(cgroup_write(s.ctl[CG_MEMORY], "memory.limit_in_bytes", "67108864", &e), &e);
    pid_t pid = resident(&s, 3);
    must(cgroup_stats(&s, &st, &e), &e);
    assert_int_equal(st.pids, 4);
    assert_int_equal(st.pids_limit, 7);
    assert_int_equal(st.memory_limit, 67108864);
    assert_true(st.memory_usage > 0 && st.memory_usage < 67108864);
    assert_true(st.memory_bytes <= st.memory_usage);
    assert_true(st.cpu_ns > 0);
    assert_int_equal(st.oom_kills, 0);
    must(cgroup_kill(&s, 5000, &e), &e);
    reap_killed(pid);
    must(cgroup_remove(&s, &e), &e);
}

static void oom_kill_is_counted(void **state) {
    struct cgroup_set s = {.ctl = {[CG_MEMORY] = group_v1(CG_MEMORY, "")}};
    struct err e = {0};

    NEED(s.ctl[CG_MEMORY]);
    must(cgroup_mkdir(s.ctl[CG_MEMORY], NULL, &e), &e);
    must(cgroup_write(s.ctl[CG_MEMORY], "memory.limit_in_bytes", "8388608", &e), &e);
    pid_t pid = fork();
    if (pid == 0) {
        if (cgroup_join_v1(s.ctl[CG_MEMORY]) < 0)
            _exit(1);
        char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(p, 1, 64 << 20);
        _exit(2);
    }
    reap_killed(pid);
    assert_int_equal(cgroup_oom_kills(&s), 1);
    must(cgroup_remove(&s, &e), &e);
}

static void stats_of_v2(void **state) {
    struct cgroup_set s = {.v2 = group_v2("")};
    struct cgroup_stats st;
    struct err e = {0};

    NEED(s.v2);
    must(cgroup_mkdir(s.v2, NULL, &e), &e);
    pid_t pid = fork();
    if (pid == 0) {
        if (cgroup_join_pid(s.v2, 0) < 0)
            _exit(1);
        for (volatile int i = 0; i < 30000000; i++)
            continue;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    must(cgroup_stats(&s, &st, &e), &e);
    assert_true(st.cpu_ns > 1000000); /* also on a hybrid host, without a controller */
    must(cgroup_remove(&s, &e), &e);
    struct cgroup_set none = {0};
    assert_true(cgroup_stats(&none, &st, &e) < 0);
}

static void cpuset_is_inherited(void **state) {
    const char *dir = group_v1(CG_CPUSET, "");
    char value[256], path[300];
    struct err e = {0};

    NEED(dir);
    const char *inner = arena_printf(arena, "%s/inner", dir);
    must(cgroup_mkdir(inner, NULL, &e), &e);
    must(cgroup_inherit_cpuset(dir, &e), &e);
    must(cgroup_inherit_cpuset(inner, &e), &e);
    snprintf(path, sizeof(path), "%s/cpuset.mems", inner);
    assert_int_equal(io_read_line(AT_FDCWD, path, value, sizeof(value)), 0);
    assert_true(value[0] != '\0');
    /* what was set stays */
    must(cgroup_write(inner, "cpuset.cpus", "0", &e), &e);
    must(cgroup_inherit_cpuset(inner, &e), &e);
    snprintf(path, sizeof(path), "%s/cpuset.cpus", inner);
    assert_int_equal(io_read_line(AT_FDCWD, path, value, sizeof(value)), 0);
    assert_string_equal(value, "0");
    struct cgroup_set s = {.ctl = {[CG_CPUSET] = dir}};
    pid_t pid = resident(&(struct cgroup_set){.ctl = {[CG_CPUSET] = inner}}, 0);
    must(cgroup_kill(&s, 5000, &e), &e);
    reap_killed(pid);
    must(cgroup_remove(&s, &e), &e);
}

/* v2's rule: what stands beside children with controllers has to move into a leaf. */
static void leaf_takes_the_processes(void **state) {
    struct cgroup_set s = {.v2 = group_v2("")};
    struct err e = {0};
    char line[64];

    NEED(s.v2);
    must(cgroup_mkdir(s.v2, NULL, &e), &e);
    pid_t pid = resident(&s, 4);
    must(cgroup_leaf(s.v2, &e), &e);
    must(cgroup_leaf(s.v2, &e), &e);
    char *procs = arena_printf(arena, "%s/cgroup.procs", s.v2);
    assert_int_equal(io_read_line(AT_FDCWD, procs, line, sizeof(line)), 0);
    assert_string_equal(line, "");
    pid_t pids[8];
    assert_int_equal(cgroup_pids(&s, pids, 8), 5);
    must(cgroup_kill(&s, 5000, &e), &e);
    reap_killed(pid);
    must(cgroup_remove(&s, &e), &e);
}

static void failures_speak(void **state) {
    struct err e = {0};

    assert_int_equal(cgroup_write("/sys/fs/cgroup/no-such", "pids.max", "1", &e), -ENOENT);
    assert_non_null(strstr(e.msg, "there is no cgroup"));
    assert_int_equal(cgroup_mkdir("/proc/self/x", NULL, &e), -ENOENT);
    assert_true(cgroup_enable("/sys/fs/cgroup/no-such", "+cpu", &e) < 0);
    const char *dir = group_v1(CG_PIDS, "");
    NEED(dir);
    must(cgroup_mkdir(dir, NULL, &e), &e);
    assert_int_equal(cgroup_write(dir, "pids.mix", "1", &e), -ENOENT);
    assert_non_null(strstr(e.msg, "pids.mix"));
    assert_int_equal(cgroup_write(dir, "pids.max", "many", &e), -EINVAL);
    assert_non_null(strstr(e.msg, "many"));
    struct cgroup_set s = {.ctl = {[CG_PIDS] = dir}};
    must(cgroup_remove(&s, &e), &e);
}

static void parents(void **state) {
    const char *dir = group_v1(CG_PIDS, "/one/two");
    struct err e = {0};

    NEED(dir);
    must(cgroup_mkdir(dir, NULL, &e), &e);
    struct cgroup_set s = {.ctl = {[CG_PIDS] = dir}};
    must(cgroup_remove(&s, &e), &e);
    cgroup_remove_parent(dir);
    cgroup_remove_parent(group_v1(CG_PIDS, "/one"));
    assert_int_equal(access(group_v1(CG_PIDS, ""), F_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_life),
        cmocka_unit_test(v2_life),
        cmocka_unit_test(hybrid_life),
        cmocka_unit_test(nested_groups_go_too),
        cmocka_unit_test(clone_into_v2),
        cmocka_unit_test(v2_freezes),
        cmocka_unit_test(v1_freezes),
        cmocka_unit_test(signals_everybody),
        cmocka_unit_test(pids_limit_and_stats),
        cmocka_unit_test(oom_kill_is_counted),
        cmocka_unit_test(stats_of_v2),
        cmocka_unit_test(cpuset_is_inherited),
        cmocka_unit_test(leaf_takes_the_processes),
        cmocka_unit_test(failures_speak),
        cmocka_unit_test(parents),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
