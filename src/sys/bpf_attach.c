/* SPDX-License-Identifier: Apache-2.0 */
/* Monitor side of bpf_device.h: raw bpf(2). */
#include "sys/bpf_device.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

static int bpf(int cmd, union bpf_attr *attr) {
    long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

    return r < 0 ? -errno : (int)r;
}

static const char name[] = "hako_devices";

static int load(const void *insns, size_t len) {
    union bpf_attr attr;
    static const char license[] = "Apache-2.0";

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insn_cnt = (uint32_t)(len / sizeof(struct bpf_insn));
    attr.insns = (uintptr_t)insns;
    attr.license = (uintptr_t)license;
    memcpy(attr.prog_name, name, sizeof(name));
    return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(int group, int prog) {
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)group;
    attr.attach_bpf_fd = (uint32_t)prog;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    return bpf(BPF_PROG_ATTACH, &attr);
}

static int open_group(const char *dir, struct err *e) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    return fd < 0 ? err_sys(e, "open cgroup %s", dir) : fd;
}

static int load_attach(int group, const char *dir, const void *insns, size_t len, struct err *e) {
    AUTO_FD int prog = load(insns, len);
    int r = prog < 0 ? prog : attach(group, prog);

    if (r == -EPERM || r == -EACCES)
        return err_set(e, ERR_DENIED, r,
                       "cannot limit devices of %s: no permission for bpf(2); run as root", dir);
    return r < 0 ? err_sysn(e, r, "attach device rules to %s", dir) : 0;
}

int bpf_device_attach(const char *dir, const void *insns, size_t len, struct err *e) {
    AUTO_FD int group = open_group(dir, e);

    return group < 0 ? group : load_attach(group, dir, insns, len, e);
}

/* systemd has programs of its own on the groups of its units. */
static bool is_ours(int prog) {
    struct bpf_prog_info info;
    union bpf_attr attr;

    memset(&info, 0, sizeof(info));
    memset(&attr, 0, sizeof(attr));
    attr.info.bpf_fd = (uint32_t)prog;
    attr.info.info_len = sizeof(info);
    attr.info.info = (uintptr_t)&info;
    return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && strcmp(info.name, name) == 0;
}

int bpf_device_replace(const char *dir, const void *insns, size_t len, struct err *e) {
    union bpf_attr attr;
    uint32_t ids[64];
    AUTO_FD int group = open_group(dir, e);

    if (group < 0)
        return group;
    memset(&attr, 0, sizeof(attr));
    attr.query.target_fd = (uint32_t)group;
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_ids = (uintptr_t)ids;
    attr.query.prog_cnt = ARRAY_SIZE(ids);
    int r = bpf(BPF_PROG_QUERY, &attr);
    if (r < 0)
        return err_sysn(e, r, "list device rules of %s", dir);
    uint32_t old = attr.query.prog_cnt;
    /* The new one first: both must agree meanwhile, so there is never a moment without a rule. */
    r = load_attach(group, dir, insns, len, e);
    for (uint32_t i = 0; i < old && r == 0; i++) {
        memset(&attr, 0, sizeof(attr));
        attr.prog_id = ids[i];
        AUTO_FD int prog = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
        if (prog < 0)
            return err_sysn(e, prog, "open old device rules of %s", dir);
        if (!is_ours(prog))
            continue;
        memset(&attr, 0, sizeof(attr));
        attr.target_fd = (uint32_t)group;
        attr.attach_bpf_fd = (uint32_t)prog;
        attr.attach_type = BPF_CGROUP_DEVICE;
        r = bpf(BPF_PROG_DETACH, &attr);
        if (r < 0)
            return err_sysn(e, r, "detach old device rules of %s", dir);
    }
    return r;
}
