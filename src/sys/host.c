/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/host.h"

#include "base/io.h"
#include "base/str.h"
#include "sys/caps.h"
#include "sys/lsm.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

enum { CAP_NR_SYS_RESOURCE = 24 };

#define HOST_MAX_MOUNTS ((size_t)16 << 20)

/* "6.1.0-18-amd64" → 6, 1. */
static void parse_version(const char *s, int *major, int *minor) {
    int part[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        while (*s >= '0' && *s <= '9' && part[i] < 100000)
            part[i] = part[i] * 10 + (*s++ - '0');
        if (*s != '.')
            break;
        s++;
    }
    *major = part[0];
    *minor = part[1];
}

int host_read(struct host *ret, struct err *e) {
    struct host h = {0};
    struct utsname u;
    struct caps caps;
    int r = caps_current(&caps);

    if (r < 0)
        return err_sysn(e, r, "read capabilities");
    if (uname(&u) < 0)
        return err_sys(e, "uname");
    h.caps = caps.bounding & caps.permitted;
    h.last_cap = caps_last();
    h.in_userns = userns_inside();
    h.rootless = geteuid() != 0 || h.in_userns;
    /* The host's limits ask for the capability in the initial user namespace. */
    h.can_raise_rlimits = !h.in_userns && (caps.effective & CAPS_BIT(CAP_NR_SYS_RESOURCE)) != 0;
    h.can_raise_oom = h.can_raise_rlimits;
    h.has_apparmor = lsm_has_apparmor();
    h.has_selinux = lsm_has_selinux();
    h.has_seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 || errno != EINVAL;
    str_copy(h.kernel, sizeof(h.kernel), u.release);
    str_copy(h.arch, sizeof(h.arch), u.machine);
    str_copy(h.hostname, sizeof(h.hostname), u.nodename);
    parse_version(u.release, &h.kernel_major, &h.kernel_minor);
    *ret = h;
    return 0;
}

int host_resctrl(char *ret, size_t size) {
    AUTO_STR struct str s = STR_INIT(HOST_MAX_MOUNTS);
    int r = io_read_file(AT_FDCWD, "/proc/self/mountinfo", &s);
    const char *line = str_c(&s);
    for (; r == 0 && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        /* id parent device root MOUNT options [tags] - TYPE source options */
        const char *end = line + strcspn(line, "\n"), *mount = line;
        const char *type = memmem(line, (size_t)(end - line), " - resctrl ", 11);
        for (int i = 0; i < 4 && mount < end; i++)
            mount += strcspn(mount, " ") + 1;
        size_t n = strcspn(mount, " ");
        if (!type || mount >= type || n >= size)
            continue;
        memcpy(ret, mount, n);
        ret[n] = 0;
        return 0;
    }
    return r < 0 ? r : -ENOENT;
}

int host_read_info(struct host *ret, struct err *e) {
    struct host h;
    struct sysinfo si;
    cpu_set_t set;
    int r = host_read(&h, e);

    if (r < 0)
        return r;
    if (sysinfo(&si) < 0)
        return err_sys(e, "sysinfo");
    h.memory_total = (uint64_t)si.totalram * si.mem_unit;
    h.swap_total = (uint64_t)si.totalswap * si.mem_unit;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    h.cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set)
                                                          : (unsigned)MAX_OF(online, 1L);
    *ret = h;
    return 0;
}
