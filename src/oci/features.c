/* SPDX-License-Identifier: Apache-2.0 */
/* What this runtime can do: the runtime-spec's features document. */
#include "oci/oci.h"

static const char features_text[] =
    "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"" OCI_SPEC_VERSION "\","
    "\"hooks\":[\"prestart\",\"createRuntime\",\"createContainer\",\"startContainer\","
    "\"poststart\",\"poststop\"],"
    "\"mountOptions\":[\"acl\",\"async\",\"atime\",\"bind\",\"copy-symlink\",\"defaults\",\"dev\","
    "\"diratime\",\"dirsync\",\"exec\",\"idmap\",\"iversion\",\"lazytime\",\"loud\",\"mand\","
    "\"noacl\",\"noatime\",\"nodev\",\"nodiratime\",\"noexec\",\"noiversion\",\"nolazytime\","
    "\"nomand\",\"norelatime\",\"nostrictatime\",\"nosuid\",\"nosymfollow\",\"private\",\"ratime\","
    "\"rbind\",\"rdev\",\"rdiratime\",\"relatime\",\"remount\",\"rexec\",\"ridmap\",\"rnoatime\","
    "\"rnodev\",\"rnodiratime\",\"rnoexec\",\"rnorelatime\",\"rnostrictatime\",\"rnosuid\","
    "\"rnosymfollow\",\"ro\",\"rprivate\",\"rrelatime\",\"rro\",\"rrw\",\"rshared\",\"rslave\","
    "\"rstrictatime\",\"rsuid\",\"rsymfollow\",\"runbindable\",\"rw\",\"shared\",\"silent\","
    "\"slave\",\"strictatime\",\"suid\",\"symfollow\",\"sync\",\"tmpcopyup\",\"unbindable\"],"
    "\"linux\":{\"namespaces\":[\"cgroup\",\"ipc\",\"mount\",\"network\",\"pid\",\"time\",\"user\","
    "\"uts\"],"
    "\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":true,\"systemdUser\":true,\"rdma\":true},"
    "\"seccomp\":{\"enabled\":true,\"actions\":[\"SCMP_ACT_ALLOW\",\"SCMP_ACT_ERRNO\","
    "\"SCMP_ACT_KILL\",\"SCMP_ACT_KILL_PROCESS\",\"SCMP_ACT_KILL_THREAD\",\"SCMP_ACT_LOG\","
    "\"SCMP_ACT_NOTIFY\",\"SCMP_ACT_TRACE\",\"SCMP_ACT_TRAP\"],"
    "\"operators\":[\"SCMP_CMP_EQ\",\"SCMP_CMP_GE\",\"SCMP_CMP_GT\",\"SCMP_CMP_LE\","
    "\"SCMP_CMP_LT\",\"SCMP_CMP_MASKED_EQ\",\"SCMP_CMP_NE\"],"
    "\"archs\":[\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_ARM\",\"SCMP_ARCH_MIPS\",\"SCMP_ARCH_MIPS64\","
    "\"SCMP_ARCH_MIPS64N32\",\"SCMP_ARCH_MIPSEL\",\"SCMP_ARCH_MIPSEL64\",\"SCMP_ARCH_MIPSEL64N32\","
    "\"SCMP_ARCH_PPC\",\"SCMP_ARCH_PPC64\",\"SCMP_ARCH_PPC64LE\",\"SCMP_ARCH_RISCV64\","
    "\"SCMP_ARCH_S390\",\"SCMP_ARCH_S390X\",\"SCMP_ARCH_X32\",\"SCMP_ARCH_X86\","
    "\"SCMP_ARCH_X86_64\"],"
    "\"knownFlags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\","
    "\"SECCOMP_FILTER_FLAG_TSYNC\",\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],"
    "\"supportedFlags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\","
    "\"SECCOMP_FILTER_FLAG_TSYNC\",\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]},"
    "\"apparmor\":{\"enabled\":true},\"selinux\":{\"enabled\":true},"
    "\"intelRdt\":{\"enabled\":true,\"schemata\":true,\"monitoring\":true},"
    "\"memoryPolicy\":{\"modes\":[\"MPOL_DEFAULT\",\"MPOL_BIND\",\"MPOL_INTERLEAVE\","
    "\"MPOL_WEIGHTED_INTERLEAVE\",\"MPOL_PREFERRED\",\"MPOL_PREFERRED_MANY\",\"MPOL_LOCAL\"],"
    "\"flags\":[\"MPOL_F_NUMA_BALANCING\",\"MPOL_F_RELATIVE_NODES\",\"MPOL_F_STATIC_NODES\"]},"
    "\"mountExtensions\":{\"idmap\":{\"enabled\":true}}},"
    "\"annotations\":{\"org.opencontainers.runc.version\":\"" HAKO_VERSION "\","
    "\"org.opencontainers.runc.checkpoint.enabled\":\"true\"},"
    "\"potentiallyUnsafeConfigAnnotations\":[\"run.oci.hooks.stdout\",\"run.oci.hooks.stderr\","
    "\"run.oci.keep_original_groups\",\"run.oci.seccomp.receiver\"]}";

int oci_features(js **ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(features_text, sizeof(features_text) - 1, "features", &doc, e);
    js *list = r == 0 ? js_new_array() : NULL;
    if (r < 0 || !list)
        return r < 0 ? r : err_oom(e);
    for (int cap = 0; r == 0 && cap <= RT_CAP_LAST; cap++)
        r = js_push_str(list, rt_cap_name(cap));
    if (js_set(js_get(doc, "linux"), "capabilities", list) < 0 || r < 0)
        return err_oom(e);
    *ret = TAKE_PTR(doc);
    return 0;
}
