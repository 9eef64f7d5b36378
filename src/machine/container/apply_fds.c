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

void apply_close_but(unsigned first, int *keep, size_t n) {
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
    for (unsigned i = 0; i < a->io->preserve; i++)
        fcntl(3 + (int)i, F_SETFD, 0);
    apply_close_but(3 + a->io->preserve, keep, ARRAY_SIZE(keep));
    a->proc = a->null = a->root = a->empty = a->dir = a->box = -1;
}
