/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/program.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PROGRAM_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool program_same(int a, int b) {
    struct stat sa, sb;
    bool same = false;

    if (fstat(a, &sa) < 0 || fstat(b, &sb) < 0 || sa.st_size != sb.st_size || sa.st_size <= 0)
        return false;
    size_t n = (size_t)sa.st_size;
    void *pa = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, a, 0);
    void *pb = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, b, 0);
    if (pa != MAP_FAILED && pb != MAP_FAILED)
        same = memcmp(pa, pb, n) == 0;
    if (pa != MAP_FAILED)
        munmap(pa, n);
    if (pb != MAP_FAILED)
        munmap(pb, n);
    return same;
}

static int program_find(int monitor_fd, int rundir) {
    char pid[16], path[32];
    ssize_t n = rundir > 0 ? readlinkat(rundir, PROGRAM_LINK, pid, sizeof(pid) - 1) : -1;

    if (n <= 0)
        return -1;
    pid[n] = '\0';
    if (strspn(pid, "0123456789") != (size_t)n)
        return -1;
    snprintf(path, sizeof(path), "/proc/%s/exe", pid);
    AUTO_FD int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & PROGRAM_SEALS) != PROGRAM_SEALS || !program_same(fd, monitor_fd))
        return -1;
    return TAKE_FD(fd);
}

int program_open(int monitor_fd, int rundir, bool *fresh) {
    int fd = program_find(monitor_fd, rundir);

    *fresh = fd < 0;
    return fd < 0 ? io_sealed_copy(monitor_fd, "hako-monitor") : fd;
}

void program_offer(int rundir, pid_t monitor) {
    char pid[16], tmp[48];

    if (rundir <= 0 || monitor <= 0)
        return;
    snprintf(pid, sizeof(pid), "%d", (int)monitor);
    snprintf(tmp, sizeof(tmp), ".tmp-" PROGRAM_LINK "-%d", (int)monitor);
    if (symlinkat(pid, rundir, tmp) == 0 && renameat(rundir, tmp, rundir, PROGRAM_LINK) < 0)
        unlinkat(rundir, tmp, 0);
}
