/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/home.h"

#include "base/path.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOME_MAX_READ (1 << 20) /* of a file that may not end */

/* One line: name:password:uid:gid:comment:home:shell. */
static bool home_of_line(const char *line, uid_t uid, char *buf, size_t size) {
    const char *field[6] = {line};
    uint64_t number;
    char text[16];
    for (int i = 1; i < 6; i++) {
        const char *colon = strchr(field[i - 1], ':');
        if (!colon)
            return false;
        field[i] = colon + 1;
    }
    size_t n = (size_t)(field[3] - field[2]) - 1, len = strcspn(field[5], ":");
    if (n == 0 || n >= sizeof(text) || len == 0 || len >= size)
        return false;
    memcpy(text, field[2], n);
    text[n] = 0;
    if (str_to_u64(text, &number) < 0 || number != uid)
        return false;
    memcpy(buf, field[5], len);
    buf[len] = 0;
    return true;
}

/* Line by line through a small buffer; what does not fit in it is no user of ours. */
static bool home_read(int fd, uid_t uid, char *buf, size_t size) {
    char part[2048];
    size_t have = 0;
    ssize_t n = 1;
    for (size_t total = 0; n > 0 && total < HOME_MAX_READ; total += (size_t)n) {
        while ((n = read(fd, part + have, sizeof(part) - 1 - have)) < 0 && errno == EINTR)
            ;
        have += n > 0 ? (size_t)n : 0;
        part[have] = 0;
        char *line = part, *end;
        while ((end = memchr(line, '\n', have - (size_t)(line - part))) || (n <= 0 && *line)) {
            if (end)
                *end = 0;
            if (home_of_line(line, uid, buf, size))
                return true;
            if (!end)
                return false;
            line = end + 1;
        }
        have -= (size_t)(line - part);
        memmove(part, line, have);
        if (have == sizeof(part) - 1)
            have = 0;
    }
    return false;
}

void home_find(uid_t uid, char *buf, size_t size) {
    struct stat st;
    AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD int fd = path_open_in_root(root, "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !home_read(fd, uid, buf, size))
        (void)!str_copy(buf, size, "/");
}
