/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openat2(2) without a wrapper: neither glibc 2.36 nor musl has one. Only base/path*.c use it;
 * everybody else goes through base/path.h.
 */
#pragma once

#include "base/c.h"

#include <fcntl.h>
#include <sys/syscall.h>

enum {
    OPENAT2_NO_XDEV = 0x01,
    OPENAT2_NO_MAGICLINKS = 0x02,
    OPENAT2_NO_SYMLINKS = 0x04,
    OPENAT2_BENEATH = 0x08,
    OPENAT2_IN_ROOT = 0x10,
};

/* fd (close-on-exec) or -errno. */
static inline int openat2_cloexec(int dirfd, const char *path, int flags, mode_t mode,
                                  unsigned resolve) {
    struct { /* the kernel's struct open_how */
        uint64_t flags, mode, resolve;
    } how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC, .resolve = resolve};

    if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
        how.mode = mode & 07777;
    /* EAGAIN: something was renamed while ".." was resolved; a hostile tree could go on for ever */
    for (int tries = 0; tries < 128; tries++) {
        long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}
