/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/caps.h"
#include "sys/seccomp.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#define CAP_SYS_ADMIN_BIT CAPS_BIT(21)

/* --- what a program says, by the rules of classic BPF --------------------------------------------
 */

static uint32_t run(const struct sock_filter *v, size_t n, const struct seccomp_data *d) {
    uint32_t a = 0;

    for (size_t pc = 0; pc < n; pc++) {
        const struct sock_filter *i = &v[pc];
        bool jump = false;
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k + 4 <= sizeof(*d) && i->k % 4 == 0);
            memcpy(&a, (const char *)d + i->k, 4);
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            continue;
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_JMP | BPF_JA:
            pc += i->k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            jump = a == i->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            jump = a >= i->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            jump = a > i->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            jump = (a & i->k) != 0;
            break;
        default:
            fail_msg("instruction %zu: code 0x%x", pc, i->code);
        }
        pc += jump ? i->jt : i->jf;
    }
    fail_msg("ran off the end");
    return 0;
}

struct program {
    struct sock_filter v[BPF_MAXINSNS];
    size_t n;
};

static uint32_t says(const struct program *p, uint32_t arch, uint32_t nr, uint64_t arg0) {
    struct seccomp_data d = {.nr = (int)nr, .arch = arch, .args = {arg0}};

    return run(p->v, p->n, &d);
}

static void load_program(struct program *p, const void *bytes, size_t len) {
    assert_int_equal(len % sizeof(struct sock_filter), 0);
    p->n = len / sizeof(struct sock_filter);
    assert_true(p->n > 0 && p->n <= BPF_MAXINSNS);
    memcpy(p->v, bytes, len);
}

static void default_program(uint64_t caps, struct program *p) {
    struct err e = {0};
    const void *bytes;
    size_t len;
    AUTO_ARENA struct arena *a = arena_new();

    assert_int_equal(seccomp_default(-1, caps, a, &bytes, &len, &e), 0);
    load_program(p, bytes, len);
}

/* --- the profile
 * ----------------------------------------------------------------------------------- */

static struct program prog; /* too large for the stack */

static uint32_t says_name(uint32_t arch, const char *name) {
    uint32_t token = arch == AUDIT_ARCH_I386 ? SCMP_ARCH_X86 : arch;
    int nr = seccomp_syscall_resolve_name_arch(token, name);

    assert_true(nr >= 0);
    return says(&prog, arch, (uint32_t)nr, 0);
}

/* Everything that libseccomp can name is either in the profile or refused here, by decision. */
static void every_known_call_is_decided(void **state) {
    static const char refused[] =
        " _sysctl add_key afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg "
        "gtty idle io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load "
        "keyctl lock mpx nfsservctl oldfstat oldlstat oldolduname oldstat olduname prof profil "
        "putpmsg query_module request_key security sgetmask ssetmask stty swapoff swapon sysfs "
        "tuxcall ulimit uselib userfaultfd ustat vm86 vm86old vserver ";
    static const uint32_t arches[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};

#ifndef __x86_64__
    skip(); /* the numbers are x86's */
#endif
    default_program(UINT64_MAX, &prog);
    for (size_t k = 0; k < ARRAY_SIZE(arches); k++)
        for (uint32_t nr = 0; nr < 460; nr++) {
            uint32_t token = arches[k] == AUDIT_ARCH_I386 ? SCMP_ARCH_X86 : arches[k];
            char *name = seccomp_syscall_resolve_num_arch(token, (int)nr);
            char word[64];
            if (!name)
                continue;
            snprintf(word, sizeof(word), " %s ", name);
            bool allowed = says(&prog, arches[k], nr, 0) == SECCOMP_RET_ALLOW;
            if (allowed == (strstr(refused, word) != NULL))
                fail_msg("%s (%u): allowed %d", name, nr, allowed);
            free(name);
        }
}

