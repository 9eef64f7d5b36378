/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/runtime_tables.h"

#define ACTIONS                                                                                    \
    FIELD_WORDS("SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", \
                "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",              \
                "SCMP_ACT_NOTIFY")

static const struct field arg_fields[] = {
    {FIELD(struct rt_seccomp_arg, U32, "index", index), .flags = FIELD_REQUIRED | FIELD_KEEP,
     .min = 0, .max = 5},
    {FIELD(struct rt_seccomp_arg, U64, "value", value), .flags = FIELD_REQUIRED | FIELD_KEEP},
    {FIELD(struct rt_seccomp_arg, U64, "valueTwo", value_two)},
    {FIELD(struct rt_seccomp_arg, STR, "op", op), .flags = FIELD_REQUIRED,
     FIELD_WORDS("SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE",
                 "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ")},
};
static const struct field_table arg_table = FIELD_TABLE(struct rt_seccomp_arg, arg_fields);

static const struct field rule_fields[] = {
    {FIELD(struct rt_seccomp_rule, STRLIST, "names", names), .flags = FIELD_REQUIRED},
    {FIELD(struct rt_seccomp_rule, STR, "action", action), .flags = FIELD_REQUIRED, ACTIONS},
    {FIELD(struct rt_seccomp_rule, OPT_U64, "errnoRet", errno_ret), .min = 0, .max = UINT32_MAX},
    {FIELD_ITEMS(struct rt_seccomp_rule, LIST, "args", struct rt_seccomp_arg, args, n_args,
                 arg_table)},
};

static int check_rule(struct field_in *in, const void *obj) {
    const struct rt_seccomp_rule *r = obj;
    if (!r->names.n)
        return field_fail(in, "names", "must name at least one system call");
    return 0;
}
static const struct field_table rule_table =
    FIELD_TABLE_CHECKED(struct rt_seccomp_rule, rule_fields, check_rule);

static const struct field seccomp_fields[] = {
    {FIELD(struct rt_seccomp, STR, "defaultAction", default_action), .flags = FIELD_REQUIRED,
     ACTIONS},
    {FIELD(struct rt_seccomp, OPT_U64, "defaultErrnoRet", default_errno_ret), .min = 0,
     .max = UINT32_MAX},
    {FIELD(struct rt_seccomp, STRLIST, "architectures", architectures),
     FIELD_WORDS("SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM",
                 "SCMP_ARCH_AARCH64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_MIPS",
                 "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
                 "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
                 "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_SH",
                 "SCMP_ARCH_SHEB", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64")},
    {FIELD(struct rt_seccomp, STRLIST, "flags", flags),
     FIELD_WORDS("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                 "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")},
    {FIELD(struct rt_seccomp, STR, "listenerPath", listener_path)},
    {FIELD(struct rt_seccomp, STR, "listenerMetadata", listener_metadata)},
    {FIELD_ITEMS(struct rt_seccomp, LIST, "syscalls", struct rt_seccomp_rule, rules, n_rules,
                 rule_table)},
};
const struct field_table runtime_seccomp_table = FIELD_TABLE(struct rt_seccomp, seccomp_fields);
