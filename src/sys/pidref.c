/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/pidref.h"

#include "base/io.h"
#include "sys/syscalls.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int pidref_open(pid_t pid) {
    int fd = sys_pidfd_open(pid);
    return fd < 0 ? -errno : fd;
}

/* Field 3 and field 22 of /proc/PID/stat. */
static int pidref_stat(pid_t pid, char *state, uint64_t *start) {
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int r = io_read_line(AT_FDCWD, path, line, sizeof(line));
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r;
    /* the name, in parentheses, may hold anything: count from its end; then state is field 3 */
    char *s = strrchr(line, ')');
    if (s && s[1] == ' ')
        *state = s[2];
    for (int field = 2; s && field < 22; field++) {
        s = strchr(s, ' ');
        s = s ? s + 1 : NULL;
    }
    char *end = s ? s + strcspn(s, " \n") : NULL;
    if (!end)
        return -EBADMSG;
    *end = 0;
    return str_to_u64(s, start);
}

int pidref_start_time(pid_t pid, uint64_t *ret) {
    char state;
    return pidref_stat(pid, &state, ret);
}

bool pidref_is_alive(pid_t pid, uint64_t start) {
    char state = 'X';
    uint64_t now = 0;
    return pidref_stat(pid, &state, &now) == 0 && now == start && state != 'Z' && state != 'X';
}

int pidref_open_started(pid_t pid, uint64_t start) {
    uint64_t now = 0;
    int fd = pidref_open(pid);
    if (fd < 0)
        return fd;
    /* read after the descriptor is held: the number cannot change hands any more */
    int r = pidref_start_time(pid, &now);
    if (r < 0 || now != start) {
        close(fd);
        return r < 0 ? r : -ESRCH;
    }
    return fd;
}

int pidref_signal(int pidfd, int signo) {
    return sys_pidfd_send_signal(pidfd, signo) < 0 ? -errno : 0;
}

int pidref_kill(int pidfd, int timeout_ms) {
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int r = pidref_signal(pidfd, SIGKILL);
    if (r < 0)
        return r == -ESRCH ? 0 : r;
    do
        r = poll(&p, 1, timeout_ms);
    while (r < 0 && errno == EINTR);
    return r > 0 ? 0 : r == 0 ? -ETIMEDOUT : -errno;
}

bool pidref_is_collected(int pidfd) {
    siginfo_t si = {0};
    return waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED | WNOHANG | WNOWAIT) < 0 &&
           errno == ECHILD;
}

int pidref_reap(int pidfd, int *code, int *signo) {
    siginfo_t si = {0};
    int r;
    do
        r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    *signo = si.si_code == CLD_EXITED ? 0 : si.si_status;
    *code = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
    return 0;
}