static void capabilities_open_calls(void **state) {
    static const struct {
        const char *name;
        int cap;
    } calls[] = {
        {"mount", 21},        {"unshare", 21},
        {"setns", 21},        {"pivot_root", 21},
        {"clone3", 21},       {"open_by_handle_at", 2},
        {"init_module", 16},  {"iopl", 17},
        {"kcmp", 19},         {"acct", 20},
        {"reboot", 22},       {"mbind", 23},
        {"settimeofday", 25}, {"vhangup", 26},
        {"syslog", 34},       {"perf_event_open", 38},
        {"bpf", 39},
    };

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        default_program(CAPS_DEFAULT, &prog);
        assert_int_not_equal(says_name(seccomp_arch_native(), calls[i].name), SECCOMP_RET_ALLOW);
        default_program(CAPS_DEFAULT | CAPS_BIT(calls[i].cap), &prog);
        assert_int_equal(says_name(seccomp_arch_native(), calls[i].name), SECCOMP_RET_ALLOW);
    }
    default_program(CAPS_DEFAULT, &prog);
    assert_int_equal(says_name(seccomp_arch_native(), "clone3"), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(says_name(seccomp_arch_native(), "mount"), SECCOMP_RET_ERRNO | EPERM);
}

static void embedded_is_what_would_be_compiled(void **state) {
    struct err e = {0};
    struct seccomp_filter f;
    void *bytes;
    size_t len, embedded_len;
    AUTO_ARENA struct arena *a = arena_new();
    const void *embedded = seccomp_default_embedded(CAPS_DEFAULT, &embedded_len);

    assert_non_null(embedded);
    assert_int_equal(seccomp_default_filter(CAPS_DEFAULT, a, &f, &e), 0);
    assert_int_equal(seccomp_build(&f, a, &bytes, &len, &e), 0);
    assert_int_equal(len, embedded_len);
    assert_memory_equal(bytes, embedded, len);
    assert_non_null(seccomp_default_embedded(0, &embedded_len));
    assert_null(seccomp_default_embedded(CAPS_DEFAULT | CAP_SYS_ADMIN_BIT, &embedded_len));
    /* NET_ADMIN opens no call */
    assert_non_null(seccomp_default_embedded(CAPS_DEFAULT | CAPS_BIT(12), &embedded_len));
}

