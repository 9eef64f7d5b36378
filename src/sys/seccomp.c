/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int seccomp_install(const void *bpf, size_t len, uint32_t flags) {
    struct sock_fprog prog = {.len = (unsigned short)(len / sizeof(struct sock_filter))};

    memcpy(&prog.filter, &bpf, sizeof(bpf)); /* not const there, though the kernel only reads it */
    if (len == 0 || len % sizeof(struct sock_filter) || len / sizeof(struct sock_filter) > 4096)
        return -EINVAL;
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
    if (r < 0 && errno == EINVAL && (flags & SECCOMP_FILTER_FLAG_LOG)) /* before 4.14 */
        r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags & ~SECCOMP_FILTER_FLAG_LOG, &prog);
    if (r < 0 && errno == ENOSYS && flags == 0)
        r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
    return r < 0 ? -errno : (int)r;
}
