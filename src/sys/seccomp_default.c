/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default profile, by theme. A group is open to everybody or to boxes that hold one of its
 * capabilities; what is in no group is refused.
 *
 * Refused to all, on purpose: the kernel's keyrings (add_key, keyctl, request_key: not namespaced),
 * kexec and swap, io_uring (its operations pass no filter), userfaultfd, vm86, the obsolete
 * (uselib, ustat, sysfs, _sysctl, nfsservctl …), and sockets of AF_ALG and AF_VSOCK. On i386 the
 * old multiplexer socketcall stays open, as in docker: Go programs for 386 know nothing else.
 */
#include "sys/caps.h"
#include "sys/seccomp.h"

#include <linux/seccomp.h>
#include <string.h>

/* Capability numbers of uapi/linux/capability.h. */
enum {
    DAC_READ_SEARCH = 2,
    SYS_MODULE = 16,
    SYS_RAWIO = 17,
    SYS_CHROOT = 18,
    SYS_PTRACE = 19,
    SYS_PACCT = 20,
    SYS_ADMIN = 21,
    SYS_BOOT = 22,
    SYS_NICE = 23,
    SYS_TIME = 25,
    SYS_TTY_CONFIG = 26,
    SYSLOG = 34,
    PERFMON = 38,
    BPF = 39,
};

static const char *const files[] = {
    "access",
    "chdir",
    "chmod",
    "chown",
    "chown32",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fadvise64_64",
    "fallocate",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchown32",
    "fchownat",
    "fcntl",
    "fcntl64",
    "fdatasync",
    "fgetxattr",
    "file_getattr",
    "file_setattr",
    "flistxattr",
    "flock",
    "fremovexattr",
    "fsetxattr",
    "fstat",
    "fstat64",
    "fstatat64",
    "fstatfs",
    "fstatfs64",
    "fsync",
    "ftruncate",
    "ftruncate64",
    "futimesat",
    "getcwd",
    "getdents",
    "getdents64",
    "getxattr",
    "getxattrat",
    "ioctl",
    "lchown",
    "lchown32",
    "lgetxattr",
    "link",
    "linkat",
    "listmount",
    "listxattr",
    "listxattrat",
    "llistxattr",
    "_llseek",
    "lremovexattr",
    "lseek",
    "lsetxattr",
    "lstat",
    "lstat64",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "name_to_handle_at",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pipe",
    "pipe2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readdir",
    "readlink",
    "readlinkat",
    "readv",
    "removexattr",
    "removexattrat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "sendfile64",
    "setxattr",
    "setxattrat",
    "splice",
    "stat",
    "stat64",
    "statfs",
    "statfs64",
    "statmount",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "tee",
    "truncate",
    "truncate64",
    "umask",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimensat_time64",
    "utimes",
    "vmsplice",
    "write",
    "writev",
};

static const char *const memory[] = {
    "brk",        "cachestat",    "get_mempolicy", "madvise",       "map_shadow_stack",
    "membarrier", "memfd_create", "memfd_secret",  "mincore",       "mlock",
    "mlock2",     "mlockall",     "mmap",          "mmap2",         "mprotect",
    "mremap",     "mseal",        "msync",         "munlock",       "munlockall",
    "munmap",     "pkey_alloc",   "pkey_free",     "pkey_mprotect", "remap_file_pages",
};

static const char *const processes[] = {
    "capget",
    "capset",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "fork",
    "getegid",
    "getegid32",
    "geteuid",
    "geteuid32",
    "getgid",
    "getgid32",
    "getgroups",
    "getgroups32",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getresgid",
    "getresgid32",
    "getresuid",
    "getresuid32",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "getuid",
    "getuid32",
    "get_robust_list",
    "get_thread_area",
    "ioprio_get",
    "ioprio_set",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "lsm_get_self_attr",
    "lsm_list_modules",
    "pidfd_open",
    "pidfd_send_signal",
    "prctl",
    "prlimit64",
    "process_mrelease",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "restart_syscall",
    "rseq",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_rr_get_interval_time64",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_yield",
    "seccomp",
    "setfsgid",
    "setfsgid32",
    "setfsuid",
    "setfsuid32",
    "setgid",
    "setgid32",
    "setgroups",
    "setgroups32",
    "setpgid",
    "setpriority",
    "setregid",
    "setregid32",
    "setresgid",
    "setresgid32",
    "setresuid",
    "setresuid32",
    "setreuid",
    "setreuid32",
    "setrlimit",
    "set_robust_list",
    "setsid",
    "set_thread_area",
    "set_tid_address",
    "setuid",
    "setuid32",
    "sysinfo",
    "times",
    "ugetrlimit",
    "uname",
    "vfork",
    "wait4",
    "waitid",
    "waitpid",
};

