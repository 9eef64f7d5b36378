/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/bpf_device.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { R = BPF_DEVICE_READ, W = BPF_DEVICE_WRITE, M = BPF_DEVICE_MKNOD };

/* The few instructions that the encoder writes. */
static bool run(const struct bpf_insn *v, size_t n, char type, uint32_t major, uint32_t minor,
                uint32_t access) {
    uint64_t r[11] = {0};
    uint32_t ctx[3] = {access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
                       major, minor};

    for (size_t pc = 0; pc < n; pc++) {
        const struct bpf_insn *i = &v[pc];
        switch (i->code) {
        case BPF_LDX | BPF_MEM | BPF_W:
            assert_int_equal(i->src_reg, 1);
            r[i->dst_reg] = ctx[i->off / 4];
            break;
        case BPF_ALU64 | BPF_MOV | BPF_K:
            r[i->dst_reg] = (uint64_t)(int64_t)i->imm;
            break;
        case BPF_ALU64 | BPF_MOV | BPF_X:
            r[i->dst_reg] = r[i->src_reg];
            break;
        case BPF_ALU64 | BPF_RSH | BPF_K:
            r[i->dst_reg] >>= i->imm;
            break;
        case BPF_ALU64 | BPF_AND | BPF_K:
            r[i->dst_reg] &= (uint64_t)(int64_t)i->imm;
            break;
        case BPF_JMP | BPF_JNE | BPF_K:
            pc += r[i->dst_reg] != (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += r[i->dst_reg] == (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
            break;
        case BPF_JMP | BPF_EXIT:
            return r[0] == 1;
        default:
            fail_msg("instruction %zu: code 0x%x", pc, i->code);
        }
    }
    fail_msg("ran off the end");
    return false;
}

/* What the rules mean: each access bit is decided by the last rule that speaks of it. */
static bool model(const struct bpf_device_rule *rules, size_t n, char type, uint32_t major,
                  uint32_t minor, uint32_t access) {
    for (uint32_t bit = 1; bit <= 4; bit <<= 1) {
        bool allowed = false;
        for (size_t i = 0; i < n; i++) {
            const struct bpf_device_rule *r = &rules[i];
            bool all = r->type == 'a';
            if ((r->access & bit) &&
                (all || (r->type == type && (r->major < 0 || r->major == major) &&
                         (r->minor < 0 || r->minor == minor))))
                allowed = r->allow;
        }
        if ((access & bit) && !allowed)
            return false;
    }
    return true;
}

static const struct bpf_device_rule docker_rules[] = {
    {false, 'a', -1, -1, R | W | M}, {true, 'c', -1, -1, M},          {true, 'b', -1, -1, M},
    {true, 'c', 1, 3, R | W | M},    {true, 'c', 1, 5, R | W | M},    {true, 'c', 1, 7, R | W | M},
    {true, 'c', 1, 8, R | W | M},    {true, 'c', 1, 9, R | W | M},    {true, 'c', 5, 0, R | W | M},
    {true, 'c', 5, 2, R | W | M},    {true, 'c', 136, -1, R | W | M},
};

static void docker_default(void **state) {
    struct err e = {0};
    void *bytes;
    size_t len;
    AUTO_ARENA struct arena *a = arena_new();

    assert_int_equal(bpf_device_encode(docker_rules, ARRAY_SIZE(docker_rules), a, &bytes, &len, &e),
                     0);
    const struct bpf_insn *v = bytes;
    size_t n = len / sizeof(*v);
    assert_true(run(v, n, 'c', 1, 3, R | W));    /* null */
    assert_true(run(v, n, 'c', 136, 77, R | W)); /* a pty */
    assert_true(run(v, n, 'b', 8, 0, M));
    assert_false(run(v, n, 'b', 8, 0, R));        /* a disk */
    assert_false(run(v, n, 'c', 1, 1, R));        /* memory */
    assert_false(run(v, n, 'c', 10, 200, R | W)); /* tun */
    assert_false(run(v, n, 'b', 1, 3, R));        /* right numbers, wrong type */
}

static void agrees_with_the_model(void **state) {
    static const uint32_t numbers[] = {0, 1, 3, 5, 136};
    uint64_t seed = 7;

    for (int round = 0; round < 300; round++) {
        struct bpf_device_rule rules[9];
        size_t n = (size_t)round % (ARRAY_SIZE(rules) + 1);
        for (size_t i = 0; i < n; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
            uint32_t x = (uint32_t)(seed >> 33);
            rules[i] = (struct bpf_device_rule){
                .allow = x & 1,
                .type = "abcc"[x >> 1 & 3],
                .major = (x >> 3 & 3) ? (int64_t)numbers[(x >> 5) % 5] : -1,
                .minor = (x >> 8 & 3) ? (int64_t)numbers[(x >> 10) % 5] : -1,
                .access = x >> 13 & 7,
            };
            if (rules[i].type == 'a')
                rules[i].major = rules[i].minor = -1;
        }
        struct err e = {0};
        void *bytes;
        size_t len;
        AUTO_ARENA struct arena *a = arena_new();
        assert_int_equal(bpf_device_encode(rules, n, a, &bytes, &len, &e), 0);
        for (int t = 0; t < 2; t++)
            for (size_t j = 0; j < 5; j++)
                for (size_t k = 0; k < 5; k++)
                    for (uint32_t access = 1; access < 8; access++) {
                        char type = t ? 'b' : 'c';
                        bool want = model(rules, n, type, numbers[j], numbers[k], access);
                        bool got = run(bytes, len / sizeof(struct bpf_insn), type, numbers[j],
                                       numbers[k], access);
                        if (want != got)
                            fail_msg("round %d: %c %u:%u access %u: want %d", round, type,
                                     numbers[j], numbers[k], access, want);
                    }
    }
}

static void bad_rules(void **state) {
    struct err e = {0};
    void *bytes;
    size_t len;
    AUTO_ARENA struct arena *a = arena_new();
    struct bpf_device_rule rule = {true, 'x', 1, 1, R};

    assert_int_equal(bpf_device_encode(&rule, 1, a, &bytes, &len, &e), -EINVAL);
    rule = (struct bpf_device_rule){true, 'c', INT64_C(1) << 40, 1, R};
    assert_int_equal(bpf_device_encode(&rule, 1, a, &bytes, &len, &e), -EINVAL);
    assert_int_equal(bpf_device_encode(&rule, 100000, a, &bytes, &len, &e), -E2BIG);
}

/* Exit code of a child in the group: bit 0: null opens, bit 1: zero opens. */
static int opens(const char *procs) {
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int fd = open(procs, O_WRONLY);
        if (fd < 0 || write(fd, "0", 1) != 1)
            _exit(9);
        _exit((open("/dev/null", O_RDONLY) >= 0) | (open("/dev/zero", O_RDONLY) >= 0) << 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void kernel_enforces(void **state) {
    static const char *const trees[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
    static const struct bpf_device_rule only_null[] = {{true, 'c', 1, 3, R | W}};
    static const struct bpf_device_rule only_zero[] = {{true, 'c', 1, 5, R | W}};
    char dir[128] = "", path[160];
    struct err e = {0};
    void *bytes;
    size_t len;
    AUTO_ARENA struct arena *a = arena_new();

    for (size_t i = 0; i < ARRAY_SIZE(trees) && !dir[0]; i++) {
        snprintf(path, sizeof(path), "%s/cgroup.procs", trees[i]);
        if (access(path, W_OK) == 0)
            snprintf(dir, sizeof(dir), "%s/hako-test-bpf-%d", trees[i], getpid());
    }
    if (geteuid() != 0 || !dir[0] || mkdir(dir, 0755) < 0) {
        print_message("skipped: needs root and a writable cgroup v2 tree\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
    assert_int_equal(bpf_device_encode(only_null, 1, a, &bytes, &len, &e), 0);
    int r = bpf_device_attach(dir, bytes, len, &e);
    if (r == -EPERM) {
        rmdir(dir);
        print_message("skipped: %s\n", e.msg);
        skip();
    }
    int first = opens(path);
    assert_int_equal(bpf_device_encode(only_zero, 1, a, &bytes, &len, &e), 0);
    int replaced = bpf_device_replace(dir, bytes, len, &e);
    int second = opens(path);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(r, 0);
    assert_int_equal(first, 1);
    assert_int_equal(replaced, 0);
    assert_int_equal(second, 2);
    assert_int_equal(bpf_device_attach("/sys/fs/cgroup/no-such-group", bytes, len, &e), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(docker_default),
        cmocka_unit_test(agrees_with_the_model),
        cmocka_unit_test(bad_rules),
        cmocka_unit_test(kernel_enforces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
