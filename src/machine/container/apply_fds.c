/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What init has open. Close-on-exec is too late: the command's own path, its interpreter's and PATH
 * may name /proc/self/fd/N/.. and so reach the host by a directory that is still open
 * (CVE-2024-21626), and who comes to a box while its init is parked may look at it.
 */
#include "machine/container/apply.h"

#include "sys/syscalls.h"

#include <fcntl.h>

static int fds_compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static bool fds_has(const int *v, size_t n, int fd) {
    for (size_t i = 0; i < n; i++) {
        if (v[i] == fd)
            return true;
    }
    return false;
}

/* All of ours close on exec from birth, what was handed to us does not. A number that is to be
 * passed on but was not open when we came may be one of ours by now. */
static void fds_close_ours(unsigned end, const int *keep, size_t n) {
    for (int fd = 3; fd < (int)end; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) && !fds_has(keep, n, fd))
            close(fd);
    }
}

void apply_close_but(unsigned first, int *keep, size_t n) {
    fds_close_ours(first, keep, n);
    qsort(keep, n, sizeof(keep[0]), fds_compare);
    for (size_t i = 0; i < n; i++) {
        if (keep[i] < (int)first)
            continue;
        if (keep[i] > (int)first)
            sys_close_range(first, (unsigned)keep[i] - 1, 0);
        first = (unsigned)keep[i] + 1;
    }
    sys_close_range(first, ~0U, 0);
}

void apply_close_rest(struct apply *a) {
    int keep[] = {a->sock, a->hook_out[0], a->hook_out[1], a->released ? -1 : a->io->listener};
    apply_close_but(3 + a->io->preserve, keep, ARRAY_SIZE(keep));
    a->proc = a->null = a->root = a->empty = a->dir = a->box = -1;
}