static void recent_and_future_calls(void **state) {
    uint32_t arch = seccomp_arch_native();

    default_program(CAPS_DEFAULT, &prog);
    assert_int_equal(says(&prog, arch, 452, 0), SECCOMP_RET_ALLOW);         /* fchmodat2 */
    assert_int_equal(says(&prog, arch, 469, 0), SECCOMP_RET_ALLOW);         /* file_setattr */
    assert_int_equal(says(&prog, arch, 467, 0), SECCOMP_RET_ERRNO | EPERM); /* open_tree_attr */
    assert_int_equal(says(&prog, arch, 460, 0), SECCOMP_RET_ERRNO | EPERM); /* lsm_set_self_attr */
    assert_int_equal(says(&prog, arch, 470, 0), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(says(&prog, arch, 99999, 0), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(says(&prog, 0x12345, 0, 0), SECCOMP_RET_KILL_THREAD);
#ifdef __x86_64__
    assert_int_equal(says(&prog, AUDIT_ARCH_I386, 452, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(says(&prog, AUDIT_ARCH_I386, 470, 0), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(says(&prog, AUDIT_ARCH_X86_64, 0x40000000 | 39, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(says(&prog, AUDIT_ARCH_X86_64, 0x40000000 | 165, 0),
                     SECCOMP_RET_ERRNO | EPERM);
    /* x32's own numbers: 512 is rt_sigaction */
    assert_int_equal(says(&prog, AUDIT_ARCH_X86_64, 0x40000000 | 512, 0), SECCOMP_RET_ALLOW);
#endif
}

static void socket_families(void **state) {
#ifndef __x86_64__
    skip();
#endif
    static const struct {
        uint32_t arch, nr;
    } ways[] = {
        {AUDIT_ARCH_X86_64, 41}, {AUDIT_ARCH_X86_64, 0x40000000 | 41}, {AUDIT_ARCH_I386, 359}};

    default_program(CAPS_DEFAULT, &prog);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
        for (uint64_t family = 0; family < 64; family++) {
            uint32_t want =
                family == 38 || family == 40 ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW;
            assert_int_equal(says(&prog, ways[i].arch, ways[i].nr, family), want);
            /* the kernel takes an int: the upper half must not matter */
            assert_int_equal(says(&prog, ways[i].arch, ways[i].nr, family | UINT64_C(0xdead) << 32),
                             want);
        }
}

/* --- folding -------------------------------------------------------------------------------------
 */

static uint64_t seed = 42;

static uint32_t chance(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % n;
}

/* libseccomp's own program of the same rules. */
static void reference(const struct seccomp_filter *f, struct program *p) {
    scmp_filter_ctx ctx = seccomp_init(f->default_action);
    int fd = memfd_create("t", MFD_CLOEXEC);

    assert_non_null(ctx);
    assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
    assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X32), 0);
    for (size_t i = 0; i < f->n_rules; i++) {
        const struct seccomp_rule *r = &f->rules[i];
        struct scmp_arg_cmp cmp[6];
        for (size_t k = 0; k < r->n_args; k++)
            cmp[k] = (struct scmp_arg_cmp){r->args[k].index, (enum scmp_compare)r->args[k].op,
                                           r->args[k].value, r->args[k].value_two};
        int rc = seccomp_rule_add_array(ctx, r->action, seccomp_syscall_resolve_name(r->names[0]),
                                        (unsigned)r->n_args, cmp);
        assert_true(rc == 0 || rc == -EEXIST || rc == -EACCES);
    }
    assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
    off_t len = lseek(fd, 0, SEEK_END);
    assert_true(len > 0 && (size_t)len <= sizeof(p->v));
    assert_int_equal(pread(fd, p->v, (size_t)len, 0), len);
    p->n = (size_t)len / sizeof(struct sock_filter);
    close(fd);
    seccomp_release(ctx);
}

static struct program plain;

static void compare(uint32_t arch, uint32_t nr) {
    static const uint64_t values[] = {0, 1, 2, 3, 7, UINT64_C(1) << 32, UINT64_MAX, 0x7e020000, 40};
    struct seccomp_data d = {.nr = (int)nr, .arch = arch};

    for (int tries = 0; tries < 6; tries++) {
        for (int k = 0; k < 6; k++)
            d.args[k] = values[chance(ARRAY_SIZE(values))];
        uint32_t want = run(plain.v, plain.n, &d), got = run(prog.v, prog.n, &d);
        if (want != got)
            fail_msg("arch %x call %u: 0x%x, folded 0x%x", arch, nr, want, got);
    }
}

static void folded_says_the_same(void **state) {
#ifndef __x86_64__
    skip();
#endif
    static const char *const calls[] = {
        "read",        "write", "clone",  "socket", "ioctl",  "mount", "prctl", "openat",
        "personality", "kill",  "ptrace", "bind",   "getpid", "fcntl", "mmap",  "futex"};
    static const uint32_t actions[] = {SECCOMP_RET_ALLOW,          SECCOMP_RET_ERRNO | EPERM,
                                       SECCOMP_RET_ERRNO | ENOENT, SECCOMP_RET_LOG,
                                       SECCOMP_RET_KILL_PROCESS,   SECCOMP_RET_TRAP};
    static const char *const arches[] = {"SCMP_ARCH_X86", "SCMP_ARCH_X32"};

    for (int round = 0; round < 60; round++) {
        static const char *const newest[] = {"set_mempolicy_home_node"};
        struct seccomp_rule rules[25];
        struct seccomp_arg args[24][2];
        size_t n = chance(ARRAY_SIZE(args));
        for (size_t i = 0; i < n; i++) {
            uint32_t first = chance(6);
            for (uint32_t k = 0; k < 2; k++)
                args[i][k] = (struct seccomp_arg){.index = (first + k) % 6,
                                                  .op = (enum seccomp_op)(1 + chance(7)),
                                                  .value = chance(3) ? chance(4) : UINT64_MAX,
                                                  .value_two = chance(4)};
            rules[i] = (struct seccomp_rule){.names = &calls[chance(ARRAY_SIZE(calls))],
                                             .n_names = 1,
                                             .action = actions[chance(ARRAY_SIZE(actions))],
                                             .args = args[i],
                                             .n_args = chance(3)};
        }
        /* what is newer than all that is named is not libseccomp's to say */
        rules[n++] = (struct seccomp_rule){
            .names = newest, .n_names = 1, .action = SECCOMP_RET_ERRNO | ENOENT};
        struct seccomp_filter f = {.default_action = actions[round % 2 ? 0 : 1],
                                   .arches = arches,
                                   .n_arches = 2,
                                   .rules = rules,
                                   .n_rules = n};
        struct err e = {0};
        void *bytes;
        size_t len;
        AUTO_ARENA struct arena *a = arena_new();
        assert_int_equal(seccomp_build(&f, a, &bytes, &len, &e), 0);
        load_program(&prog, bytes, len);
        reference(&f, &plain);
        for (uint32_t nr = 0; nr < 451; nr++) {
            compare(AUDIT_ARCH_X86_64, nr);
            compare(AUDIT_ARCH_I386, nr);
            compare(AUDIT_ARCH_X86_64, nr | 0x40000000);
            compare(AUDIT_ARCH_AARCH64, nr);
        }
        compare(AUDIT_ARCH_X86_64, 0x40000000 | 520);
        compare(AUDIT_ARCH_X86_64, UINT32_MAX);
        compare(AUDIT_ARCH_X86_64, 0x7fffffff);
    }
}

/* Newer than the newest call that is named: "no such call", whatever the default refusal is. */
static void newer_than_the_profile(void **state) {
#ifndef __x86_64__
    skip(); /* the numbers are x86's */
#endif
    static const char *const names[] = {"openat2", "read"}; /* 437 */
    static const uint32_t defaults[] = {
        SECCOMP_RET_ERRNO | ENXIO, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
        SECCOMP_RET_TRAP,          SECCOMP_RET_ALLOW,        SECCOMP_RET_LOG,
        SECCOMP_RET_TRACE | 1,
    };
    static const char *const arches[] = {"SCMP_ARCH_X86"};
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
        struct seccomp_rule rule = {.names = names, .n_names = 2, .action = SECCOMP_RET_ERRNO | 7};
        struct seccomp_filter f = {.default_action = defaults[i],
                                   .arches = arches,
                                   .n_arches = 1,
                                   .rules = &rule,
                                   .n_rules = 1};
        struct err e = {0};
        void *bytes;
        size_t len;
        uint32_t newer = i < 4 ? SECCOMP_RET_ERRNO | ENOSYS : defaults[i];
        AUTO_ARENA struct arena *a = arena_new();
        assert_int_equal(seccomp_build(&f, a, &bytes, &len, &e), 0);
        load_program(&prog, bytes, len);
        assert_int_equal(says(&prog, AUDIT_ARCH_X86_64, 437, 0), SECCOMP_RET_ERRNO | 7);
        assert_int_equal(says(&prog, AUDIT_ARCH_X86_64, 436, 0), defaults[i]);
        assert_int_equal(says(&prog, AUDIT_ARCH_X86_64, 438, 0), newer);
        assert_int_equal(says(&prog, AUDIT_ARCH_X86_64, 1000, 0), newer);
        assert_int_equal(says(&prog, AUDIT_ARCH_I386, 436, 0), defaults[i]);
        assert_int_equal(says(&prog, AUDIT_ARCH_I386, 438, 0), newer);
    }
    assert_true(seccomp_call_known("openat2") && seccomp_call_known("mseal"));
    assert_false(seccomp_call_known("no_such_call"));
}

static void repeated_argument_means_either(void **state) {
    static const char *const names[] = {"personality", "no_such_call"};
    static const struct seccomp_arg args[] = {{.index = 0, .op = SECCOMP_OP_EQ, .value = 3},
                                              {.index = 0, .op = SECCOMP_OP_EQ, .value = 5}};
    struct seccomp_rule rule = {
        .names = names, .n_names = 2, .action = SECCOMP_RET_ALLOW, .args = args, .n_args = 2};
    struct seccomp_filter f = {
        .default_action = SECCOMP_RET_ERRNO | EPERM, .rules = &rule, .n_rules = 1};
    struct err e = {0};
    void *bytes;
    size_t len;
    AUTO_ARENA struct arena *a = arena_new();
    uint32_t nr = (uint32_t)seccomp_syscall_resolve_name("personality");

    assert_int_equal(seccomp_build(&f, a, &bytes, &len, &e), 0);
    load_program(&prog, bytes, len);
    assert_int_equal(says(&prog, seccomp_arch_native(), nr, 3), SECCOMP_RET_ALLOW);
    assert_int_equal(says(&prog, seccomp_arch_native(), nr, 5), SECCOMP_RET_ALLOW);
    assert_int_equal(says(&prog, seccomp_arch_native(), nr, 4), SECCOMP_RET_ERRNO | EPERM);
    /* an empty profile is its default for every call */
    f.n_rules = 0;
    assert_int_equal(seccomp_build(&f, a, &bytes, &len, &e), 0);
    load_program(&prog, bytes, len);
    assert_int_equal(says(&prog, seccomp_arch_native(), nr, 3), SECCOMP_RET_ERRNO | EPERM);
    static const char *const bad[] = {"SCMP_ARCH_PDP11"};
    f.arches = bad;
    f.n_arches = 1;
    assert_int_equal(seccomp_build(&f, a, &bytes, &len, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "PDP11"));
}

/* --- the kernel agrees
 * ------------------------------------------------------------------------------ */

struct call {
    const char *name;
    long nr;
    long a, b;
    int want; /* errno, 0 = must succeed, -1 = anything but EPERM and ENOSYS */
};

/* Number of the first call that went wrong, 0 = none. */
static int try_calls(uint64_t caps, const struct call *calls, size_t n) {
    struct err e = {0};
    const void *bytes;
    size_t len;
    int status;
    AUTO_ARENA struct arena *a = arena_new();

    assert_int_equal(seccomp_default(-1, caps, a, &bytes, &len, &e), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_install(bytes, len, 0) != 0)
            _exit(255);
        for (size_t i = 0; i < n; i++) {
            errno = 0;
            long r = syscall(calls[i].nr, calls[i].a, calls[i].b, 0, 0, 0, 0);
            int got = r < 0 ? errno : 0;
            if (r == 0 && calls[i].nr == SYS_clone)
                _exit(0);
            if (calls[i].want < 0 ? got == EPERM || got == ENOSYS : got != calls[i].want)
                _exit((int)i + 1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void kernel_refuses_and_allows(void **state) {
    static const struct call calls[] = {
        {"keyctl", SYS_keyctl, 0, -3, EPERM},
        {"add_key", SYS_add_key, 0, 0, EPERM},
        {"mount", SYS_mount, 0, 0, EPERM},
        {"umount2", SYS_umount2, 0, 0, EPERM},
        {"unshare user", SYS_unshare, CLONE_NEWUSER, 0, EPERM},
        {"clone user", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, EPERM},
        {"clone net", SYS_clone, CLONE_NEWNET | SIGCHLD, 0, EPERM},
        {"clone3", SYS_clone3, 0, 0, ENOSYS},
        {"setns", SYS_setns, -1, 0, EPERM},
        {"bpf", SYS_bpf, 0, 0, EPERM},
        {"perf", SYS_perf_event_open, 0, 0, EPERM},
        {"io_uring", SYS_io_uring_setup, 1, 0, EPERM},
        {"userfaultfd", SYS_userfaultfd, 0, 0, EPERM},
        {"reboot", SYS_reboot, 0, 0, EPERM},
        {"kexec", SYS_kexec_load, 0, 0, EPERM},
        {"swapon", SYS_swapon, 0, 0, EPERM},
        {"pivot_root", SYS_pivot_root, 0, 0, EPERM},
        {"init_module", SYS_init_module, 0, 0, EPERM},
        {"open_by_handle_at", SYS_open_by_handle_at, -1, 0, EPERM},
        {"personality query", SYS_personality, 0xffffffff, 0, 0},
        {"personality aslr", SYS_personality, 0x0040000, 0, EPERM},
        {"AF_ALG", SYS_socket, 38, SOCK_SEQPACKET, EPERM},
        {"AF_VSOCK", SYS_socket, 40, SOCK_STREAM, EPERM},
        {"AF_UNIX", SYS_socket, AF_UNIX, SOCK_STREAM, 0},
        {"AF_INET", SYS_socket, AF_INET, SOCK_STREAM, 0},
        {"chroot", SYS_chroot, 0, 0, EFAULT},
        {"close", SYS_close, -1, 0, EBADF},
        {"openat", SYS_openat, -1, 0, EFAULT},
        {"statx", SYS_statx, -1, 0, EFAULT},
        {"futex", SYS_futex, 0, 1, -1},
        {"getpid", SYS_getpid, 0, 0, -1},
        {"future", 600, 0, 0, ENOSYS},
    };

    int wrong = try_calls(CAPS_DEFAULT, calls, ARRAY_SIZE(calls));
    if (wrong)
        fail_msg("%s", wrong == 255 ? "install" : calls[wrong - 1].name);
}

static void kernel_opens_for_admin(void **state) {
    static const struct call calls[] = {
        {"mount", SYS_mount, 0, 0, -1},      {"keyctl", SYS_keyctl, 0, -3, EPERM},
        {"setns", SYS_setns, -1, 0, EBADF},  {"clone3", SYS_clone3, 0, 0, EINVAL},
        {"swapon", SYS_swapon, 0, 0, EPERM},
    };

    int wrong = try_calls(CAPS_DEFAULT | CAP_SYS_ADMIN_BIT, calls, ARRAY_SIZE(calls));
    if (wrong)
        fail_msg("%s", wrong == 255 ? "install" : calls[wrong - 1].name);
}

static void install_checks_bytes(void **state) {
    char bytes[16] = {0};

    assert_int_equal(seccomp_install(bytes, 0, 0), -EINVAL);
    assert_int_equal(seccomp_install(bytes, 7, 0), -EINVAL);
    assert_int_equal(seccomp_install(bytes, (size_t)8 * 5000, 0), -EINVAL);
}

/* --- cache
 * ------------------------------------------------------------------------------------------ */

static void cache_keeps_and_distrusts(void **state) {
    char dir[] = "/tmp/hako-test-XXXXXX", name[300] = "";
    struct err e = {0};
    const void *first, *second;
    size_t len, len2;
    AUTO_ARENA struct arena *a = arena_new();
    uint64_t caps = CAPS_DEFAULT | CAPS_BIT(25);

    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(seccomp_default(fd, caps, a, &first, &len, &e), 0);
    assert_int_equal(seccomp_default(fd, caps, a, &second, &len2, &e), 0);
    assert_int_equal(len, len2);
    assert_memory_equal(first, second, len);

    /* exactly one file, named by content */
    DIR *d = opendir(dir);
    int files = 0;
    for (struct dirent *entry; (entry = readdir(d));)
        if (entry->d_name[0] != '.') {
            files++;
            snprintf(name, sizeof(name), "%s", entry->d_name);
        }
    closedir(d);
    assert_int_equal(files, 1);
    /* one byte of the program changed, and the description too: compiled again */
    int file = openat(fd, name, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, "X", 1, 20), 1);
    assert_int_equal(seccomp_default(fd, caps, a, &second, &len2, &e), 0);
    assert_int_equal(len, len2);
    assert_memory_equal(first, second, len);
    close(file);
    /* cut short */
    file = openat(fd, name, O_RDWR | O_CLOEXEC);
    assert_int_equal(ftruncate(file, 100), 0);
    close(file);
    assert_int_equal(seccomp_default(fd, caps, a, &second, &len2, &e), 0);
    assert_memory_equal(first, second, len);
    /* a file that others may write is not believed: its program would be used as it is */
    file = openat(fd, name, O_RDWR | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(file, &st), 0);
    assert_int_equal(pwrite(file, "\0\0\0\0\0\0\0\0", 8, st.st_size - 8), 8);
    assert_int_equal(fchmod(file, 0666), 0);
    close(file);
    assert_int_equal(seccomp_default(fd, caps, a, &second, &len2, &e), 0);
    assert_memory_equal(first, second, len);

    unlinkat(fd, name, 0);
    close(fd);
    assert_int_equal(rmdir(dir), 0);
}

static void words(void **state) {
    uint32_t v = 0;
    enum seccomp_op op = SECCOMP_OP_NE;

    assert_int_equal(seccomp_action("SCMP_ACT_ERRNO", 38, &v), 0);
    assert_int_equal(v, SECCOMP_RET_ERRNO | 38);
    assert_int_equal(seccomp_action("SCMP_ACT_ALLOW", 38, &v), 0);
    assert_int_equal(v, SECCOMP_RET_ALLOW);
    assert_int_equal(seccomp_action("ALLOW", 0, &v), -EINVAL);
    assert_int_equal(seccomp_op("SCMP_CMP_MASKED_EQ", &op), 0);
    assert_int_equal(op, SECCOMP_OP_MASKED_EQ);
    assert_int_equal(seccomp_flag("SECCOMP_FILTER_FLAG_LOG", &v), 0);
    assert_int_equal(v, SECCOMP_FILTER_FLAG_LOG);
    assert_int_equal(seccomp_flag("nope", &v), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_call_is_decided),
        cmocka_unit_test(capabilities_open_calls),
        cmocka_unit_test(embedded_is_what_would_be_compiled),
        cmocka_unit_test(recent_and_future_calls),
        cmocka_unit_test(socket_families),
        cmocka_unit_test(folded_says_the_same),
        cmocka_unit_test(newer_than_the_profile),
        cmocka_unit_test(repeated_argument_means_either),
        cmocka_unit_test(kernel_refuses_and_allows),
        cmocka_unit_test(kernel_opens_for_admin),
        cmocka_unit_test(install_checks_bytes),
        cmocka_unit_test(cache_keeps_and_distrusts),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
