/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/program.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PROGRAM_PIDS 6
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

/* "12,345,6" → the first PROGRAM_PIDS of them, newest first. */
static size_t program_pids(int rundir, uint64_t pids[PROGRAM_PIDS]) {
    char list[128];
    ssize_t len = rundir > 0 ? readlinkat(rundir, PROGRAM_LINK, list, sizeof(list) - 1) : 0;
    size_t n = 0;

    list[len > 0 ? len : 0] = '\0';
    for (char *p = list; *p && n < PROGRAM_PIDS;) {
        size_t k = strcspn(p, ",");
        bool last = p[k] == '\0';
        p[k] = '\0';
        if (str_to_u64(p, &pids[n]) == 0 && pids[n] <= INT32_MAX)
            n++;
        p += k + !last;
    }
    return n;
}

static int program_try(int monitor_fd, uint64_t pid) {
    char path[40];

    snprintf(path, sizeof(path), "/proc/%u/exe", (unsigned)pid);
    AUTO_FD int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & PROGRAM_SEALS) != PROGRAM_SEALS || !program_same(fd, monitor_fd))
        return -1;
    return TAKE_FD(fd);
}

static int program_find(int monitor_fd, int rundir) {
    uint64_t pids[PROGRAM_PIDS];
    size_t n = program_pids(rundir, pids);
    int fd = -1;

    for (size_t i = 0; i < n && fd < 0; i++)
        fd = program_try(monitor_fd, pids[i]);
    return fd;
}

int program_open(int monitor_fd, int rundir, bool *fresh) {
    int fd = program_find(monitor_fd, rundir);

    *fresh = fd < 0;
    return fd < 0 ? io_sealed_copy(monitor_fd, "hako-monitor") : fd;
}

void program_offer(int rundir, pid_t monitor) {
    uint64_t pids[PROGRAM_PIDS];
    static const char tmp[] =
        ".tmp-" PROGRAM_LINK; /* one name: what a crash leaves is used again */
    AUTO_STR struct str list = STR_INIT(120);

    if (rundir <= 0 || monitor <= 0)
        return;
    size_t n = MIN_OF(program_pids(rundir, pids), (size_t)PROGRAM_PIDS - 1);
    int r = str_addf(&list, "%d", (int)monitor);
    for (size_t i = 0; i < n && r == 0; i++)
        r = str_addf(&list, ",%u", (unsigned)pids[i]);
    unlinkat(rundir, tmp, 0);
    if (r == 0 && symlinkat(str_c(&list), rundir, tmp) == 0 &&
        renameat(rundir, tmp, rundir, PROGRAM_LINK) < 0)
        unlinkat(rundir, tmp, 0);
}
