/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/lsm.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

bool lsm_has_apparmor(void) {
    char value[8];

    return io_read_line(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", value,
                        sizeof(value)) == 0 &&
           value[0] == 'Y';
}

bool lsm_has_selinux(void) {
    return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static int write_label(int procfd, const char *path, const char *value) {
    AUTO_FD int own = -1;

    if (procfd < 0) {
        own = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (own < 0)
            return -errno;
        procfd = own;
    }
    return io_write_kernel(procfd, path, value);
}

int lsm_apparmor_exec(int procfd, const char *profile) {
    char value[512];
    int n = snprintf(value, sizeof(value), "exec %s", profile);

    if (n < 0 || (size_t)n >= sizeof(value))
        return -ENAMETOOLONG;
    int r = write_label(procfd, "thread-self/attr/apparmor/exec", value);
    /* Kernels before 5.8 have only the shared file. */
    return r == -ENOENT ? write_label(procfd, "thread-self/attr/exec", value) : r;
}

int lsm_selinux_exec(int procfd, const char *label) {
    return write_label(procfd, "thread-self/attr/exec", label);
}