static const char *const signals_and_time[] = {
    "adjtimex",
    "alarm",
    "clock_adjtime",
    "clock_adjtime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_gettime",
    "clock_gettime64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "getitimer",
    "gettimeofday",
    "kill",
    "nanosleep",
    "pause",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "rt_tgsigqueueinfo",
    "setitimer",
    "sigaction",
    "sigaltstack",
    "signal",
    "signalfd",
    "signalfd4",
    "sigpending",
    "sigprocmask",
    "sigreturn",
    "sigsuspend",
    "tgkill",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_gettime64",
    "timer_settime",
    "timer_settime64",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_gettime64",
    "timerfd_settime",
    "timerfd_settime64",
    "tkill",
};

static const char *const waiting[] = {
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_ctl_old",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "epoll_wait_old",
    "eventfd",
    "eventfd2",
    "fanotify_mark",
    "futex",
    "futex_requeue",
    "futex_time64",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "io_cancel",
    "io_destroy",
    "io_getevents",
    "io_pgetevents",
    "io_pgetevents_time64",
    "io_setup",
    "io_submit",
    "_newselect",
    "poll",
    "ppoll",
    "ppoll_time64",
    "pselect6",
    "pselect6_time64",
    "select",
};

static const char *const ipc_and_net[] = {
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getrandom",
    "getsockname",
    "getsockopt",
    "ipc",
    "listen",
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedreceive_time64",
    "mq_timedsend",
    "mq_timedsend_time64",
    "mq_unlink",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "recv",
    "recvfrom",
    "recvmmsg",
    "recvmmsg_time64",
    "recvmsg",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "semtimedop_time64",
    "send",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "shutdown",
    "socket",
    "socketcall",
    "socketpair",
};

static const char *const machine[] = {
#if defined(__x86_64__) || defined(__i386__)
    "arch_prctl",
    "modify_ldt",
#elif defined(__arm__) || defined(__aarch64__)
    "arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush",
    "set_tls",          "sync_file_range2",
#elif defined(__riscv)
    "riscv_flush_icache",
    "riscv_hwprobe",
#elif defined(__powerpc64__)
    "sync_file_range2",
    "swapcontext",
#elif defined(__s390x__)
    "s390_pci_mmio_read",
    "s390_pci_mmio_write",
    "s390_runtime_instr",
#endif
    "getcpu",
};

static const char *const admin[] = {
    "bpf",
    "clone",
    "clone3",
    "fanotify_init",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "lookup_dcookie",
    "lsm_set_self_attr",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "open_tree_attr",
    "perf_event_open",
    "pivot_root",
    "quotactl",
    "quotactl_fd",
    "setdomainname",
    "sethostname",
    "setns",
    "syslog",
    "umount",
    "umount2",
    "unshare",
};
static const char *const read_search[] = {"open_by_handle_at"};
static const char *const chroots[] = {"chroot"};
static const char *const modules[] = {"delete_module", "finit_module", "init_module"};
static const char *const accounting[] = {"acct"};
static const char *const tracing[] = {"kcmp", "pidfd_getfd", "process_madvise"};
static const char *const raw_io[] = {"ioperm", "iopl"};
static const char *const clocks[] = {"clock_settime", "clock_settime64", "settimeofday", "stime"};
static const char *const terminals[] = {"vhangup"};
static const char *const nice_values[] = {
    "mbind", "migrate_pages", "move_pages", "set_mempolicy", "nice", "set_mempolicy_home_node"};
static const char *const kernel_log[] = {"syslog"};
static const char *const bpf_calls[] = {"bpf"};
static const char *const perf[] = {"perf_event_open"};
static const char *const boot[] = {"reboot"};

#define GROUP(list, caps_)                                                                         \
    { .names = list, .n = ARRAY_SIZE(list), .caps = (caps_) }

