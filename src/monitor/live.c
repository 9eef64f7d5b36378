/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/live.h"

#include "base/io.h"
#include "base/str.h"
#include "monitor/protocol.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int live_lock(int dirfd) {
    AUTO_FD int fd = openat(dirfd, MON_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
        return errno == EACCES ? -EAGAIN : -errno;
    return TAKE_FD(fd);
}

int live_write(int fd, const struct mon_live *live) {
    char text[LIVE_TEXT_MAX];
    int n = snprintf(text, sizeof(text),
                     "monitor=%010d pid=%010d start=%020llu started=%020lld paused=%d\n",
                     (int)live->monitor_pid, (int)live->pid, (unsigned long long)live->pid_start,
                     (long long)live->started_ns, live->paused);

    if (n < 0 || (size_t)n >= sizeof(text))
        return -EOVERFLOW;
    ssize_t k = pwrite(fd, text, (size_t)n, 0);
    if (k < 0)
        return -errno;
    return k == n ? 0 : -EIO;
}

/* "key=123" followed by a blank or the end of the line. */
static int live_field(const char **at, const char *key, uint64_t *ret) {
    char digits[24];
    size_t n = strlen(key);

    if (strncmp(*at, key, n) != 0)
        return -EINVAL;
    const char *p = *at + n;
    size_t len = strspn(p, "0123456789");
    if (len == 0 || len >= sizeof(digits) || (p[len] != ' ' && p[len] != '\n'))
        return -EINVAL;
    memcpy(digits, p, len);
    digits[len] = '\0';
    *at = p + len + 1;
    return str_to_u64(digits, ret);
}

int live_parse(const char *text, size_t len, struct mon_live *ret) {
    static const char *const keys[] = {"monitor=", "pid=", "start=", "started=", "paused="};
    uint64_t v[ARRAY_SIZE(keys)];
    char line[LIVE_TEXT_MAX];

    if (len == 0 || len >= sizeof(line) || text[len - 1] != '\n')
        return -EINVAL;
    memcpy(line, text, len);
    line[len] = '\0';
    const char *at = line;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (live_field(&at, keys[i], &v[i]) < 0)
            return -EINVAL;
    if (v[0] > INT32_MAX || v[1] > INT32_MAX || v[3] > INT64_MAX)
        return -EINVAL;
    ret->monitor_pid = (pid_t)v[0];
    ret->pid = (pid_t)v[1];
    ret->pid_start = v[2];
    ret->started_ns = (int64_t)v[3];
    ret->paused = v[4] != 0;
    return 0;
}

uint64_t live_pid_start(pid_t pid) {
    char path[32], text[1024];
    uint64_t start = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (pid <= 0 || io_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
        return 0;
    char *p = strrchr(text, ')'); /* the name before it may hold anything */
    for (int field = 2; p && field < 22; field++) {
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    if (!p)
        return 0;
    p[strcspn(p, " ")] = '\0';
    return str_to_u64(p, &start) < 0 ? 0 : start;
}