static const struct group {
    const char *const *names;
    size_t n;
    uint64_t caps; /* any of these opens it; 0 = open */
} groups[] = {
    GROUP(files, 0),
    GROUP(memory, 0),
    GROUP(processes, 0),
    GROUP(signals_and_time, 0),
    GROUP(waiting, 0),
    GROUP(ipc_and_net, 0),
    GROUP(machine, 0),
    GROUP(admin, CAPS_BIT(SYS_ADMIN)),
    GROUP(read_search, CAPS_BIT(DAC_READ_SEARCH)),
    GROUP(chroots, CAPS_BIT(SYS_CHROOT)),
    GROUP(modules, CAPS_BIT(SYS_MODULE)),
    GROUP(accounting, CAPS_BIT(SYS_PACCT)),
    GROUP(tracing, CAPS_BIT(SYS_PTRACE)),
    GROUP(raw_io, CAPS_BIT(SYS_RAWIO)),
    GROUP(clocks, CAPS_BIT(SYS_TIME)),
    GROUP(terminals, CAPS_BIT(SYS_TTY_CONFIG)),
    GROUP(nice_values, CAPS_BIT(SYS_NICE)),
    GROUP(kernel_log, CAPS_BIT(SYSLOG)),
    GROUP(bpf_calls, CAPS_BIT(BPF)),
    GROUP(perf, CAPS_BIT(PERFMON)),
    GROUP(boot, CAPS_BIT(SYS_BOOT)),
};

/* Linux, 32-bit Linux, both with the 2.6 version number, and the question for the present one. */
static const uint64_t personalities[] = {0, 0x0008, 0x20000, 0x20008, 0xffffffff};

/* CLONE_NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET, in clone's first argument (s390: the
 * second). */
static const struct seccomp_arg clone_plain[] = {{
#if defined(__s390x__)
    .index = 1,
#else
    .index = 0,
#endif
    .op = SECCOMP_OP_MASKED_EQ,
    .value = 0x7e020000,
    .value_two = 0}};

static const char *const personality_name[] = {"personality"};
static const char *const clone_name[] = {"clone"};
static const char *const clone3_name[] = {"clone3"};

enum { AF_ALG_NR = 38, AF_VSOCK_NR = 40 };
static const uint32_t closed_families[] = {AF_ALG_NR, AF_VSOCK_NR};
static const struct seccomp_guard socket_guard = {
    .nr_x86_64 = 41,
    .nr_i386 = 359,
    .nr_aarch64 = 198,
    .index = 0,
    .values = closed_families,
    .n_values = ARRAY_SIZE(closed_families),
    .action = SECCOMP_RET_ERRNO | EPERM,
};

static const char *const arches[] = {
#if defined(__x86_64__)
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X32",
#elif defined(__aarch64__)
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
#elif defined(__riscv)
    "SCMP_ARCH_RISCV64",
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    "SCMP_ARCH_PPC64LE",
#elif defined(__s390x__)
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_S390",
#endif
};

uint64_t seccomp_default_gates(void) {
    uint64_t caps = 0;

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        caps |= groups[i].caps;
    return caps;
}

int seccomp_default_filter(uint64_t caps, struct arena *a, struct seccomp_filter *ret,
                           struct err *e) {
    size_t max = ARRAY_SIZE(groups) + ARRAY_SIZE(personalities) + 2, n = 0;
    struct seccomp_rule *rules = arena_array(a, max, struct seccomp_rule);
    struct seccomp_arg *args = arena_array(a, ARRAY_SIZE(personalities), struct seccomp_arg);

    if (!rules || !args)
        return err_oom(e);
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (groups[i].caps == 0 || (groups[i].caps & caps))
            rules[n++] = (struct seccomp_rule){
                .names = groups[i].names, .n_names = groups[i].n, .action = SECCOMP_RET_ALLOW};
    for (size_t i = 0; i < ARRAY_SIZE(personalities); i++) {
        args[i] = (struct seccomp_arg){.op = SECCOMP_OP_EQ, .value = personalities[i]};
        rules[n++] = (struct seccomp_rule){.names = personality_name,
                                           .n_names = 1,
                                           .action = SECCOMP_RET_ALLOW,
                                           .args = &args[i],
                                           .n_args = 1};
    }
    if (!(caps & CAPS_BIT(SYS_ADMIN))) {
        rules[n++] = (struct seccomp_rule){.names = clone_name,
                                           .n_names = 1,
                                           .action = SECCOMP_RET_ALLOW,
                                           .args = clone_plain,
                                           .n_args = 1};
        rules[n++] = (struct seccomp_rule){
            .names = clone3_name, .n_names = 1, .action = SECCOMP_RET_ERRNO | ENOSYS};
    }
    *ret = (struct seccomp_filter){
        .default_action = SECCOMP_RET_ERRNO | EPERM,
        .guards = &socket_guard,
        .n_guards = 1,
        .arches = arches,
        .n_arches = sizeof(arches) / sizeof(arches[0]),
        .rules = rules,
        .n_rules = n,
    };
    return 0;
}
